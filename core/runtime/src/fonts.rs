//! The font store: files of the families that a project names, from its own folder, else from the system's.

use crate::config::fonts::Fonts as Wanted;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use chenbao_report::fonts::{Fonts, families};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where systems keep fonts; a folder that does not exist has none.
const SYSTEM: [&str; 5] = [
    "/usr/local/share/fonts",
    "/usr/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:\\Windows\\Fonts",
];
/// The same below a user's home.
const HOME: [&str; 3] = [".local/share/fonts", ".fonts", "Library/Fonts"];

/// The fonts of a project. Where it names no family, only those of the build: the same page on every machine.
///
/// # Errors
/// A folder that cannot be read, families that nobody has, a font file that does not parse.
pub fn open(wanted: &Wanted) -> Result<Fonts, Problems> {
    let mut left: BTreeSet<String> = wanted.families.names().map(str::to_lowercase).collect();
    if left.is_empty() {
        return Ok(Fonts::embedded()?);
    }
    let mut files = Vec::new();
    let mut own = Vec::new();
    if let Some(dir) = &wanted.dir {
        own = fonts_below(dir).map_err(|e| {
            Diagnostic::error(format!("cannot read the folder of fonts: {e}"))
                .in_file(dir.display().to_string())
                .hint("check [fonts] dir")
        })?;
    }
    take(&own, &mut left, &mut files);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let homes = home.iter().flat_map(|home| HOME.map(|dir| home.join(dir)));
    for dir in homes.chain(SYSTEM.map(PathBuf::from)) {
        if !left.is_empty() {
            take(
                &fonts_below(&dir).unwrap_or_default(),
                &mut left,
                &mut files,
            );
        }
    }
    Fonts::with(&wanted.families, files).map_err(|problems| {
        let placed = problems
            .0
            .into_iter()
            .map(|problem| problem.at(wanted.place.clone()));
        Problems(placed.collect())
    })
}

/// Keeps the files that hold a family which no folder before had; a family is taken whole from one folder.
fn take(paths: &[PathBuf], left: &mut BTreeSet<String>, files: &mut Vec<Vec<u8>>) {
    let mut found = BTreeSet::new();
    for path in paths {
        // A file that cannot be read is a family that is not there, which is told by its name.
        let Ok(bytes) = std::fs::read(path) else {
            continue;
        };
        let names = families(&bytes).into_iter().map(|name| name.to_lowercase());
        let names: Vec<String> = names.filter(|name| left.contains(name)).collect();
        if !names.is_empty() {
            found.extend(names);
            files.push(bytes);
        }
    }
    left.retain(|name| !found.contains(name));
}

/// Font files below a folder, by path.
fn fonts_below(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let extension = path.extension().map(|ext| ext.to_ascii_lowercase());
        let is_font = extension.is_some_and(|ext| ext == "ttf" || ext == "otf" || ext == "ttc");
        if path.is_dir() {
            found.extend(fonts_below(&path).unwrap_or_default());
        } else if is_font {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
