//! Single figures: `<v of>` in sentences and the KPI strip; comparison, tone and missing texts happen here alone.

use super::days::Days;
use super::results::{done, label};
use super::sentence::say;
use super::tables::exact;
use crate::format::{DASH, Formatter, Style, fill};
use crate::input::MetricInput;
use chenbao_model::document::{Bullet, Inline, Kpi, Spark, Tone, plain};
use chenbao_model::result::{Better, Cell, Compare, Item, Scalar};
use chenbao_model::{Decimal, Grain, Period};
use rust_decimal::prelude::ToPrimitive;

/// Days of history in a sparkline.
const SPARK_DAYS: usize = 28;
/// Fewer cases than this stand beside a rate.
const SMALL: u64 = 100;

/// What figures are said with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saying<'a> {
    pub(super) format: &'a Formatter<'a>,
    pub(super) days: Days<'a>,
    pub(super) period: &'a Period,
}

/// How `<v as>` shows a figure.
pub(super) const MANNERS: &[&str] = &[
    "value",
    "short",
    "plain",
    "change",
    "delta",
    "delta-plain",
    "basis",
    "label",
    "wan",
    "yi",
    "date-said",
    "date-short",
    "date-long",
];

/// Whether a manner shows the value itself: where it is missing, the sentence stays and says why.
pub(super) fn shows_value(manner: &str) -> bool {
    matches!(manner, "value" | "short" | "plain" | "wan" | "yi") || manner.starts_with("date-")
}

