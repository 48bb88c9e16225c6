//! Findings as sentences and actions: ranked by money x confidence x controllability, true sentences only.

use super::results::Results;
use super::sentence::{say, sentence};
use crate::format::{Formatter, Style};
use crate::input::MetricInput;
use chenbao_model::Diagnostic;
use chenbao_model::document::{Action, Inline, Tone};
use chenbao_model::result::{Cell, Finding, Loudness};
use rust_decimal::prelude::ToPrimitive;

/// A finding that can be said.
#[derive(Debug, Clone)]
pub(super) struct Ranked<'a> {
    pub(super) metric: &'a MetricInput,
    pub(super) finding: &'a Finding,
    pub(super) said: Vec<Inline>,
    score: f64,
}

/// All visible findings, the weightiest first. One without words, or with an argument that is not known, is left out
/// with a warning: a page states what it knows.
pub(super) fn ranked<'a>(
    results: &Results<'a>,
    format: &Formatter<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<Ranked<'a>> {
    let mut out = Vec::new();
    for (metric, finding) in results.findings() {
        match sentence(
            &metric.strings,
            &format!("finding.{}", finding.kind),
            &finding.args,
            format,
        ) {
            Ok(said) => out.push(Ranked {
                metric,
                finding,
                said,
                score: score(finding),
            }),
            Err(why) => warnings.push(left_out(metric, finding, &why)),
        }
    }
    out.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(b.finding.severity.cmp(&a.finding.severity))
    });
    out
}

fn left_out(metric: &MetricInput, finding: &Finding, why: &str) -> Diagnostic {
    Diagnostic::warning(format!(
        "the finding `{}` of `{}` is left out: {why}",
        finding.id, metric.alias
    ))
    .hint(format!(
        "add `finding.{}` to the plugin's strings",
        finding.kind
    ))
}

fn score(finding: &Finding) -> f64 {
    let money = finding
        .money
        .number()
        .and_then(|money| money.abs().to_f64())
        .unwrap_or(0.0);
    money * finding.confidence * finding.controllability
}

/// Whether a finding is this role's work.
pub(super) fn is_work_of(finding: &Finding, role: &str) -> bool {
    finding.roles.is_empty() || finding.roles.iter().any(|id| id == role)
}

/// What a finding is about: the product or place that it names, and the factor or step.
fn subjects<'a>(ranked: &'a Ranked<'_>) -> impl Iterator<Item = &'a Cell> {
    let arg = |name: &str| {
        ranked
            .finding
            .args
            .get(name)
            .map(|argument| &argument.value)
    };
    let place = arg("product").or_else(|| arg("where"));
    let factor = arg("factor").or_else(|| arg("step"));
    place.into_iter().chain(factor)
}

/// Whether the same thing is told better by another finding: a break that says why goes before a drop that says how much.
fn told_better(one: &Ranked<'_>, all: &[&Ranked<'_>]) -> bool {
    let weight = |ranked: &Ranked<'_>| (ranked.finding.severity, ranked.score);
    let shared =
        |other: &Ranked<'_>| subjects(other).any(|about| subjects(one).any(|mine| mine == about));
    all.iter()
        .any(|other| weight(other) > weight(one) && shared(other))
}

/// The sentences of the weightiest findings, for the lede: one per kind of evidence and product, so that no point is made twice.
pub(super) fn headline(ranked: &[Ranked<'_>], most: usize, except: &[&str]) -> Vec<Vec<Inline>> {
    let mut said: Vec<&Ranked<'_>> = Vec::new();
    let telling = |r: &&Ranked<'_>| {
        !except.contains(&r.finding.kind.as_str())
            && (r.score > 0.0 || r.finding.severity >= Loudness::Warning)
    };
    let all: Vec<&Ranked<'_>> = ranked.iter().filter(telling).collect();
    for candidate in all.iter().copied().filter(|one| !told_better(one, &all)) {
        let same = |other: &&Ranked<'_>| {
            other.metric.alias == candidate.metric.alias
                && other.finding.kind == candidate.finding.kind
        };
        if said.len() < most && !said.iter().any(same) {
            said.push(candidate);
        }
    }
    said.into_iter().map(toned).collect()
}

/// A sentence with its weight: of what needs a hand today, the first clause is bold and red.
pub(super) fn toned(ranked: &Ranked<'_>) -> Vec<Inline> {
    if ranked.finding.severity != Loudness::Critical {
        return ranked.said.clone();
    }
    let mut out = Vec::new();
    let mut loud = true;
    for inline in &ranked.said {
        let end = if inline.from_data {
            None
        } else {
            inline
                .text
                .find([',', '，', '。'])
                .filter(|_| !inline.unbroken)
        };
        let heavy = |text: &str| Inline {
            text: text.to_owned(),
            bold: true,
            tone: Tone::Bad,
            ..inline.clone()
        };
        match end.and_then(|end| inline.text.split_at_checked(end)) {
            _ if !loud => out.push(inline.clone()),
            None => out.push(heavy(&inline.text)),
            Some((before, after)) => {
                out.extend([
                    heavy(before),
                    Inline {
                        text: after.to_owned(),
                        ..inline.clone()
                    },
                ]);
                loud = false;
            }
        }
    }
    out
}

/// What to do: at most `most` actions, each with what was found and what was ruled out.
pub(super) fn actions(
    ranked: &[&Ranked<'_>],
    most: usize,
    format: &Formatter<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<Action> {
    let mut out = Vec::new();
    let work: Vec<&Ranked<'_>> = ranked
        .iter()
        .copied()
        .filter(|one| one.finding.action.is_some())
        .collect();
    for ranked in work.iter().filter(|one| !told_better(one, &work)) {
        let Some(words) = &ranked.finding.action else {
            continue;
        };
        if out.len() == most {
            break;
        }
        match say(&ranked.metric.strings, "action", words, format) {
            Ok(title) => out.push(Action {
                title,
                reason: reason(ranked, format, warnings),
                stake: stake(ranked.finding, format),
                confidence: confidence(ranked.finding.confidence, format),
            }),
            Err(why) => warnings.push(left_out(ranked.metric, ranked.finding, &why)),
        }
    }
    out
}

fn reason(
    ranked: &Ranked<'_>,
    format: &Formatter<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<Inline> {
    let mut out = ranked.said.clone();
    let mut ruled_out = Vec::new();
    for words in &ranked.finding.excluded {
        match say(&ranked.metric.strings, "excluded", words, format) {
            Ok(said) => ruled_out.push(said),
            Err(why) => warnings.push(left_out(ranked.metric, ranked.finding, &why)),
        }
    }
    for (i, said) in ruled_out.into_iter().enumerate() {
        out.push(Inline::words(format.word(if i == 0 {
            "actions.ruled_out"
        } else {
            "list.semicolon"
        })));
        out.extend(said);
    }
    let ends = out.last().and_then(|inline| inline.text.chars().last());
    if !ranked.finding.excluded.is_empty() && !ends.is_some_and(|c| matches!(c, '。' | '.')) {
        out.push(Inline::words(format.word("sentence.end")));
    }
    out
}

fn stake(finding: &Finding, format: &Formatter<'_>) -> String {
    finding
        .money
        .number()
        .map(|money| format.figure(money.abs(), "money", Style::Short))
        .unwrap_or_default()
}

fn confidence(confidence: f64, format: &Formatter<'_>) -> String {
    let key = match confidence {
        c if c >= 0.75 => "confidence.high",
        c if c >= 0.5 => "confidence.middle",
        _ => "confidence.low",
    };
    format.word(key).to_owned()
}
