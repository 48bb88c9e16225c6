//! What surrounds a page: masthead, stamp, subject, footer and data notes.

use super::days::Days;
use super::results::{self, Found, Results};
use super::sentence::{data, say};
use super::sheets::Shown;
use super::templates::TemplateInfo;
use crate::format::{Formatter, Style, fill};
use crate::input::{ComposeInput, MetricInput, Outcome, ReportContext};
use chenbao_model::document::{
    Align, Block, Head, Inline, Masthead, Meta, Row, Table, Tone, plain,
};
use chenbao_model::result::{Item, Quality, Why};
use chenbao_model::strings::Strings;
use chenbao_model::{Grain, Sensitivities, Sensitivity};
use std::collections::BTreeSet;

/// The most characters of the lede that mail clients are given beside the subject.
const PREHEADER: usize = 110;

/// The corrections of this revision or edition, as `data`.
pub(super) const CHANGES: &str = "changes";

/// What the frame is made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) context: &'a ReportContext,
    pub(super) words: &'a Strings,
    pub(super) format: &'a Formatter<'a>,
    pub(super) days: Days<'a>,
    pub(super) results: Results<'a>,
    pub(super) info: &'a TemplateInfo,
}

/// Refund ages are told up to here.
const RIPE_DAYS: i64 = 90;

