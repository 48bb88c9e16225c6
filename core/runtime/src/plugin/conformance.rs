//! An answer against its plugin's own declaration: declared items and units, words for everything that is shown.

use super::descriptor::{Descriptor, OutputKind};
use chenbao_model::result::{self, Argument, Cell, Finding, Item, ResultDoc, Series, Table, Words};
use chenbao_model::strings::{Piece, pieces};
use std::collections::{BTreeMap, BTreeSet};

/// Everything in which an answer breaks the contract or its declaration. `outputs` are those that are expected, if not all.
pub(super) fn breaches(
    doc: &ResultDoc,
    descriptor: &Descriptor,
    outputs: Option<&BTreeSet<String>>,
) -> Vec<String> {
    let mut found = result::breaches(doc);
    for item in &doc.items {
        declared(item, descriptor, &mut found);
    }
    for output in descriptor
        .outputs
        .iter()
        .filter(|output| output.kind != OutputKind::Finding)
        .filter(|output| outputs.is_none_or(|expected| expected.contains(&output.id)))
    {
        if doc.item(&output.id).is_none() {
            found.push(format!("the declared output `{}` is not in the answer; give it with `missing` if there is nothing to say", output.id));
        }
    }
    let mut spoken = Spoken {
        descriptor,
        found: BTreeSet::new(),
    };
    spoken.document(doc);
    found.extend(spoken.found);
    found
}

fn declared(item: &Item, descriptor: &Descriptor, found: &mut Vec<String>) {
    let (name, kind, unit) = match item {
        Item::Scalar(scalar) => (&scalar.id, OutputKind::Scalar, scalar.unit.as_str()),
        Item::Series(series) => (&series.id, OutputKind::Series, ""),
        Item::Table(table) => (&table.id, OutputKind::Table, ""),
        Item::Finding(finding) => (&finding.kind, OutputKind::Finding, ""),
    };
    match descriptor.output(name) {
        None => found.push(format!(
            "`{name}` is not among the outputs that metric.toml declares"
        )),
        Some(output) if output.kind != kind => {
            found.push(format!(
                "`{name}` is a {kind}, declared as a {}",
                output.kind
            ));
        }
        Some(output) if !unit.is_empty() && !output.unit.is_empty() && output.unit != unit => {
            found.push(format!(
                "`{name}` is in `{unit}`, declared in `{}`",
                output.unit
            ));
        }
        Some(_) => {}
    }
}

/// Walks over everything that is shown by key and notes what has no words.
struct Spoken<'a> {
    descriptor: &'a Descriptor,
    found: BTreeSet<String>,
}

impl Spoken<'_> {
    fn document(&mut self, doc: &ResultDoc) {
        for item in &doc.items {
            match item {
                Item::Scalar(scalar) => {
                    self.word(&format!("item.{}", scalar.id));
                    scalar
                        .note
                        .iter()
                        .for_each(|note| self.sentence("note", note));
                }
                Item::Series(series) => self.series(series),
                Item::Table(table) => self.table(table),
                Item::Finding(finding) => self.finding(finding),
            }
        }
        doc.quality
            .iter()
            .for_each(|quality| self.sentence("quality", &quality.words));
    }

    fn series(&mut self, series: &Series) {
        self.word(&format!("item.{}", series.id));
        for line in &series.y {
            self.word(&format!("series.{}.{}", series.id, line.id));
        }
        series
            .points
            .iter()
            .flatten()
            .for_each(|cell| self.cell(cell));
    }

    fn table(&mut self, table: &Table) {
        self.word(&format!("item.{}", table.id));
        for column in &table.columns {
            let own = format!("column.{}.{}", table.id, column.name);
            self.either(&own, &format!("column.{}", column.name));
        }
        table.rows.iter().flatten().for_each(|cell| self.cell(cell));
    }

    fn finding(&mut self, finding: &Finding) {
        self.filled(&format!("finding.{}", finding.kind), &finding.args);
        finding
            .excluded
            .iter()
            .for_each(|words| self.sentence("excluded", words));
        finding
            .action
            .iter()
            .for_each(|words| self.sentence("action", words));
    }

    fn sentence(&mut self, prefix: &str, words: &Words) {
        self.filled(&format!("{prefix}.{}", words.key), &words.args);
    }

    fn cell(&mut self, cell: &Cell) {
        if let Cell::Key(key) = cell {
            self.word(&format!("value.{key}"));
        }
    }

    fn word(&mut self, key: &str) {
        self.either(key, key);
    }

    fn either(&mut self, key: &str, other: &str) {
        for (lang, strings) in &self.descriptor.words {
            if strings.get(key).or_else(|| strings.get(other)).is_none() {
                self.found
                    .insert(format!("`{key}` has no words in strings.{lang}.toml"));
            }
        }
    }

    /// A sentence whose placeholders need arguments.
    fn filled(&mut self, key: &str, args: &BTreeMap<String, Argument>) {
        self.word(key);
        args.values()
            .for_each(|argument| self.cell(&argument.value));
        for (lang, strings) in &self.descriptor.words {
            for piece in strings
                .get(key)
                .and_then(|sentence| pieces(sentence).ok())
                .unwrap_or_default()
            {
                if let Piece::Argument { name, .. } = piece
                    && !args.contains_key(&name)
                {
                    self.found.insert(format!("the sentence `{key}` of strings.{lang}.toml wants `{{{name}}}`, which the answer does not give"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::descriptor::tests::descriptor;

    fn check(items: &str) -> String {
        let doc: ResultDoc = serde_json::from_str(&format!(
            r#"{{"schema":"chenbao.result/1","items":[{items}]}}"#
        ))
        .unwrap();
        breaches(&doc, &descriptor(), None).join("\n")
    }

    #[test]
    fn an_answer_as_declared_has_no_breach() {
        let good = r#"{"type":"scalar","id":"paid","unit":"money","value":1},
            {"type":"finding","id":"f","kind":"drop","severity":"info","args":{"rate":{"value":3,"unit":"%"}}}"#;
        assert_eq!(check(good), "");
    }

    #[test]
    fn undeclared_and_wordless_things_are_all_named() {
        let found = check(
            r#"{"type":"scalar","id":"paid","unit":"%","value":1,"note":{"key":"nowhere"}},
            {"type":"scalar","id":"extra","unit":"1","value":1},
            {"type":"finding","id":"f","kind":"drop","severity":"info"}"#,
        );
        for word in [
            "declared in `money`",
            "`extra` is not among",
            "`note.nowhere` has no words",
            "wants `{rate}`",
        ] {
            assert!(found.contains(word), "{word} in {found}");
        }
        assert!(check("").contains("`paid` is not in the answer"));
    }
}
