//! Every mapping that ships with a source plugin fits the canonical tables.

use super::{Desk, texts};
use crate::{Contract, Mapping};
use std::path::Path;

#[tokio::test]
async fn every_shipped_preset_plans_against_its_tables() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/source-files/presets");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let mapping =
            Mapping::from_toml(&name, &text).unwrap_or_else(|problems| panic!("{problems}"));
        let headers: Vec<&str> = mapping.columns.iter().flat_map(Contract::headers).collect();
        let required: Vec<&str> = mapping
            .columns
            .iter()
            .filter(|column| column.required)
            .map(|column| column.header.as_str())
            .collect();
        let desk = Desk::new();
        for columns in [headers.as_slice(), required.as_slice()] {
            let shop = (text.as_str(), "flagship", "feed");
            let done = desk.ingest(shop, (columns, &[]), &[], &[]).await;
            let done = done.unwrap_or_else(|problems| panic!("{name}: {problems}"));
            assert_eq!(
                (done.value.len(), texts(&done.warnings)),
                (0, String::new()),
                "{name}"
            );
        }
        seen += 1;
    }
    assert!(seen >= 9, "only {seen} presets were found");
}
