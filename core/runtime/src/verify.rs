//! Step 7, verify: what is about to leave is looked at once more: sizes, pictures, and that nobody reads what is hidden from them.

use chenbao_model::diagnostic::Problems;
use chenbao_model::result::{Cell, Item, ResultDoc};
use chenbao_model::sensitivity::visible;
use chenbao_model::{Artifact, Decimal, Diagnostic, Sensitivities};
use std::collections::BTreeSet;

/// The largest HTML that Gmail shows whole, with a margin.
const HTML_LIMIT: usize = 90_000;
/// Figures shorter than this occur by chance; they prove nothing.
const TELLING_DIGITS: usize = 6;

/// Checks the artifacts of one audience. Warnings travel on; problems stop the delivery.
///
/// # Errors
/// An HTML picture without its bytes, an empty artifact, or a hidden figure in a readable artifact.
pub fn verify(
    artifacts: &[Artifact],
    results: &[&ResultDoc],
    shows: &Sensitivities,
) -> Result<Vec<Diagnostic>, Problems> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let hidden = hidden_figures(results, shows);
    for artifact in artifacts {
        if artifact.bytes.is_empty() {
            problems.push(Diagnostic::error(format!("`{}` is empty", artifact.name)));
        }
        let Some(text) = readable(artifact) else {
            continue;
        };
        if artifact.media_type.starts_with("text/html") {
            check_pictures(&text, artifacts, &mut problems);
            if text.len() > HTML_LIMIT && text.contains("cid:") {
                warnings.push(Diagnostic::warning(format!(
                    "the mail has {} bytes; Gmail cuts it at about 102,000",
                    text.len()
                )));
            }
        }
        let digits: String = text.chars().filter(|c| *c != ',').collect();
        for (id, figure) in &hidden {
            if digits.contains(figure.as_str()) {
                problems.push(Diagnostic::error(format!(
                    "`{}` shows `{id}`, which this audience may not see",
                    artifact.name
                )));
            }
        }
    }
    if problems.is_empty() {
        Ok(warnings)
    } else {
        Err(Problems(problems))
    }
}

fn readable(artifact: &Artifact) -> Option<String> {
    artifact
        .media_type
        .starts_with("text/")
        .then(|| String::from_utf8_lossy(&artifact.bytes).into_owned())
}

fn check_pictures(html: &str, artifacts: &[Artifact], problems: &mut Vec<Diagnostic>) {
    let known: BTreeSet<&str> = artifacts
        .iter()
        .filter_map(|artifact| artifact.cid.as_deref())
        .collect();
    for rest in html.split("\"cid:").skip(1) {
        let cid = rest.split('"').next().unwrap_or_default();
        if !known.contains(cid) {
            problems.push(Diagnostic::error(format!(
                "the mail shows the picture `{cid}`, which was not made"
            )));
        }
    }
}

/// Long figures that only hidden items hold, as they would be printed in full.
fn hidden_figures(results: &[&ResultDoc], shows: &Sensitivities) -> Vec<(String, String)> {
    let mut shown = BTreeSet::new();
    let mut hidden = Vec::new();
    for item in results.iter().flat_map(|doc| &doc.items) {
        let figures = figures_of(item);
        if visible(item.sensitivity(), shows) {
            shown.extend(figures);
        } else {
            hidden.extend(
                figures
                    .into_iter()
                    .map(|figure| (item.id().to_owned(), figure)),
            );
        }
    }
    hidden.retain(|(_, figure)| !shown.contains(figure));
    hidden
}

fn figures_of(item: &Item) -> Vec<String> {
    let cells: Vec<&Cell> = match item {
        Item::Scalar(scalar) => vec![&scalar.value],
        Item::Series(series) => series.points.iter().flatten().collect(),
        Item::Table(table) => table.rows.iter().flatten().collect(),
        Item::Finding(finding) => finding
            .args
            .values()
            .map(|argument| &argument.value)
            .collect(),
    };
    let printed = |value: Decimal| chenbao_model::money::round(value, 0).abs().to_string();
    cells
        .into_iter()
        .filter_map(Cell::number)
        .map(printed)
        .filter(|figure| figure.len() >= TELLING_DIGITS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(sensitivity: &str) -> ResultDoc {
        let json = format!(
            r#"{{"schema":"chenbao.result/1","items":[{{"type":"scalar","id":"cost","unit":"money","value":{{"$dec":"1234567.40"}},"sensitivity":[{sensitivity}]}}]}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_hidden_figure_stops_the_delivery() {
        let page = [Artifact::new(
            "a.txt",
            "text/plain",
            "成本 ¥1,234,567".into(),
        )];
        let hidden = doc("\"cost\"");
        assert!(
            verify(&page, &[&hidden], &Sensitivities::new())
                .unwrap_err()
                .to_string()
                .contains("may not see")
        );
        let public = doc("");
        assert!(verify(&page, &[&public], &Sensitivities::new()).is_ok());
    }

    #[test]
    fn a_picture_without_bytes_is_found() {
        let page = [Artifact::new(
            "a.html",
            "text/html",
            "<img src=\"cid:chart-1\">".into(),
        )];
        assert!(
            verify(&page, &[], &Sensitivities::new())
                .unwrap_err()
                .to_string()
                .contains("chart-1")
        );
    }
}
