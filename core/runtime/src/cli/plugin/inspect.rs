//! `chenbao plugin inspect`: what one plugin says of itself.

use crate::cli::print::{self, Voice};
use crate::cli::{Answer, Ended};
use crate::plugin::store::Component;
use crate::project::Project;
use serde_json::json;

pub(super) fn inspect(project: &Project, plugin: &str, voice: Voice) -> Answer {
    let component = project.plugins.component(plugin)?;
    let descriptor = &component.descriptor;
    voice.say(format!(
        "{} {} ({})",
        component.id, descriptor.version, descriptor.kind
    ));
    voice.say(&descriptor.summary);
    if let Some(library) = &component.library {
        voice.say(format!("library  {}", library.display()));
    }
    if let Some(digest) = &component.digest {
        voice.say(format!("sha-256  {digest}"));
    }
    voice.say(format!("trust    {}", component.standing.word()));
    let inputs: Vec<Vec<String>> = descriptor
        .inputs
        .iter()
        .map(|input| {
            vec![
                input.name.clone(),
                input.tables.join(", "),
                format!("{:?}", input.window),
                input.description.clone(),
            ]
        })
        .collect();
    if !inputs.is_empty() {
        voice.say(print::table(
            &["input", "tables", "window", "what"],
            &inputs,
        ));
    }
    say_outputs(component, voice);
    voice.answer(&json!({
        "id": component.id, "kind": descriptor.kind.to_string(), "version": descriptor.version, "summary": descriptor.summary,
        "digest": component.digest, "standing": component.standing.word(), "presets": descriptor.presets.keys().collect::<Vec<_>>(),
        "inputs": descriptor.inputs.iter().map(|input| json!({"name": input.name, "tables": input.tables, "sql": input.sql})).collect::<Vec<_>>(),
        "outputs": descriptor.outputs.iter().map(|output| json!({"id": output.id, "type": output.kind.to_string(), "unit": output.unit})).collect::<Vec<_>>(),
    }));
    Ok(Ended::Done)
}

fn say_outputs(component: &Component, voice: Voice) {
    let outputs: Vec<Vec<String>> = component
        .descriptor
        .outputs
        .iter()
        .map(|output| {
            vec![
                output.id.clone(),
                output.kind.to_string(),
                output.unit.clone(),
            ]
        })
        .collect();
    if !outputs.is_empty() {
        voice.say(print::table(&["output", "type", "unit"], &outputs));
    }
    if !component.descriptor.presets.is_empty() {
        let names: Vec<&str> = component
            .descriptor
            .presets
            .keys()
            .map(String::as_str)
            .collect();
        voice.say(format!("presets  {}", names.join(", ")));
    }
}