impl Saying<'_> {
    /// A figure in a sentence. None when there is nothing to compare with or no value: the sentence is then left out,
    /// except for the value itself, which says why it is missing.
    pub(super) fn in_sentence(
        &self,
        metric: &MetricInput,
        scalar: &Scalar,
        manner: &str,
        vs: Option<&str>,
    ) -> Option<Vec<Inline>> {
        let unbroken = |text: String| Inline {
            unbroken: true,
            ..Inline::words(text)
        };
        if let (Some(form), Cell::Text(text)) = (manner.strip_prefix("date-"), &scalar.value)
            && let Ok(day) = text.parse()
        {
            return Some(vec![unbroken(self.days.formed(day, form))]);
        }
        let Some(value) = scalar.value.number() else {
            let why = scalar.missing.as_ref();
            let why = why
                .map(|missing| self.format.reason(missing))
                .unwrap_or_default();
            return match manner {
                "label" => Some(vec![Inline::words(self.label(metric, scalar))]),
                shown if shows_value(shown) => Some(vec![self.missing(&why)]),
                _ => None,
            };
        };
        let basis = self.basis_of(scalar, vs);
        let base = basis.and_then(|compare| compare.value.number());
        let delta = |style| {
            let text = self.format.delta(value, base?, &scalar.unit, style);
            Some(vec![unbroken(text)])
        };
        let shown = |style| {
            Some(vec![unbroken(self.format.figure(
                value,
                &scalar.unit,
                style,
            ))])
        };
        match manner {
            "plain" => shown(Style::Full),
            "label" => Some(vec![Inline::words(self.label(metric, scalar))]),
            "wan" => shown(Style::Wan),
            "yi" => shown(Style::Yi),
            "basis" => Some(vec![Inline::words(self.basis(metric, basis?))]),
            "delta" => delta(Style::Short),
            "delta-plain" => delta(Style::Full),
            "change" => Some(self.change(value, base?, scalar)),
            _ => {
                let mut out = vec![unbroken(self.format.figure(
                    value,
                    &scalar.unit,
                    Style::Short,
                ))];
                out.extend(
                    self.small_denominator(scalar)
                        .map(|n| unbroken(self.bracketed(&n))),
                );
                Some(out)
            }
        }
    }

    /// Why there is no figure, in its place.
    pub(super) fn missing(&self, why: &str) -> Inline {
        Inline {
            tone: Tone::Muted,
            ..Inline::words(fill(
                self.format.word("missing.in_sentence"),
                &[("why", why)],
            ))
        }
    }

    /// `+8.2%（+¥9.7 万）`: in a sentence, a change in percent never stands without the amount.
    fn change(&self, value: Decimal, base: Decimal, scalar: &Scalar) -> Vec<Inline> {
        let delta = self.format.delta(value, base, &scalar.unit, Style::Short);
        let heavy = |text: String| Inline {
            bold: true,
            unbroken: true,
            tone: tone(value - base, scalar.better),
            ..Inline::words(text)
        };
        match self.format.change(value, base, &scalar.unit) {
            Some(percent) => vec![
                heavy(percent),
                Inline {
                    unbroken: true,
                    ..Inline::words(self.bracketed(&delta))
                },
            ],
            None => vec![heavy(delta)],
        }
    }

    fn bracketed(&self, text: &str) -> String {
        fill(self.format.word("bracket"), &[("text", text)])
    }

    fn small_denominator(&self, scalar: &Scalar) -> Option<String> {
        let n = scalar.n.filter(|n| scalar.unit == "%" && *n < SMALL)?;
        Some(fill(self.format.word("note.n"), &[("n", &n.to_string())]))
    }

    /// One figure of the strip.
    pub(super) fn kpi(&self, metric: &MetricInput, scalar: &Scalar, vs: Option<&str>) -> Kpi {
        let basis = self.basis_of(scalar, vs);
        let value = scalar.value.number();
        let change = value.zip(basis).and_then(|(value, compare)| {
            let base = compare.value.number()?;
            let text = self.format.change(value, base, &scalar.unit);
            let text =
                text.unwrap_or_else(|| self.format.delta(value, base, &scalar.unit, Style::Full));
            Some((
                Inline {
                    unbroken: true,
                    bold: true,
                    tone: tone(value - base, scalar.better),
                    ..Inline::words(text)
                },
                compare,
            ))
        });
        Kpi {
            label: self.label(metric, scalar),
            value: value.map_or(DASH.to_owned(), |value| {
                self.format.figure(value, &scalar.unit, Style::Full)
            }),
            exact: value.map(|value| exact(value, &scalar.unit)),
            missing: value.is_none(),
            basis: change
                .as_ref()
                .map(|(_, compare)| self.strip_basis(metric, compare))
                .unwrap_or_default(),
            change: change.map(|(change, _)| change),
            note: self.note(metric, scalar),
            spark: None,
            bullet: None,
        }
    }

    /// How far a figure is towards its target: the bullet, and the note that says both.
    pub(super) fn target(&self, actual: &Scalar, target: &Scalar) -> Option<(Bullet, String)> {
        let (value, wanted) = (actual.value.number()?, target.value.number()?);
        let part = value
            .checked_div(wanted)?
            .checked_mul(Decimal::ONE_HUNDRED)?;
        let bullet = Bullet {
            actual: value.to_f64()?,
            target: wanted.to_f64()?,
        };
        let note = fill(
            self.format.word("kpi.target"),
            &[
                (
                    "target",
                    &self.format.figure(wanted, &target.unit, Style::Short),
                ),
                ("part", &self.format.figure(part, "%", Style::Short)),
            ],
        );
        Some((bullet, note))
    }

    fn note(&self, metric: &MetricInput, scalar: &Scalar) -> String {
        if let Some(missing) = &scalar.missing {
            return self.format.reason(missing);
        }
        let own = scalar
            .note
            .as_ref()
            .and_then(|words| say(&metric.strings, "note", words, self.format).ok());
        let mut parts: Vec<String> = own.map(|said| plain(&said)).into_iter().collect();
        parts.extend(self.small_denominator(scalar));
        if scalar.passport.provisional {
            parts.push(self.format.word("note.provisional").to_owned());
        }
        parts.join(" · ")
    }

    /// The label of a scalar.
    pub(super) fn label(&self, metric: &MetricInput, scalar: &Scalar) -> String {
        label(
            &metric.strings,
            &[format!("item.{}", scalar.id)],
            &scalar.id,
        )
    }

    fn basis_of<'s>(&self, scalar: &'s Scalar, vs: Option<&str>) -> Option<&'s Compare> {
        match vs {
            Some(basis) => scalar.compare.iter().find(|compare| compare.basis == basis),
            None => scalar.compare.first(),
        }
    }

    /// The same beside a figure of the strip, where a language may have a shorter word for it: `WoW`.
    fn strip_basis(&self, metric: &MetricInput, compare: &Compare) -> String {
        let key = format!("basis_short.{}_{}", compare.basis, self.grain());
        let short = Some(self.format.word(&key)).filter(|word| *word != key);
        let own = metric.strings.get(&format!("basis.{}", compare.basis));
        let whole = compare.n.is_none() || compare.n == compare.of;
        match short.filter(|_| own.is_none() && whole) {
            Some(short) => short.to_owned(),
            None => self.basis(metric, compare),
        }
    }

    fn grain(&self) -> &'static str {
        match self.period.grain() {
            Grain::Day => "day",
            Grain::Week => "week",
            Grain::Month => "month",
            Grain::Span => "span",
        }
    }

    /// `较上周六`, `较近 8 个周六中位数（2/8）`.
    pub(super) fn basis(&self, metric: &MetricInput, compare: &Compare) -> String {
        let own = metric.strings.get(&format!("basis.{}", compare.basis));
        let by_grain = format!("basis.{}_{}", compare.basis, self.grain());
        let common = format!("basis.{}", compare.basis);
        let by_grain = Some(self.format.word(&by_grain)).filter(|word| *word != by_grain);
        let sentence = own
            .or(by_grain)
            .unwrap_or_else(|| self.format.word(&common));
        let count = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
        let weekday = self.days.weekday_short(self.period.start());
        let days = self.period.days().to_string();
        let said = fill(
            sentence,
            &[
                ("weekday", &weekday),
                ("n", &count(compare.n)),
                ("of", &count(compare.of)),
                ("days", &days),
            ],
        );
        match (compare.n, compare.of) {
            (Some(n), Some(of)) if n < of => {
                format!("{said}{}", self.bracketed(&format!("{n}/{of}")))
            }
            _ => said,
        }
    }
}

