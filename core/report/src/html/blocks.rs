//! Each block of a Document as mail HTML.

use super::parts::{Style, Words, escape, kept};
use super::{HtmlOptions, LOGO_CID, wide};
use crate::png;
use crate::render::Pictures;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chenbao_model::document::{
    Action, Align, Block, Chart, Document, Inline, Kpi, Logo, Masthead, Row, RowKind, Section,
    Table, Tone,
};
use chenbao_model::{Artifact, Diagnostic};

/// Pictures are drawn for this width, so that their words are large enough at 375 and not too large at 640 pixels.
const DRAWN: u32 = 480;
/// And shown at most this wide.
const SHOWN: u32 = 600;
/// Pixels of the file per pixel drawn: two per pixel shown, or one where a mail would be too large.
const SCALE: f32 = 2.5;
const SMALL: f32 = 1.25;

const GRID: &str =
    "role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\"";

/// Writes blocks and collects their pictures.
pub(super) struct Page<'a> {
    style: Style<'a>,
    words: Words,
    logo: Option<&'a Logo>,
    options: &'a HtmlOptions<'a>,
    cap: Option<usize>,
    pub(super) pictures: Vec<Artifact>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        document: &'a Document,
        options: &'a HtmlOptions<'a>,
        cap: Option<usize>,
    ) -> Self {
        Self {
            style: Style::new(&document.meta.theme),
            words: Words::of(&document.meta.lang),
            logo: document.meta.logo.as_ref(),
            options,
            cap,
            pictures: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn blocks(&mut self, blocks: &[Block]) -> String {
        blocks.iter().map(|block| self.block(block)).collect()
    }

    fn block(&mut self, block: &Block) -> String {
        match block {
            Block::Masthead(masthead) => self.masthead(masthead),
            Block::Lede { inlines } => format!(
                "<p class=\"ink\" style=\"margin:16px 0 10px;font-size:16px;line-height:28px\">{}</p>\n",
                self.style.inlines(inlines)
            ),
            Block::Paragraph { inlines } => {
                format!(
                    "<p class=\"ink\" style=\"margin:10px 0\">{}</p>\n",
                    self.style.inlines(inlines)
                )
            }
            Block::Note { inlines } => self
                .style
                .boxed(&self.style.inlines(inlines))
                .replace("margin:18px", "margin:10px"),
            Block::Kpis { kpis } => self.kpis(kpis),
            Block::Section(section) => self.section(section),
            Block::Columns { columns } => {
                columns.iter().map(|column| self.blocks(column)).collect()
            }
            Block::List { ordered, items } => self.list(*ordered, items),
            Block::Table(table) => self.table(table),
            Block::Chart(chart) => self.chart(chart),
            Block::Actions { actions } => self.actions(actions),
            Block::PageBreak => String::new(),
        }
    }

    /// The cell of the logo; a mail without pictures has its name in words already.
    fn logo(&mut self) -> String {
        /// Room between logo and words.
        const GAP: u16 = 12;
        let Some(logo) = self.logo else {
            return String::new();
        };
        let source = match self.options.pictures {
            Pictures::Without => return String::new(),
            Pictures::Inline => inline(&logo.png),
            Pictures::Cid | Pictures::Small => {
                let artifact = Artifact::new("logo.png", "image/png", logo.png.clone());
                self.pictures.push(artifact.with_cid(LOGO_CID));
                format!("cid:{LOGO_CID}")
            }
        };
        let (width, height) = (logo.width, logo.height);
        format!(
            "<td valign=\"top\" width=\"{}\" style=\"padding:4px {GAP}px 10px 0\"><img class=\"logo\" src=\"{source}\" width=\"{width}\" height=\"{height}\" alt=\"{}\" style=\"display:block;width:{width}px;height:{height}px;border:0;font-size:12px;line-height:16px;{}\"></td>",
            width + GAP,
            escape(&logo.alt),
            self.style.grey()
        )
    }

    fn masthead(&mut self, masthead: &Masthead) -> String {
        let logo = self.logo();
        let theme = self.style.theme();
        let stamp = masthead.stamp.as_ref().map(|stamp| {
            let (colour, class) = match stamp.tone {
                Tone::Bad => (&theme.bad, "bad stampbad"),
                _ => (&theme.good, "good stamp"),
            };
            format!(
                "<span class=\"{class}\" style=\"display:inline-block;border:1px solid {colour};border-radius:2px;padding:0 6px;font-size:12px;line-height:18px;font-weight:bold;color:{colour};white-space:nowrap\">{}</span>",
                escape(&stamp.text)
            )
        });
        let split = masthead.parts.len().saturating_sub(1);
        let (who, when) = masthead.parts.split_at(split);
        let lines: Vec<String> = [who, when]
            .iter()
            .filter(|line| !line.is_empty())
            .map(|line| {
                line.iter()
                    .map(|part| whole(part))
                    .collect::<Vec<_>>()
                    .join(" · ")
            })
            .collect();
        format!(
            "<table {GRID} class=\"rule\" style=\"border-bottom:2px solid {ink}\"><tr>{logo}\
             <td valign=\"top\" style=\"padding:0 0 10px\"><h1 class=\"ink\" style=\"margin:0;font-size:22px;line-height:30px;font-weight:bold;color:{ink}\">{title}</h1>\
             <div class=\"grey\" style=\"font-size:12px;line-height:18px;{grey}\">{lines}</div></td>\
             <td valign=\"top\" align=\"right\" style=\"padding:4px 0 10px 8px\">{stamp}</td></tr></table>\n",
            ink = theme.ink,
            title = escape(&masthead.title),
            grey = self.style.grey(),
            lines = lines.join("<br>"),
            stamp = stamp.unwrap_or_default()
        )
    }

    fn kpis(&self, kpis: &[Kpi]) -> String {
        let rows: String = kpis.iter().map(|kpi| self.kpi(kpi)).collect();
        format!("<table {GRID}>{rows}</table>\n")
    }

    fn kpi(&self, kpi: &Kpi) -> String {
        let rule = self.rule();
        let below: Vec<&str> = [kpi.note.as_str(), kpi.basis.as_str()]
            .into_iter()
            .filter(|t| !t.is_empty())
            .collect();
        let below = if below.is_empty() {
            String::new()
        } else {
            format!(
                "<br><span class=\"grey\" style=\"font-size:12px;{}\">{}</span>",
                self.style.grey(),
                kept(&below.join(" · "))
            )
        };
        let size = if kpi.missing {
            "16px;font-weight:normal"
        } else {
            "20px;font-weight:bold"
        };
        let change = kpi
            .change
            .as_ref()
            .map(|change| self.style.inline(change))
            .unwrap_or_default();
        format!(
            "<tr><td class=\"rule\" style=\"padding:9px 0;{rule};line-height:20px\"><span class=\"grey\" style=\"font-size:13px;{grey}\">{label}</span>{below}</td>\
             <td class=\"rule ink\" align=\"right\" style=\"padding:9px 0 9px 8px;{rule};font-size:{size};white-space:nowrap\">{value}</td>\
             <td class=\"rule\" align=\"right\" width=\"84\" style=\"padding:9px 0 9px 8px;{rule};font-size:13px;white-space:nowrap\">{change}</td></tr>",
            grey = self.style.grey(),
            label = escape(&kpi.label),
            value = escape(&kpi.value),
        )
    }

    fn rule(&self) -> String {
        format!("border-bottom:1px solid {}", self.style.theme().rule)
    }

    fn section(&mut self, section: &Section) -> String {
        let note = if section.note.is_empty() {
            String::new()
        } else {
            format!(
                "&#160; <span class=\"grey\" style=\"font-size:12px;font-weight:normal;{}\">{}</span>",
                self.style.grey(),
                kept(&section.note)
            )
        };
        let accent = &self.style.theme().accent;
        let head = format!(
            "<table {GRID} style=\"margin:22px 0 6px\"><tr><td width=\"3\" bgcolor=\"{accent}\" style=\"background-color:{accent};font-size:1px;line-height:1px\">&#160;</td>\
             <td style=\"padding:0 0 0 8px\"><h2 class=\"ink\" style=\"margin:0;font-size:15px;line-height:20px;font-weight:bold;color:{}\">{}{note}</h2></td></tr></table>\n",
            self.style.theme().ink,
            escape(&section.title),
        );
        format!("{head}{}", self.blocks(&section.blocks))
    }

    fn list(&self, ordered: bool, items: &[Vec<Inline>]) -> String {
        let tag = if ordered { "ol" } else { "ul" };
        let items: String = items
            .iter()
            .map(|item| format!("<li>{}</li>", self.style.inlines(item)))
            .collect();
        format!("<{tag} class=\"ink\" style=\"margin:8px 0;padding:0 0 0 22px\">{items}</{tag}>\n")
    }

    fn table(&self, table: &Table) -> String {
        if let Some(empty) = &table.empty {
            return self.quiet(empty);
        }
        let shown = self.cap.unwrap_or(table.rows.len()).min(table.rows.len());
        let total = table
            .rows
            .last()
            .filter(|row| row.kind == RowKind::Total && shown < table.rows.len());
        let left = table.rows.len() - shown - usize::from(total.is_some());
        let more = if left > 0 {
            Some(self.words.rows(left, self.options.attached.is_some()))
        } else {
            table.more.clone()
        };
        let grid = |part: &Table| {
            let total = part.rows.last().filter(|_| total.is_some());
            self.grid(part, part.rows.iter().take(shown).chain(total))
        };
        let grids = if self.options.pictures == Pictures::Inline {
            // A browser moves it sideways where it must.
            format!("<div style=\"overflow-x:auto\">{}</div>\n", grid(table))
        } else {
            let grids: Vec<String> = wide::parts(table).iter().map(grid).collect();
            // Room between the parts of a table, without which they would read as one.
            grids.join("<div style=\"font-size:1px;line-height:14px\">&#160;</div>\n")
        };
        let more = more.map(|more| self.quiet(&more)).unwrap_or_default();
        format!("{grids}{more}")
    }

    fn grid<'t>(&self, table: &Table, rows: impl Iterator<Item = &'t Row>) -> String {
        let body: String = rows.map(|row| self.row(table, row)).collect();
        let heads: String = table.heads.iter().enumerate().map(|(i, head)| {
            format!(
                "<th scope=\"col\" class=\"grey rule\" align=\"{}\" style=\"padding:4px {}px 4px {}px;border-bottom:1px solid {};font-size:12px;font-weight:normal;{}\">{}</th>",
                side(head.align), gap(table, i + 1 == table.heads.len()), lead(table, i), self.style.theme().ink, self.style.grey(), escape(&head.label)
            )
        }).collect();
        format!(
            "<table class=\"cells\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"border-collapse:collapse;font-size:13px;line-height:18px\"><tr>{heads}</tr>{body}</table>\n"
        )
    }

    fn row(&self, table: &Table, row: &Row) -> String {
        let theme = self.style.theme();
        let (class, fill, weight) = match row.kind {
            RowKind::Marked => (
                " marked",
                format!(";background-color:{}", theme.bad_soft),
                ";font-weight:bold",
            ),
            RowKind::Total => ("", String::new(), ";font-weight:bold"),
            RowKind::Plain => ("", String::new(), ""),
        };
        let cells: String = row.cells.iter().enumerate().map(|(i, cell)| {
            let right = table.heads.get(i).is_some_and(|head| head.align == Align::Right);
            let nowrap = if right { ";white-space:nowrap" } else { "" };
            let (class, fill) = match row.shades.get(i).copied().unwrap_or(0) {
                0 => (format!(" ink{class}"), fill.clone()),
                // A ground stays light in dark mode, and so its words stay dark.
                shade => (String::new(), self.style.ground(shade)),
            };
            format!(
                "<td class=\"rule{class}\" align=\"{}\" style=\"padding:6px {}px 6px {}px;{}{fill}{weight}{nowrap}\">{}</td>",
                if right { "right" } else { "left" },
                gap(table, i + 1 == row.cells.len()),
                lead(table, i),
                self.rule(),
                self.cell(row.kind, cell)
            )
        }).collect();
        format!("<tr>{cells}</tr>")
    }

    /// Cells of a marked row carry its colour unless they have their own.
    fn cell(&self, kind: RowKind, cell: &[Inline]) -> String {
        let toned = |inline: &Inline| match kind {
            RowKind::Marked if inline.tone == Tone::Plain => Inline {
                tone: Tone::Bad,
                ..inline.clone()
            },
            _ => inline.clone(),
        };
        let cell: Vec<Inline> = cell
            .iter()
            .map(toned)
            .map(|inline| Inline {
                unbroken: false,
                ..inline
            })
            .collect();
        self.style.inlines(&cell)
    }

    fn quiet(&self, text: &str) -> String {
        format!(
            "<p class=\"grey\" style=\"margin:6px 0 0;font-size:12px;line-height:18px;{}\">{}</p>\n",
            self.style.grey(),
            escape(text)
        )
    }

    /// A picture with its size and its sentence; where it cannot be drawn, the sentence stands alone.
    fn chart(&mut self, chart: &Chart) -> String {
        if let Some(why) = &chart.empty {
            return self.quiet(why);
        }
        if self.options.pictures == Pictures::Without {
            return self.quiet(&chart.alt);
        }
        let scale = match self.options.pictures {
            Pictures::Small => SMALL,
            Pictures::Cid | Pictures::Inline | Pictures::Without => SCALE,
        };
        let drawn = png::chart(chart, self.style.theme(), DRAWN, scale, self.options.fonts);
        let picture = match drawn {
            Ok(picture) => picture,
            Err(problems) => {
                self.warnings.extend(problems.0);
                return self.quiet(&chart.alt);
            }
        };
        let height = picture.height * SHOWN / DRAWN;
        let source = match self.options.pictures {
            Pictures::Cid | Pictures::Small => {
                let artifact = Artifact::new(format!("{}.png", chart.id), "image/png", picture.png)
                    .with_cid(&chart.id);
                self.pictures.push(artifact);
                format!("cid:{}", chart.id)
            }
            Pictures::Inline | Pictures::Without => inline(&picture.png),
        };
        format!(
            "<img class=\"plate\" src=\"{source}\" width=\"{SHOWN}\" height=\"{height}\" alt=\"{}\" style=\"display:block;width:100%;max-width:{SHOWN}px;height:auto;border:0;font-size:13px;line-height:20px;{}\">\n",
            escape(&chart.alt),
            self.style.grey()
        )
    }

    fn actions(&self, actions: &[Action]) -> String {
        let rows: String = actions
            .iter()
            .enumerate()
            .map(|(i, action)| self.action(i + 1, action))
            .collect();
        format!("<table {GRID}>{rows}</table>\n")
    }

    fn action(&self, number: usize, action: &Action) -> String {
        let rule = self.rule();
        let aside = if action.confidence.is_empty() {
            String::new()
        } else {
            format!(
                "<br><span class=\"grey\" style=\"font-size:12px;font-weight:normal;{}\">{}</span>",
                self.style.grey(),
                escape(&action.confidence)
            )
        };
        format!(
            "<tr><td class=\"rule accent\" width=\"26\" valign=\"top\" style=\"padding:10px 0;{rule};font-size:18px;line-height:22px;font-weight:bold;color:{accent}\">{number}</td>\
             <td class=\"rule\" valign=\"top\" style=\"padding:10px 0;{rule}\"><span class=\"ink\" style=\"font-weight:bold\">{title}</span><br>\
             <span class=\"grey\" style=\"font-size:13px;line-height:21px;{grey}\">{reason}</span></td>\
             <td class=\"rule ink\" valign=\"top\" align=\"right\" style=\"padding:10px 0 10px 12px;{rule};font-weight:bold;white-space:nowrap\">{stake}{aside}</td></tr>",
            accent = self.style.theme().accent,
            title = self.style.inlines(&action.title),
            grey = self.style.grey(),
            reason = self.style.inlines(&action.reason),
            stake = escape(&action.stake),
        )
    }
}

/// A picture inside its address.
fn inline(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png))
}

/// A part of the masthead that stays on one line of a phone, unless there is no room for it beside a long stamp; Han characters are
/// as wide as two others.
fn whole(part: &str) -> String {
    let halves = part.chars().map(|c| if c.is_ascii() { 1 } else { 2 });
    match halves.sum::<usize>() <= 20 {
        true => format!("<span style=\"white-space:nowrap\">{}</span>", escape(part)),
        false => escape(part),
    }
}

fn side(align: Align) -> &'static str {
    match align {
        Align::Left => "left",
        Align::Right => "right",
    }
}

/// The room beside a cell: less where a phone has many columns to show, also one that drops the sheet.
fn gap(table: &Table, edge: bool) -> u32 {
    match table.heads.len() {
        _ if edge => 0,
        0..=5 => 5,
        _ => 3,
    }
}

/// The room before a column: more where words begin right behind figures.
fn lead(table: &Table, column: usize) -> u32 {
    let align = |i: usize| table.heads.get(i).map(|head| head.align);
    let before = column.checked_sub(1).and_then(align);
    match (before, align(column)) {
        (Some(Align::Right), Some(Align::Left)) => 14,
        _ => gap(table, column == 0),
    }
}
