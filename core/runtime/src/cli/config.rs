//! `chenbao config`: the configuration for programs that help to write it.

use super::args::ConfigCommand;
use super::print::Voice;
use super::{Answer, Ended, exe};
use crate::config;
use crate::plugin::descriptor::ComponentKind;
use crate::plugin::options;
use crate::plugin::store::PluginStore;
use crate::project;
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn config(file: &Path, command: &ConfigCommand, voice: Voice) -> Answer {
    match command {
        ConfigCommand::Schema => schema(file, voice),
    }
}

/// Prints it whatever state the configuration is in: an editor needs it most where something is wrong.
fn schema(file: &Path, voice: Voice) -> Answer {
    let loaded = config::load(file).ok();
    let config = loaded.as_ref().map(|warned| &warned.value);
    let plugins = project::plugins_of(config, &exe()?);
    let mut schema = config::schema();
    for (table, kind) in [
        ("source", ComponentKind::Source),
        ("metric", ComponentKind::Metric),
    ] {
        of_plugins(
            &mut schema["properties"][table]["additionalProperties"],
            &plugins,
            kind,
        );
    }
    voice.say(print_pretty(&schema));
    voice.answer(&schema);
    Ok(Ended::Done)
}

fn print_pretty(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default()
}

/// Which plugins there are, and what `with` holds for each of them.
fn of_plugins(schema: &mut Value, plugins: &PluginStore, kind: ComponentKind) {
    let these = || {
        let all = plugins.components();
        all.filter(move |component| component.descriptor.kind == kind)
    };
    let ids: Vec<Value> = these()
        .map(|component| json!({ "const": component.id, "description": component.descriptor.summary }))
        .collect();
    let described = schema["properties"]["plugin"]["description"].clone();
    // Others may be installed later: a text that is none of them is no mistake of the file.
    let others = json!({ "type": "string" });
    let any: Vec<Value> = ids.into_iter().chain([others]).collect();
    schema["properties"]["plugin"] = json!({ "description": described, "anyOf": any });
    let rules: Vec<Value> = these()
        .map(|component| {
            json!({
                "if": { "properties": { "plugin": { "const": component.id } }, "required": ["plugin"] },
                "then": { "properties": { "with": options::schema(&component.descriptor.options) } },
            })
        })
        .collect();
    schema["allOf"] = Value::Array(rules);
}