/// Good or bad news; a change of nothing is neither.
pub(super) fn tone(change: Decimal, better: Better) -> Tone {
    match (change.is_zero(), change.is_sign_positive(), better) {
        (true, ..) | (_, _, Better::None) => Tone::Plain,
        (_, true, Better::Up) | (_, false, Better::Down) => Tone::Good,
        _ => Tone::Bad,
    }
}

/// The history behind a scalar, if its series is in `visible` ids.
pub(super) fn spark(
    metric: &MetricInput,
    scalar: &Scalar,
    visible: impl Fn(&str) -> bool,
) -> Option<Spark> {
    let (series_id, line_id) = scalar.spark.as_ref()?.rsplit_once('.')?;
    let Some(Item::Series(series)) = done(metric)?
        .item(series_id)
        .filter(|item| visible(item.id()))
    else {
        return None;
    };
    let index = series.y.iter().position(|line| line.id == line_id)? + 1;
    let skip = series.points.len().saturating_sub(SPARK_DAYS);
    let cells = series
        .points
        .iter()
        .skip(skip)
        .map(|point| point.get(index));
    let values: Vec<Option<f64>> = cells.map(|cell| cell?.number()?.to_f64()).collect();
    let known = values.iter().flatten().count();
    (known > 1).then(|| Spark {
        band: band(&values),
        values,
    })
}

/// First and third quartile (linear between ranks) of at least eight values.
pub(super) fn band(values: &[Option<f64>]) -> Option<(f64, f64)> {
    let mut known: Vec<f64> = values.iter().flatten().copied().collect();
    known.sort_by(f64::total_cmp);
    if known.len() < 8 {
        return None;
    }
    let last = known.len() - 1;
    let quartile = |quarters: usize| {
        let (low, part) = (last * quarters / 4, last * quarters % 4);
        let step = [0.0, 0.25, 0.5, 0.75][part];
        let next = known.get(low + 1).unwrap_or(&known[low]);
        known[low] + (next - known[low]) * step
    };
    Some((quartile(1), quartile(3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_agree_with_the_textbook() {
        // Hyndman and Fan 1996, type 7, of 1..9: 3 and 7; of 1..10: 3.25 and 7.75.
        let of = |n: u32| band(&(1..=n).map(|i| Some(f64::from(i))).collect::<Vec<_>>());
        assert_eq!(of(9), Some((3.0, 7.0)));
        assert_eq!(of(10), Some((3.25, 7.75)));
        assert_eq!(of(7), None);
    }

    #[test]
    fn tone_follows_what_is_better() {
        let one = Decimal::ONE;
        assert_eq!(tone(one, Better::Up), Tone::Good);
        assert_eq!(tone(-one, Better::Down), Tone::Good);
        assert_eq!(tone(one, Better::Down), Tone::Bad);
        assert_eq!(tone(one, Better::None), Tone::Plain);
        assert_eq!(tone(Decimal::ZERO, Better::Up), Tone::Plain);
    }
}
