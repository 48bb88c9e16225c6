//! Looks again and again whether configuration, templates, theme or words were saved.

use super::Desk;
use crate::project::Project;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

/// From one look to the next: sooner than an editor's window gives way to the browser's.
const EVERY: Duration = Duration::from_millis(300);

/// A file, its size and when it was written.
type Stamp = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// Until it is aborted.
pub(super) async fn watch(desk: Arc<Desk>) {
    let mut before = stamps(&desk.project());
    loop {
        tokio::time::sleep(EVERY).await;
        let now = stamps(&desk.project());
        if now == before {
            continue;
        }
        if now.0 != before.0 {
            reopen(&desk).await;
        }
        // A configuration may have moved the templates. What is saved from here on is another change.
        before = (now.0, stamps(&desk.project()).1);
        desk.version.send_modify(|version| *version += 1);
    }
}

/// Of the configuration, and of the templates.
fn stamps(project: &Project) -> (Stamp, Stamp) {
    let (mut config, mut templates) = (Vec::new(), Vec::new());
    add(Path::new(&project.config.file), &mut config);
    crate::audit::list(&project.config.templates, &mut |path| {
        add(path, &mut templates);
    });
    (config, templates)
}

fn add(path: &Path, to: &mut Stamp) {
    if let Ok(about) = std::fs::metadata(path) {
        to.push((path.to_path_buf(), about.len(), about.modified().ok()));
    }
}

async fn reopen(desk: &Desk) {
    let broken = match (desk.reopen)().await {
        Ok(project) => {
            *desk.project.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(project);
            None
        }
        Err(problems) => Some(problems),
    };
    *desk.broken.lock().unwrap_or_else(PoisonError::into_inner) = broken;
}
