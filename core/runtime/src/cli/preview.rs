//! `preview`: a page on this machine that shows reports while their templates are written.

use super::args::PreviewArgs;
use super::print::Voice;
use super::serve::Signals;
use super::{Answer, Ended, open};
use crate::preview;
use serde_json::json;
use std::path::{Path, PathBuf};

pub(super) async fn preview(file: &Path, args: &PreviewArgs, voice: Voice) -> Answer {
    let mut signals = Signals::listen()?;
    let project = open(file, "error", voice).await?;
    let again = PathBuf::from(file);
    let reopen = Box::new(move || -> futures::future::BoxFuture<'static, _> {
        let file = again.clone();
        Box::pin(async move { open(&file, "error", voice).await })
    });
    let preview = preview::open(project, reopen, args.port).await?;
    let url = format!("http://{}/", preview.address());
    voice.say(format!("{url}  follows what you save; stop with Ctrl-C"));
    voice.answer(&json!({"url": url}));
    tokio::select! {
        ended = preview.run() => ended?,
        () = signals.next() => {}
    }
    Ok(Ended::Done)
}
