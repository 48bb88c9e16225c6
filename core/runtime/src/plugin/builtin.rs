//! Metrics without code that ship inside the program, so that they are there wherever it runs.

use super::descriptor::Folder;

/// Path inside the folder and text, by the folder's name.
type Files = &'static [(&'static str, &'static str)];

macro_rules! folder {
    ($name:literal: $($file:literal)+) => {
        ($name, &[$(($file, include_str!(concat!("../../../../plugins/", $name, "/", $file)))),+] as Files)
    };
}

const FOLDERS: &[(&str, Files)] = &[
    folder!("metric-ads": "metric.toml" "strings.en.toml" "strings.zh-CN.toml" "sql/days.sql" "sql/plans.sql" "sql/total.sql" ),
];

/// The folders.
pub(super) fn folders() -> impl Iterator<Item = (&'static str, Folder)> {
    FOLDERS.iter().map(|(name, files)| {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        (
            *name,
            Folder {
                files: files.collect(),
                ..Folder::default()
            },
        )
    })
}
