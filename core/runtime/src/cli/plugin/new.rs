//! `chenbao plugin new`: the folder of a plugin of one's own.

use super::args::{Kind, Lang, NewArgs};
use crate::authoring::scaffold::{self, Sdk, Wanted};
use crate::cli::print::Voice;
use crate::cli::{Answer, Ended};
use crate::plugin::descriptor::ComponentKind;
use crate::storage;
use chenbao_model::Diagnostic;
use serde_json::json;
use std::path::{Path, PathBuf};

pub(super) fn new(args: &NewArgs, voice: Voice) -> Answer {
    scaffold::named(&args.name)?;
    let at =
        std::path::absolute(&args.at).map_err(|e| storage::refused("the folder", &args.at, &e))?;
    let folder = at.join(&args.name);
    if folder.exists() {
        return Err(Diagnostic::error("there is something of this name already")
            .in_file(folder.display().to_string())
            .hint("take another name or another --at: `plugin new` overwrites nothing")
            .into());
    }
    let (kind, lang) = chosen(args);
    let sdk = (lang == scaffold::Lang::Rust)
        .then(|| Sdk::find(args.sdk.as_deref()))
        .transpose()?;
    let wanted = Wanted {
        name: &args.name,
        kind,
        lang,
        folder: &folder,
        sdk: sdk.as_ref(),
    };
    let files = scaffold::files(&wanted)?;
    for (path, text) in &files {
        write(&folder.join(path), text)?;
        voice.say(format!("wrote {}", folder.join(path).display()));
    }
    if let Some(sdk) = &sdk {
        voice.say(format!("the SDK is {}", sdk.told()));
    }
    voice.say(format!(
        "\nNext:\n  chenbao plugin test {0}",
        folder.display()
    ));
    let written: Vec<PathBuf> = files.iter().map(|(path, _)| folder.join(path)).collect();
    voice.answer(&json!({
        "plugin": args.name, "folder": folder, "sdk": sdk.as_ref().map(Sdk::told), "files": written,
    }));
    Ok(Ended::Done)
}

fn chosen(args: &NewArgs) -> (ComponentKind, scaffold::Lang) {
    let kind = match args.kind {
        Kind::Metric => ComponentKind::Metric,
        Kind::Source => ComponentKind::Source,
    };
    let lang = match args.lang {
        Lang::Rust => scaffold::Lang::Rust,
        Lang::C => scaffold::Lang::C,
        Lang::Sql => scaffold::Lang::Sql,
    };
    (kind, lang)
}

fn write(path: &Path, text: &str) -> Result<(), Diagnostic> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)
        .map_err(|e| storage::refused("the plugin's folder", folder, &e))?;
    storage::create(path, text.as_bytes()).map_err(|e| storage::refused("the plugin", path, &e))
}