impl Frame<'_> {
    fn word<'b>(&'b self, key: &'b str) -> &'b str {
        self.words.get(key).unwrap_or(key)
    }

    /// The report's title: its configured name, else the template's.
    pub(super) fn title(&self) -> String {
        let own = self.context.report_name.as_str();
        let title = if own.is_empty() {
            self.word("title")
        } else {
            own
        };
        match &self.context.campaign {
            Some(campaign) => format!("{title} · {}", campaign.name),
            None => title.to_owned(),
        }
    }

    fn shops(&self) -> Vec<String> {
        let names: Vec<&str> = self
            .context
            .shops
            .iter()
            .map(|shop| shop.name.as_str())
            .collect();
        let platforms: BTreeSet<&str> = self
            .context
            .shops
            .iter()
            .map(|shop| shop.platform_name.as_str())
            .collect();
        let names = match names.len() {
            0..=3 => names.join(self.word("list.and")),
            n => fill(self.word("masthead.shops"), &[("n", &n.to_string())]),
        };
        let platforms = platforms
            .into_iter()
            .filter(|p| !p.is_empty())
            .collect::<Vec<_>>()
            .join(self.word("list.and"));
        [names, platforms]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect()
    }

    /// Metrics that were asked and gave no answer, or not the whole of it.
    fn failed(&self) -> usize {
        let unanswered = |item: &Item| {
            let missing = match item {
                Item::Scalar(scalar) => &scalar.missing,
                Item::Series(series) => &series.missing,
                Item::Table(table) => &table.missing,
                Item::Finding(_) => &None,
            };
            matches!(missing, Some(missing) if missing.why == Why::PluginFailed)
        };
        let failed = |metric: &&MetricInput| match &metric.outcome {
            Outcome::Failed { .. } => true,
            Outcome::Done(doc) => doc.items.iter().any(unanswered),
            Outcome::Absent { .. } => false,
        };
        self.results.metrics().filter(failed).count()
    }

    fn whole(&self) -> bool {
        self.context.completeness.whole() && self.failed() == 0
    }

    /// `完整 6/6`, `部分 5/6`, with days for longer periods, `部分 6/6 · 1 项指标未出`.
    fn stamp_text(&self) -> String {
        let done = &self.context.completeness;
        let word = self.word(if self.whole() {
            "stamp.whole"
        } else {
            "stamp.part"
        });
        let mut text = format!("{word} {}/{}", done.have, done.need);
        if let Some((have, of)) = done.days {
            text.push_str(&fill(
                self.word("stamp.days"),
                &[("have", &have.to_string()), ("of", &of.to_string())],
            ));
        }
        let failed = self.failed();
        if failed > 0 {
            text.push_str(&fill(
                self.word("stamp.failed"),
                &[("n", &failed.to_string())],
            ));
        }
        text
    }

    fn edition(&self) -> Option<String> {
        let edition = self.context.edition.as_str();
        (edition.starts_with("D+"))
            .then(|| fill(self.word("masthead.edition"), &[("edition", edition)]))
    }

    /// The masthead.
    pub(super) fn masthead(&self, title: Option<&str>) -> Masthead {
        let mut parts = self.shops();
        parts.extend([
            self.context.role.name.clone(),
            self.days.long(&self.context.period),
        ]);
        let stamp = Inline {
            bold: true,
            unbroken: true,
            tone: if self.whole() { Tone::Good } else { Tone::Bad },
            ..Inline::words(self.stamp_text())
        };
        Masthead {
            title: title.map_or_else(|| self.title(), str::to_owned),
            parts,
            stamp: Some(stamp),
            facts: self.facts(),
        }
    }

    fn facts(&self) -> Vec<String> {
        let context = self.context;
        let mut facts = Vec::new();
        if let Some(through) = &context.data_through {
            facts.push(fill(
                self.word("masthead.through"),
                &[("at", &moment(through))],
            ));
        }
        let mut issue: Vec<String> = Vec::new();
        if context.test {
            issue.push(self.word("masthead.test").to_owned());
        } else if let Some(number) = context.issue {
            issue.push(fill(
                self.word("masthead.issue"),
                &[("n", &number.to_string())],
            ));
        }
        issue.extend(self.edition());
        if context.revision > 0 {
            issue.push(fill(
                self.word("masthead.revision"),
                &[("n", &context.revision.to_string())],
            ));
        }
        if !issue.is_empty() {
            facts.push(issue.join(" · "));
        }
        facts
    }

    /// What surrounds the page.
    pub(super) fn meta(
        &self,
        input: &ComposeInput<'_>,
        lede: &[Inline],
        passports: &[Shown],
    ) -> Meta {
        let context = self.context;
        let author = self.shops().into_iter().next().unwrap_or_default();
        Meta {
            title: self.title(),
            lang: input.lang.to_owned(),
            subject: self.subject(),
            preheader: shortened(&plain(lede), PREHEADER),
            author,
            created: context.created.clone(),
            footer: self.footer(passports),
            only_for: fill(
                self.word("footer.only_for"),
                &[("role", &context.role.name)],
            ),
            confidential: self.confidential(input.shows),
            file_stem: self.file_stem(),
            theme: chenbao_model::document::Theme::default(),
            logo: None,
            sheets: chenbao_model::document::Sheets::default(),
        }
    }

    /// `[部分 5/6] 11月21日 经营日报 · ¥128.4 万 +8.2%`.
    fn subject(&self) -> String {
        let mut subject = format!("[{}] ", self.stamp_text());
        if self.context.test {
            subject = format!("[{}] {subject}", self.word("stamp.test"));
        }
        let marks = [
            self.edition(),
            (self.context.revision > 0).then(|| {
                fill(
                    self.word("masthead.revision"),
                    &[("n", &self.context.revision.to_string())],
                )
            }),
        ];
        subject.push_str(&self.days.subject(&self.context.period));
        subject.push(' ');
        subject.push_str(&self.title());
        for mark in marks.into_iter().flatten() {
            subject.push_str(" · ");
            subject.push_str(&mark);
        }
        if let Some(figure) = self.subject_figure() {
            subject.push_str(" · ");
            subject.push_str(&figure);
        }
        one_line(&subject)
    }

    /// The one figure that matters: hidden or missing, the subject does without.
    fn subject_figure(&self) -> Option<String> {
        let path = self
            .info
            .subjects
            .get(&self.context.role.id)
            .unwrap_or(&self.info.subject);
        let Ok(Found::Item(_, Item::Scalar(scalar), _)) = self.results.find(path, self.format)
        else {
            return None;
        };
        let value = scalar.value.number()?;
        let figure = self.format.figure(value, &scalar.unit, Style::Short);
        let base = scalar
            .compare
            .first()
            .and_then(|compare| compare.value.number());
        let change = base.map(|base| {
            self.format
                .change(value, base, &scalar.unit)
                .unwrap_or_else(|| self.format.delta(value, base, &scalar.unit, Style::Short))
        });
        Some(
            [Some(figure), change]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
        )
    }

    /// Run, clocks and denominators of what the page shows.
    fn footer(&self, passports: &[Shown]) -> String {
        let mut parts = vec![fill(
            self.word("footer.run"),
            &[("run", &self.context.run_id)],
        )];
        let known = |key: String| self.words.get(&key).map(str::to_owned);
        let clocks: BTreeSet<String> = passports
            .iter()
            .filter_map(|shown| known(format!("clock.{}", shown.passport.clock)))
            .collect();
        if !clocks.is_empty() {
            let clocks = clocks
                .into_iter()
                .collect::<Vec<_>>()
                .join(self.word("list.and"));
            parts.push(fill(self.word("footer.clocks"), &[("clocks", &clocks)]));
        }
        // Refunds have come to rest by then; a day of years ago has no age worth telling.
        let ripe = |age: i64| age.min(RIPE_DAYS);
        let ages: BTreeSet<i64> = passports
            .iter()
            .filter_map(|shown| shown.passport.refund_age_days.map(ripe))
            .collect();
        if !ages.is_empty() {
            let ages: Vec<String> = ages
                .into_iter()
                .map(|age| format!("D{age}{}", if age == RIPE_DAYS { "+" } else { "" }))
                .collect();
            parts.push(fill(
                self.word("footer.refund_age"),
                &[("age", &ages.join(self.word("list.and")))],
            ));
        }
        if let Some(owner) = &self.context.owner {
            let name = owner
                .split_once('<')
                .map_or(owner.as_str(), |(name, _)| name.trim());
            let shown = if name.is_empty() { owner } else { name };
            parts.push(fill(self.word("footer.owner"), &[("owner", shown)]));
        }
        parts.join(" · ")
    }

    /// What a reader who is shown costs or margins must know before anything else.
    fn confidential(&self, shows: &Sensitivities) -> String {
        let key = match (
            shows.contains(&Sensitivity::Cost),
            shows.contains(&Sensitivity::Finance),
        ) {
            (false, false) => return String::new(),
            (true, false) => "confidential.cost",
            (false, true) => "confidential.finance",
            (true, true) => "confidential.both",
        };
        fill(self.word(key), &[("role", &self.context.role.name)])
    }

    fn file_stem(&self) -> String {
        let stem = format!(
            "{}-{}-{}",
            self.title(),
            self.context.period,
            self.context.role.name
        );
        let safe = |c: char| {
            if c.is_control() || r#"\/:*?"<>|"#.contains(c) {
                '_'
            } else {
                c
            }
        };
        stem.replace(" · ", "-")
            .replace("..", "_")
            .replace(' ', "-")
            .chars()
            .map(safe)
            .collect()
    }

    /// The data notes: what is missing and why, caveats, what is not configured, what changed.
    pub(super) fn notes(&self, unconfigured: &BTreeSet<String>, shown: &BTreeSet<String>) -> Block {
        let mut lines: Vec<Vec<Inline>> = Vec::new();
        lines.extend(
            self.context
                .completeness
                .missing
                .iter()
                .map(|text| vec![data(text)]),
        );
        lines.extend(self.context.notes.iter().map(|text| vec![data(text)]));
        lines.extend(self.failures());
        lines.extend(self.quality(shown));
        if !unconfigured.is_empty() {
            let name = |alias: &String| {
                self.words
                    .get(&format!("alias.{alias}"))
                    .unwrap_or(alias)
                    .to_owned()
            };
            let names: Vec<String> = unconfigured.iter().map(name).collect();
            let names = names.join(self.word("list.and"));
            lines.push(vec![Inline::words(fill(
                self.word("notes.not_configured"),
                &[("names", &names)],
            ))]);
        }
        let in_table = shown.contains(CHANGES);
        for change in self.context.changes.iter().filter(|_| !in_table) {
            let args = [
                ("label", change.label.as_str()),
                ("before", &change.before),
                ("after", &change.after),
            ];
            lines.push(vec![Inline::words(fill(self.word("notes.change"), &args))]);
        }
        lines.extend(self.comparable_day(shown));
        if lines.is_empty() {
            lines.push(vec![Inline::words(self.word("notes.none"))]);
        }
        let mut inlines = Vec::new();
        for (i, line) in lines.into_iter().enumerate() {
            if i > 0 {
                inlines.push(Inline::words("\n"));
            }
            inlines.extend(line);
        }
        Block::Note { inlines }
    }

    /// What a metric is called: by the template that knows it, else by its plugin, and by its alias too where several are of
    /// one plugin.
    pub(super) fn name(&self, metric: &MetricInput) -> String {
        let alias = metric.alias.as_str();
        let known = self.words.get(&format!("alias.{alias}"));
        let same = self
            .results
            .metrics()
            .filter(|one| one.plugin == metric.plugin);
        match (known, metric.strings.get("title")) {
            (Some(known), _) => known.to_owned(),
            (None, Some(title)) if same.count() > 1 => format!("{title} {alias}"),
            (None, Some(title)) => title.to_owned(),
            (None, None) => alias.to_owned(),
        }
    }

    /// Metrics that have no results: said here too, because a page may place none of their items.
    fn failures(&self) -> Vec<Vec<Inline>> {
        let line = |metric: &MetricInput| {
            let Outcome::Failed { verdict } = &metric.outcome else {
                return None;
            };
            let (name, why) = (self.name(metric), results::failed(verdict, self.format));
            let args = [("name", name.as_str()), ("why", &why)];
            Some(vec![data(&fill(self.word("notes.failed"), &args))])
        };
        self.results.metrics().filter_map(line).collect()
    }

    /// What differs from the revision or edition before, as a table.
    pub(super) fn changes(&self) -> Option<Table> {
        if self.context.changes.is_empty() {
            return None;
        }
        let head = |key: &str, align| Head {
            label: self.word(key).to_owned(),
            align,
        };
        let row = |change: &crate::input::Change| Row {
            cells: vec![
                vec![data(&change.label)],
                vec![data(&change.before)],
                vec![data(&change.after)],
            ],
            ..Row::default()
        };
        Some(Table {
            title: self.word("changes.title").to_owned(),
            heads: vec![
                head("changes.label", Align::Left),
                head("changes.before", Align::Right),
                head("changes.after", Align::Right),
            ],
            rows: self.context.changes.iter().map(row).collect(),
            ..Table::default()
        })
    }

    /// Says which day `上周六` is, where a figure of the page is compared with it.
    fn comparable_day(&self, shown: &BTreeSet<String>) -> Option<Vec<Inline>> {
        let compared = |path: &String| match self.results.find(path, self.format) {
            Ok(Found::Item(_, Item::Scalar(scalar), _)) => scalar
                .compare
                .first()
                .is_some_and(|compare| matches!(compare.basis.as_str(), "weekday" | "previous")),
            _ => false,
        };
        if !shown.iter().any(compared) {
            return None;
        }
        let period = &self.context.period;
        let before = period
            .previous()
            .ok()
            .filter(|_| period.grain() == Grain::Day)?;
        let weekday = self.days.weekday_short(period.start());
        let day = self.days.in_sentence(before.start());
        Some(vec![Inline::words(fill(
            self.word("notes.weekday"),
            &[("weekday", &weekday), ("day", &day)],
        ))])
    }

    /// Caveats of the metrics; what is only good to know is said where the page shows what it is about.
    fn quality(&self, shown: &BTreeSet<String>) -> Vec<Vec<Inline>> {
        let rank = |level: &str| match level {
            "error" => 0,
            "warning" => 1,
            _ => 2,
        };
        let mut said = Vec::new();
        for metric in self.results.metrics() {
            let Some(doc) = results::done(metric) else {
                continue;
            };
            for quality in doc
                .quality
                .iter()
                .filter(|quality| self.results.may_see_all(metric, &quality.affects))
                .filter(|quality| rank(&quality.level) < 2 || concerns(metric, quality, shown))
            {
                if let Ok(inlines) = say(&metric.strings, "quality", &quality.words, self.format) {
                    said.push((rank(&quality.level), inlines));
                }
            }
        }
        said.sort_by_key(|(rank, _)| *rank);
        let mut lines: Vec<Vec<Inline>> = Vec::new();
        for (_, line) in said {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }
}

/// Whether a caveat is about something on the page, or about everything.
fn concerns(metric: &MetricInput, quality: &Quality, shown: &BTreeSet<String>) -> bool {
    let on_page = |id: &String| {
        let path = format!("{}.{id}", metric.alias);
        let part = format!("{path}.");
        shown.iter().any(|s| *s == path || s.starts_with(&part))
    };
    quality.affects.is_empty() || quality.affects.iter().any(on_page)
}

/// `2026-11-22T02:00:00+08:00` as `11-22 02:00`; other words stay.
fn moment(text: &str) -> String {
    let civil = text
        .get(..16)
        .and_then(|head| head.replace(' ', "T").parse::<jiff::civil::DateTime>().ok());
    civil.map_or_else(
        || text.to_owned(),
        |at| at.strftime("%m-%d %H:%M").to_string(),
    )
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn shortened(text: &str, most: usize) -> String {
    let text = one_line(text);
    if text.chars().count() <= most {
        return text;
    }
    let cut: String = text.chars().take(most - 1).collect();
    format!("{cut}…")
}
