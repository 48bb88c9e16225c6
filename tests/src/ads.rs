//! The metric without code: its cases, from an export to figures, and what a role without the label does not see.

use crate::project::Project;
use crate::published::bare;
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![trial("ads::every_case_gives_its_expected_figures", cases)]
}

fn cases() -> Result<(), Failed> {
    let dir = crate::house_rules::root().join("plugins/metric-ads/cases");
    for case in std::fs::read_dir(dir)?.flatten() {
        let expected: Value =
            serde_json::from_slice(&std::fs::read(case.path().join("expected.json"))?)?;
        check(
            &std::fs::read_to_string(case.path().join("export.csv"))?,
            &expected,
        );
    }
    Ok(())
}

fn check(export: &str, expected: &Value) {
    let project = Project::from_case("one-shop").env("CHENBAO_NOW", "2026-11-22T09:30:00+08:00");
    let config = project.read("chenbao.toml").replace("[metric.sales]", "[source.ads]\nplugin = \"files\"\nshop = \"main\"\nmapping = \"qianchuan-ads\"\n[source.ads.with]\npath = \"exports/ads/*.csv\"\n\n[metric.ads]\nplugin = \"ads\"\n[metric.sales]");
    project.write(
        "chenbao.toml",
        config.replace("metrics = [\"sales\"]", "metrics = [\"sales\", \"ads\"]"),
    );
    project.write("exports/ads/1795309200_计划日报.csv", export);
    let period = expected["period"].as_str().unwrap();
    let results = project
        .run(&["run", "daily", "--period", period, "--results", "--json"])
        .json();
    let items = results["results"][0]["metrics"]["ads"]["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{results}"));
    let of = |id: &str| {
        let item = items
            .iter()
            .find(|item| item["id"] == id)
            .unwrap_or_else(|| panic!("no {id}"));
        bare(
            item["value"]["$dec"]
                .as_str()
                .unwrap_or_else(|| panic!("{item}")),
        )
    };
    for (id, value) in expected["scalars"].as_object().unwrap() {
        assert_eq!(of(id), value.as_str().unwrap(), "{id}");
    }
    for (id, value) in expected["begins"].as_object().unwrap() {
        assert!(
            of(id).starts_with(value.as_str().unwrap()),
            "{id} is {}",
            of(id)
        );
    }
}
