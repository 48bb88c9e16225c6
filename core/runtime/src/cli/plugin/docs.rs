//! `chenbao plugin docs`: the generated parts of a README.

use super::args::DocsArgs;
use crate::authoring::{bench, readme};
use crate::cli::print::Voice;
use crate::cli::{Answer, Ended, exe};
use crate::storage;
use chenbao_model::Diagnostic;
use serde_json::json;

pub(super) fn docs(args: &DocsArgs, voice: Voice) -> Answer {
    let on_bench = bench::open(&args.path, args.library.as_deref(), &exe()?)?;
    let Some(folder) = &on_bench.folder else {
        return Err(Diagnostic::error("a library alone has no README")
            .hint("give the plugin's folder")
            .into());
    };
    let path = folder.join("README.md");
    let at = |problem: Diagnostic| problem.in_file(path.display().to_string());
    let text = std::fs::read_to_string(&path)
        .map_err(|e| at(Diagnostic::error(format!("cannot be read: {e}"))))?;
    let wrong: Vec<Diagnostic> = readme::lint(&text, on_bench.component.descriptor.kind)
        .into_iter()
        .map(|why| at(Diagnostic::error(why)))
        .collect();
    let now = readme::generated(&text, folder, &on_bench.component.descriptor);
    let stale = now != text;
    if stale && !args.check {
        storage::write(&path, now.as_bytes())
            .map_err(|e| storage::refused("the README", &path, &e))?;
        voice.say(format!("wrote {}", path.display()));
    } else if stale {
        voice.tell(
            &[at(Diagnostic::error("the generated parts are not current")
                .hint(format!(
                    "run `chenbao plugin docs {}`",
                    args.path.display()
                )))],
        );
    } else {
        voice.say(format!("{} is current", path.display()));
    }
    voice.tell(&wrong);
    voice.answer(&json!({"readme": path, "stale": stale, "problems": wrong.len()}));
    Ok(if (stale && args.check) || !wrong.is_empty() {
        Ended::Failed
    } else {
        Ended::Done
    })
}
