//! What is watched: alerts by state, and decisions that are due, each out of a table with agreed columns.

use super::build::Composer;
use super::markup::Element;
use super::results::Found;
use super::sentence::data;
use super::tables::{self, value_word};
use crate::format::{Style, fill};
use crate::input::MetricInput;
use chenbao_model::document::{Block, Inline, Row, Tone, plain};
use chenbao_model::result::{Cell, ColumnType, Item, ResultColumn, Table};
use chenbao_model::{Decimal, Diagnostic};
use jiff::civil::Date;

/// States of alerts, in the order in which they are read.
const STATES: [&str; 3] = ["new", "lasting", "recovered"];

/// One row of a table as this audience may see it.
struct Seen<'a> {
    metric: &'a MetricInput,
    columns: &'a [(usize, &'a ResultColumn)],
    row: &'a [Cell],
}

impl<'a> Seen<'a> {
    fn cell(&self, name: &str) -> Option<&'a Cell> {
        let (at, _) = self
            .columns
            .iter()
            .find(|(_, column)| column.name == name)?;
        self.row.get(*at).filter(|cell| **cell != Cell::Null)
    }

    fn key(&self, name: &str) -> Option<&'a str> {
        self.cell(name).and_then(Cell::text)
    }

    fn day(&self, name: &str) -> Option<Date> {
        self.key(name)?.parse().ok()
    }

    /// A text from data, or the words of a key.
    fn said(&self, name: &str) -> Option<String> {
        Some(match self.cell(name)? {
            Cell::Key(key) => value_word(self.metric, key),
            other => data(other.text()?).text,
        })
    }

    fn number(&self, name: &str) -> Option<Decimal> {
        self.cell(name)?.number()
    }

    /// The unit of this row's figures: rows may differ in it.
    fn unit(&self) -> &'a str {
        self.key("unit").unwrap_or_default()
    }
}

impl<'a> Composer<'a> {
    /// The table that an element names, or why there is none.
    fn watched(
        &mut self,
        element: &Element,
    ) -> Option<Result<(&'a MetricInput, &'a Table), String>> {
        let path = element.attribute("data")?;
        match self.find(element, path)? {
            Found::Item(metric, Item::Table(table), None) => Some(Ok((metric, table))),
            Found::Gap { why, .. } => Some(Err(why)),
            Found::Item(..) => {
                self.mismatch(element, path, "a table");
                None
            }
            Found::NotConfigured(_) | Found::Hidden => None,
        }
    }

