//! Words of the markup: figures in sentences, findings, styles; what this reader may not see leaves a gap.

use super::build::Composer;
use super::figures::{MANNERS, shows_value};
use super::findings;
use super::markup::{Element, Node};
use super::results::{Found, unknown};
use super::sentence::{Run, without_gaps};
use crate::format::Unit;
use chenbao_model::Diagnostic;
use chenbao_model::document::{Inline, Tone};
use chenbao_model::result::{Cell, Item, Scalar};

impl Composer<'_> {
    /// The words of an element: sentences with a figure that this reader does not have are left out.
    pub(super) fn inlines(&mut self, element: &Element) -> Vec<Inline> {
        let runs = self.runs(element);
        without_gaps(runs)
    }

    fn runs(&mut self, element: &Element) -> Vec<Run> {
        let mut runs = Vec::new();
        for child in &element.children {
            match child {
                Node::Text {
                    text,
                    from_data: true,
                } => runs.push(Run::Said(super::sentence::data(text))),
                Node::Text {
                    text,
                    from_data: false,
                } => runs.push(Run::Said(Inline::words(text.clone()))),
                Node::Element(child) => runs.extend(self.inline(child)),
            }
        }
        runs
    }

    fn inline(&mut self, element: &Element) -> Vec<Run> {
        match element.name {
            "br" => vec![Run::Said(Inline::words(super::sentence::BREAK.to_string()))],
            "v" => match element.attribute("of") {
                Some(path) => self.value(element, path),
                None => Vec::new(),
            },
            "top" => self.top(element),
            "headline" => self.headline(element),
            "finding" => self.finding(element),
            "span" => self.span(element),
            "a" => {
                let link = element.attribute("href").map(str::to_owned);
                if let Some(bad) = link.as_deref().filter(|link| !is_link(link)) {
                    let problem =
                        Diagnostic::error(format!("`{bad}` is no link that a page may hold"))
                            .hint("write https:, mailto: or #anchor");
                    self.problem(element, problem);
                }
                styled(self.runs(element), |inline| inline.link = link.clone())
            }
            "b" | "strong" => styled(self.runs(element), |inline| {
                inline.bold = inline.tone != Tone::Muted;
            }),
            _ => styled(self.runs(element), |inline| inline.tone = Tone::Muted),
        }
    }

    /// A `<span>` with a gap is left out whole, so that a clause may be optional within its sentence.
    fn span(&mut self, element: &Element) -> Vec<Run> {
        let tone = match element.attribute("tone") {
            None => None,
            Some("good") => Some(Tone::Good),
            Some("bad") => Some(Tone::Bad),
            Some("accent") => Some(Tone::Accent),
            Some("muted") => Some(Tone::Muted),
            Some(other) => {
                let message = format!("there is no tone `{other}`");
                self.problem(
                    element,
                    unknown(message, other, ["good", "bad", "accent", "muted"]).0,
                );
                None
            }
        };
        let runs = self.runs(element);
        if runs.contains(&Run::Gap) {
            return Vec::new();
        }
        match tone {
            Some(tone) => styled(runs, |inline| inline.tone = tone),
            None => runs,
        }
    }

    pub(super) fn value(&mut self, element: &Element, path: &str) -> Vec<Run> {
        let manner = element.attribute("as").unwrap_or("value");
        if !MANNERS.contains(&manner) {
            let message = format!("a figure cannot be shown as `{manner}`");
            self.problem(element, unknown(message, manner, MANNERS.iter().copied()).0);
            return Vec::new();
        }
        let said = match self.find(element, path) {
            None => return Vec::new(),
            Some(Found::NotConfigured(_) | Found::Hidden) => None,
            Some(Found::Gap { label, why }) => self.gap(manner, label, &why),
            Some(Found::Item(metric, item, tail)) => match self.as_scalar(item, tail.as_deref()) {
                Some(scalar) => {
                    self.fits(element, path, &scalar);
                    self.shown_scalar(metric, &scalar);
                    self.saying
                        .in_sentence(metric, &scalar, manner, element.attribute("vs"))
                }
                None => {
                    self.mismatch(element, path, "one figure");
                    None
                }
            },
        };
        match said {
            Some(inlines) => inlines.into_iter().map(Run::Said).collect(),
            None => vec![Run::Gap],
        }
    }

    /// A figure whose unit is another than the one in which the template wants it is a mistake of the template.
    fn fits(&mut self, element: &Element, path: &str, scalar: &Scalar) {
        let unit = Unit::of(&scalar.unit);
        let (fits, wanted) = match (element.attribute("unit"), element.attribute("as")) {
            (Some("money"), _) => (unit == Unit::Money, "money"),
            (Some("percent"), _) => (matches!(unit, Unit::Percent | Unit::Points), "a percentage"),
            (Some(other), _) => {
                let message = format!("there is no unit `{other}` to ask for");
                let problem = unknown(message, other, ["money", "percent"]).0;
                return self.problem(element, problem);
            }
            (None, Some("wan" | "yi")) => (
                matches!(unit, Unit::Money | Unit::Count),
                "money or a count",
            ),
            (None, Some(manner)) if manner.starts_with("date-") => {
                (matches!(scalar.value, Cell::Null | Cell::Text(_)), "a day")
            }
            _ => return,
        };
        if !fits {
            let unit = if scalar.unit.is_empty() {
                "no unit"
            } else {
                scalar.unit.as_str()
            };
            let problem =
                Diagnostic::error(format!("`{path}` is not {wanted}: its unit is `{unit}`"))
                    .hint("`chenbao template vars` lists each path with its unit");
            self.problem(element, problem);
        }
    }

    fn gap(&self, manner: &str, label: String, why: &str) -> Option<Vec<Inline>> {
        match manner {
            "label" => Some(vec![Inline::words(label)]),
            shown if shows_value(shown) => Some(vec![self.saying.missing(why)]),
            _ => None,
        }
    }

    /// A scalar as it is; of a series its line's last point; of a table the column's total or marked row.
    fn as_scalar(&self, item: &Item, tail: Option<&str>) -> Option<Scalar> {
        let (value, unit, passport) = match (item, tail) {
            (Item::Scalar(scalar), None) => return Some(scalar.clone()),
            (Item::Series(series), Some(tail)) => {
                let at = series.y.iter().position(|line| line.id == tail)?;
                (
                    series.points.last()?.get(at + 1)?,
                    &series.y.get(at)?.unit,
                    &series.passport,
                )
            }
            (Item::Table(table), Some(tail)) => {
                let at = table
                    .columns
                    .iter()
                    .position(|column| column.name == tail)?;
                let last = table.rows.len().checked_sub(1).filter(|_| table.total_row);
                let row = last.or(table.marked)?;
                (
                    table.rows.get(row)?.get(at)?,
                    &table.columns.get(at)?.unit,
                    &table.columns.get(at)?.passport,
                )
            }
            _ => return None,
        };
        let mut scalar: Scalar =
            serde_json::from_value(serde_json::json!({"id": tail?, "unit": unit, "value": null}))
                .ok()?;
        scalar.value = value.clone();
        scalar.passport = passport.clone();
        Some(scalar)
    }

    fn headline(&mut self, element: &Element) -> Vec<Run> {
        let most = self.number(element, "most").unwrap_or(2);
        let except: Vec<&str> = element
            .attribute("except")
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .collect();
        let mut runs = Vec::new();
        for sentence in findings::headline(&self.ranked, most, &except) {
            runs.extend(sentence.into_iter().map(Run::Said));
            runs.push(Run::Said(Inline::words("\n")));
        }
        runs
    }

    fn finding(&mut self, element: &Element) -> Vec<Run> {
        let kind = element.attribute("kind").unwrap_or_default();
        match self
            .ranked
            .iter()
            .find(|ranked| ranked.finding.kind == kind)
        {
            Some(ranked) => findings::toned(ranked).into_iter().map(Run::Said).collect(),
            None => vec![Run::Gap],
        }
    }
}

fn styled(runs: Vec<Run>, style: impl Fn(&mut Inline)) -> Vec<Run> {
    let apply = |mut run: Run| {
        if let Run::Said(inline) = &mut run {
            style(inline);
        }
        run
    };
    runs.into_iter().map(apply).collect()
}

fn is_link(link: &str) -> bool {
    ["https://", "mailto:", "#"]
        .iter()
        .any(|start| link.starts_with(start))
}