    /// The columns that this audience may see; one that the block cannot do without is an error.
    fn agreed(
        &mut self,
        element: &Element,
        (metric, table): (&MetricInput, &'a Table),
        needed: &[&str],
    ) -> Option<Vec<(usize, &'a ResultColumn)>> {
        for name in needed {
            if !table.columns.iter().any(|column| column.name == *name) {
                let message = format!(
                    "`<{}>` needs a column `{name}`, and the table `{}` has none",
                    element.name, table.id
                );
                self.problem(element, Diagnostic::error(message));
                return None;
            }
        }
        let columns = self.frame.results.columns(table);
        self.shown_columns(metric, table, &columns);
        Some(columns)
    }

    fn sentence(&self, words: String) -> Vec<Block> {
        let inline = Inline {
            tone: Tone::Muted,
            ..Inline::words(words)
        };
        vec![Block::Paragraph {
            inlines: vec![inline],
        }]
    }

    /// Alerts: the new ones first, then what lasts, then what has recovered; the section's note counts them.
    pub(super) fn alerts(&mut self, element: &Element) -> Vec<Block> {
        let (metric, table) = match self.watched(element) {
            Some(Ok(found)) => found,
            Some(Err(why)) => return self.sentence(why),
            None => return Vec::new(),
        };
        if table.rows.is_empty() && table.missing.is_none() {
            let none = self.frame.format.word("alerts.none").to_owned();
            return self.sentence(none);
        }
        let Some(columns) = self.agreed(element, (metric, table), &["level", "state"]) else {
            return Vec::new();
        };
        let state = |row: &Vec<Cell>| {
            let seen = Seen {
                metric,
                columns: &columns,
                row,
            };
            let key = seen.key("state");
            let place = STATES.iter().position(|state| key == Some(state));
            place.unwrap_or(STATES.len())
        };
        let mut ordered = table.clone();
        ordered.rows.sort_by_key(state);
        self.caption = Some(self.counted(&ordered.rows, &state));
        let shown = columns
            .iter()
            .filter(|(_, column)| !matches!(column.name.as_str(), "unit" | "since"));
        let wanted = tables::Wanted {
            columns: shown.copied().collect(),
            most: self.number(element, "most"),
            title: element.attribute("title").map(str::to_owned),
        };
        let mut said = self.result_table(metric, &ordered, &wanted);
        for (words, row) in said.rows.iter_mut().zip(&ordered.rows) {
            let seen = Seen {
                metric,
                columns: &columns,
                row,
            };
            self.alert(&seen, &wanted.columns, words);
        }
        vec![Block::Table(said)]
    }

    /// `新增 2 · 持续 1 · 已恢复 1`.
    fn counted(&self, rows: &[Vec<Cell>], state: &dyn Fn(&Vec<Cell>) -> usize) -> String {
        let format = self.frame.format;
        let part = |(place, name): (usize, &&str)| {
            let count = rows.iter().filter(|row| state(row) == place).count();
            let word = format!("alerts.count_{name}");
            let said = || fill(format.word(&word), &[("n", &count.to_string())]);
            (count > 0).then(said)
        };
        let parts: Vec<String> = STATES.iter().enumerate().filter_map(part).collect();
        parts.join(" · ")
    }

    /// Words and tones of one alert: its level, its figures in their own unit, and how long it has been there.
    fn alert(&self, seen: &Seen<'_>, columns: &[(usize, &ResultColumn)], words: &mut Row) {
        let format = self.frame.format;
        let recovered = seen.key("state") == Some("recovered");
        for ((_, column), cell) in columns.iter().zip(&mut words.cells) {
            match column.name.as_str() {
                "level" => {
                    let level = seen.key("level").unwrap_or_default();
                    let (key, tone) = match level {
                        _ if recovered => ("recovered", Tone::Good),
                        "critical" => ("critical", Tone::Bad),
                        "warning" => ("warning", Tone::Plain),
                        _ => ("info", Tone::Muted),
                    };
                    *cell = vec![Inline {
                        tone,
                        bold: matches!(key, "critical" | "warning"),
                        ..Inline::words(format.word(&format!("alerts.level_{key}")))
                    }];
                }
                "state" => *cell = vec![Inline::words(self.state(seen))],
                name if column.kind == ColumnType::Number && !seen.unit().is_empty() => {
                    if let Some(value) = seen.number(name) {
                        *cell = vec![Inline {
                            unbroken: true,
                            ..Inline::words(format.figure(value, seen.unit(), Style::Full))
                        }];
                    }
                }
                _ => {}
            }
        }
    }

    /// `新增`, `持续 4 天`, `11-20 恢复`.
    fn state(&self, seen: &Seen<'_>) -> String {
        let format = self.frame.format;
        let state = seen.key("state").unwrap_or_default();
        let bare = format!("alerts.state_{state}");
        let Some(since) = seen.day("since").filter(|_| state != "new") else {
            return format.word(&bare).to_owned();
        };
        let last = self.input.context.period.last();
        let days = since.until(last).map_or(0, |span| span.get_days()) + 1;
        let args = [
            ("days", days.to_string()),
            ("day", self.frame.days.axis(since)),
        ];
        let args = args.each_ref().map(|(key, text)| (*key, text.as_str()));
        fill(format.word(&format!("{bare}_since")), &args)
    }

    /// Decisions that are due: what was expected, what came, and what that says.
    pub(super) fn decisions(&mut self, element: &Element) -> Vec<Block> {
        let (metric, table) = match self.watched(element) {
            Some(Ok(found)) => found,
            Some(Err(why)) => return self.sentence(why),
            None => return Vec::new(),
        };
        if table.rows.is_empty() && table.missing.is_none() {
            let none = self.frame.format.word("decisions.none").to_owned();
            return self.sentence(none);
        }
        let Some(columns) = self.agreed(element, (metric, table), &["day", "decision", "verdict"])
        else {
            return Vec::new();
        };
        if let Some(missing) = &table.missing {
            return self.sentence(self.frame.format.reason(missing));
        }
        let most = self.number(element, "most").unwrap_or(table.rows.len());
        let count = table.rows.len().to_string();
        let word = self.frame.format.word("decisions.count");
        self.caption = Some(fill(word, &[("n", &count)]));
        let rows = table.rows.iter().take(most);
        rows.map(|row| {
            let seen = Seen {
                metric,
                columns: &columns,
                row,
            };
            Block::Note {
                inlines: self.decision(&seen),
            }
        })
        .collect()
    }

    /// One decision as a line of text; what is not known is not said.
    fn decision(&self, seen: &Seen<'_>) -> Vec<Inline> {
        let format = self.frame.format;
        let bold = |text: String, tone: Tone| Inline {
            bold: true,
            tone,
            ..Inline::data(text)
        };
        let mut out = Vec::new();
        let day = seen.day("day").map(|day| self.frame.days.axis(day));
        let head = [day, seen.said("decision")].into_iter().flatten();
        out.push(bold(head.collect::<Vec<String>>().join(" "), Tone::Plain));
        let mut part = |key: &str, text: Option<String>| {
            if let Some(text) = text {
                let word = format!("decisions.{key}");
                out.push(Inline::data(fill(format.word(&word), &[("text", &text)])));
            }
        };
        let signed = |name: &str| {
            let value = seen.number(name)?;
            Some(format.signed(value, seen.unit(), Style::Short))
        };
        part("owner", seen.said("owner"));
        let measured = [seen.said("measure"), signed("expected")];
        let measured: Vec<String> = measured.into_iter().flatten().collect();
        part(
            "expected",
            Some(measured.join(" ")).filter(|text| !text.is_empty()),
        );
        part("actual", signed("actual"));
        part("control", signed("control"));
        if let Some(verdict) = seen.said("verdict") {
            let tone = seen.key("verdict").map(|key| self.tone_of(key));
            out.push(Inline::words(" → "));
            out.push(bold(verdict, tone.unwrap_or_default()));
        }
        if let Some(advice) = seen.said("advice") {
            let word = format.word("decisions.advice");
            out.push(Inline::data(fill(word, &[("text", &advice)])));
        }
        if !plain(&out).ends_with(['。', '.']) {
            out.push(Inline::words(format.word("sentence.end")));
        }
        out
    }
}
