//! Plain text worth reading: the mail's alternative part, and what the terminal shows.

use chenbao_model::document::{
    Action, Align, Block, Chart, ChartKind, Document, Inline, Kpi, Masthead, Plot, RowKind,
    Section, Table, plain,
};

/// Columns of a line.
const WIDTH: usize = 78;
/// A cell wider than this is cut.
const CELL: usize = 32;

/// Writes the Document as text.
#[must_use]
pub fn write(document: &Document) -> String {
    let mut lines = Vec::new();
    for block in &document.blocks {
        self::block(block, &mut lines);
    }
    lines.push("─".repeat(WIDTH / 2));
    lines.extend(wrap(&document.meta.footer, ""));
    lines.push(document.meta.only_for.clone());
    let mut out = String::new();
    let mut blank = true;
    for line in lines
        .iter()
        .flat_map(|line| line.split('\n'))
        .map(str::trim_end)
    {
        if !(blank && line.is_empty()) {
            out.push_str(line);
            out.push('\n');
        }
        blank = line.is_empty();
    }
    out
}

/// What fits a message in a group: the head of the report, and the sentences of its lede.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brief {
    /// `经营日报`.
    pub title: String,
    /// `完整 6/6`, where the report says so.
    pub stamp: String,
    /// Shop, role and day, in one line.
    pub about: String,
    /// The first sentences of the lede, at most three.
    pub lede: Vec<String>,
}

/// Reads the Document's head and lede; nothing that an audience's own Document does not hold.
#[must_use]
pub fn brief(document: &Document) -> Brief {
    let mut brief = Brief {
        title: document.meta.title.clone(),
        ..Brief::default()
    };
    for block in &document.blocks {
        match block {
            Block::Masthead(masthead) => {
                brief.title.clone_from(&masthead.title);
                brief.about = masthead.parts.join(" · ");
                let stamp = masthead.stamp.as_ref();
                brief.stamp = stamp.map(|s| s.text.clone()).unwrap_or_default();
            }
            Block::Lede { inlines } => brief.lede.extend(sentences(&plain(inlines))),
            _ => {}
        }
    }
    brief.lede.truncate(3);
    brief
}

/// The sentences of a text; a point between digits or letters ends none.
fn sentences(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let ends = "。！？".contains(c)
            || (".!?".contains(c) && letters.peek().is_none_or(|next| next.is_whitespace()));
        if let Some(sentence) = all.last_mut() {
            sentence.push(if c == '\n' { ' ' } else { c });
        }
        if ends {
            all.push(String::new());
        }
    }
    let trimmed = all.iter().map(|sentence| sentence.trim().to_owned());
    trimmed.filter(|sentence| !sentence.is_empty()).collect()
}

fn block(block: &Block, lines: &mut Vec<String>) {
    match block {
        Block::Masthead(masthead) => self::masthead(masthead, lines),
        Block::Lede { inlines } | Block::Paragraph { inlines } | Block::Note { inlines } => {
            lines.extend(wrap(&plain(inlines), ""));
        }
        Block::Kpis { kpis } => self::kpis(kpis, lines),
        Block::Section(section) => self::section(section, lines),
        Block::Columns { columns } => columns
            .iter()
            .flatten()
            .for_each(|inner| self::block(inner, lines)),
        Block::List { ordered, items } => list(*ordered, items, lines),
        Block::Table(table) => self::table(table, lines),
        Block::Chart(chart) => self::chart(chart, lines),
        Block::Actions { actions } => self::actions(actions, lines),
        Block::PageBreak => {}
    }
    lines.push(String::new());
}

fn masthead(masthead: &Masthead, lines: &mut Vec<String>) {
    let stamp = masthead
        .stamp
        .as_ref()
        .map(|stamp| format!("  [{}]", stamp.text))
        .unwrap_or_default();
    lines.push(format!("{}{stamp}", masthead.title));
    lines.push(masthead.parts.join(" · "));
    if !masthead.facts.is_empty() {
        lines.push(masthead.facts.join(" · "));
    }
    lines.push("═".repeat(WIDTH / 2));
}

fn section(section: &Section, lines: &mut Vec<String>) {
    let note = if section.note.is_empty() {
        String::new()
    } else {
        format!("  {}", section.note)
    };
    lines.push(format!("■ {}{note}", section.title));
    for inner in &section.blocks {
        block(inner, lines);
    }
}

fn kpis(kpis: &[Kpi], lines: &mut Vec<String>) {
    let change = |kpi: &Kpi| {
        kpi.change
            .as_ref()
            .map(|change| change.text.clone())
            .unwrap_or_default()
    };
    let tail = |kpi: &Kpi| {
        [kpi.basis.as_str(), kpi.note.as_str()]
            .into_iter()
            .filter(|t| !t.is_empty())
            .collect::<Vec<_>>()
            .join(" · ")
    };
    let rows: Vec<Vec<String>> = kpis
        .iter()
        .map(|kpi| vec![kpi.label.clone(), kpi.value.clone(), change(kpi), tail(kpi)])
        .collect();
    lines.extend(aligned(
        &rows,
        &[Align::Left, Align::Right, Align::Right, Align::Left],
    ));
}

fn list(ordered: bool, items: &[Vec<Inline>], lines: &mut Vec<String>) {
    for (i, item) in items.iter().enumerate() {
        let mark = if ordered {
            format!("{}. ", i + 1)
        } else {
            "· ".to_owned()
        };
        lines.extend(hung(&mark, &plain(item)));
    }
}

fn table(table: &Table, lines: &mut Vec<String>) {
    if let Some(empty) = &table.empty {
        lines.extend(wrap(empty, "  "));
        return;
    }
    let aligns: Vec<Align> = std::iter::once(Align::Left)
        .chain(table.heads.iter().map(|head| head.align))
        .collect();
    let mut rows = vec![
        std::iter::once(String::new())
            .chain(table.heads.iter().map(|h| h.label.clone()))
            .collect(),
    ];
    for row in &table.rows {
        let mark = if row.kind == RowKind::Marked {
            "▸"
        } else {
            ""
        };
        let cells = row.cells.iter().map(|cell| cut(&plain(cell)));
        rows.push(
            std::iter::once(mark.to_owned())
                .chain(cells)
                .collect::<Vec<String>>(),
        );
    }
    let mut written = aligned(&rows, &aligns);
    let rule = "─".repeat(
        written
            .iter()
            .map(|line| width(line))
            .max()
            .unwrap_or(0)
            .min(WIDTH * 2),
    );
    if table
        .rows
        .last()
        .is_some_and(|row| row.kind == RowKind::Total)
    {
        written.insert(written.len() - 1, rule.clone());
    }
    written.insert(1.min(written.len()), rule);
    lines.append(&mut written);
    lines.extend(table.more.clone());
}

/// More x than this are told in one sentence.
const MOST_X: usize = 12;

/// A chart is its figures: in columns where there are few, in its sentence where there are many.
fn chart(chart: &Chart, lines: &mut Vec<String>) {
    let said = |plot: &&Plot| plot.texts.len() == chart.x.len() && !plot.texts.is_empty();
    let plots: Vec<&Plot> = chart.plots.iter().filter(said).collect();
    let columns = !matches!(chart.kind, ChartKind::Line | ChartKind::Sparkline);
    if chart.empty.is_none() && chart.kind == ChartKind::Heatmap {
        lines.extend(shades(chart));
        lines.extend(wrap(&chart.alt, "  "));
    } else if chart.empty.is_some() || !columns || plots.is_empty() || chart.x.len() > MOST_X {
        lines.extend(wrap(&chart.alt, ""));
    } else {
        lines.extend(figures(chart, &plots));
    }
}

/// One row per x, one column per plot with texts, and the totals of stacks behind them.
fn figures(chart: &Chart, plots: &[&Plot]) -> Vec<String> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    if plots.len() > 1 {
        let heads = plots.iter().map(|plot| plot.label.clone());
        rows.push(std::iter::once(String::new()).chain(heads).collect());
    }
    for (i, x) in chart.x.iter().enumerate() {
        let mark = if chart.marked == Some(i) { "▸" } else { " " };
        let mut row = vec![format!("{mark} {x}")];
        row.extend(plots.iter().map(|plot| plot.texts[i].clone()));
        row.extend(chart.totals.get(i).cloned());
        rows.push(row);
    }
    let mut aligns = vec![Align::Right; plots.len() + 2];
    aligns[0] = Align::Left;
    aligned(&rows, &aligns)
}

/// A heat map in four shades of print.
fn shades(chart: &Chart) -> Vec<String> {
    let known = || chart.plots.iter().flat_map(|plot| &plot.values).flatten();
    let low = known().copied().fold(f64::INFINITY, f64::min);
    let high = known().copied().fold(f64::NEG_INFINITY, f64::max);
    let shade = |value: &Option<f64>| match value.map(|value| (value - low) / (high - low)) {
        None => ' ',
        Some(part) if part < 0.25 => '·',
        Some(part) if part < 0.5 => '░',
        Some(part) if part < 0.75 => '▒',
        Some(_) => '█',
    };
    let row = |plot: &Plot| {
        let cells: String = plot.values.iter().map(shade).collect();
        vec![format!("  {}", plot.label), cells]
    };
    let rows: Vec<Vec<String>> = chart.plots.iter().map(row).collect();
    aligned(&rows, &[Align::Left, Align::Left])
}

fn actions(actions: &[Action], lines: &mut Vec<String>) {
    for (i, action) in actions.iter().enumerate() {
        let aside: Vec<&str> = [action.stake.as_str(), action.confidence.as_str()]
            .into_iter()
            .filter(|t| !t.is_empty())
            .collect();
        let aside = if aside.is_empty() {
            String::new()
        } else {
            format!("  [{}]", aside.join(" · "))
        };
        lines.extend(hung(
            &format!("{}. ", i + 1),
            &format!("{}{aside}", plain(&action.title)),
        ));
        lines.extend(wrap(&plain(&action.reason), "   "));
    }
}

/// Cells in columns, two spaces apart; Chinese counts double.
fn aligned(rows: &[Vec<String>], aligns: &[Align]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|c| {
            rows.iter()
                .filter_map(|row| row.get(c))
                .map(|cell| width(cell))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |row: &Vec<String>| {
        let mut out = String::new();
        for (c, cell) in row.iter().enumerate() {
            if c > 0 && widths[c - 1] > 0 {
                out.push_str("  ");
            }
            let pad = " ".repeat(widths[c] - width(cell));
            match aligns.get(c) {
                Some(Align::Right) => out.extend([pad.as_str(), cell.as_str()]),
                _ => out.extend([cell.as_str(), pad.as_str()]),
            }
        }
        out.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn cut(text: &str) -> String {
    if width(text) <= CELL {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if width(&out) + columns(c) >= CELL {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

fn hung(mark: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(width(mark));
    let mut lines = wrap(text, &indent);
    if let Some(first) = lines.first_mut() {
        *first = format!("{mark}{}", first.trim_start());
    }
    lines
}

/// Breaks lines at spaces and between Chinese characters; no line begins with a closing mark.
fn wrap(text: &str, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for piece in breakable(paragraph) {
            let full = width(indent) + width(&line) + width(piece.trim_end()) > WIDTH;
            if full && !line.is_empty() {
                lines.push(format!("{indent}{}", line.trim_end()));
                line.clear();
            }
            line.push_str(if line.is_empty() {
                piece.trim_start()
            } else {
                &piece
            });
        }
        lines.push(format!("{indent}{}", line.trim_end()));
    }
    lines
}

/// The smallest pieces that a line may end after.
fn breakable(text: &str) -> Vec<String> {
    let closing = |c: char| "，。、；：！？）」』》】”’…％,.;:!?)%".contains(c);
    let opening = |c: char| "（「『《【“‘([¥$£€+−".contains(c);
    let mut pieces: Vec<String> = Vec::new();
    let mut previous: Option<char> = None;
    for c in text.chars() {
        let may = match previous {
            None => true,
            Some(before) if closing(c) || opening(before) => false,
            Some(' ') => c != ' ',
            Some(before) => columns(before) == 2 || columns(c) == 2,
        };
        match pieces.last_mut() {
            Some(piece) if !may => piece.push(c),
            _ => pieces.push(c.to_string()),
        }
        previous = Some(c);
    }
    pieces
}

/// Terminal columns of a text: East Asian wide characters take two, combining marks none.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}' => 2,
        '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}' => 2,
        '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_counts_double() {
        assert_eq!(width("¥128.4 万"), 9);
        let rows = vec![
            vec!["用户支付金额".to_owned(), "1".to_owned()],
            vec!["AOV".to_owned(), "1,000".to_owned()],
        ];
        let lines = aligned(&rows, &[Align::Left, Align::Right]);
        assert_eq!(lines, ["用户支付金额      1", "AOV           1,000"]);
        assert_eq!(width(&lines[0]), width(&lines[1]));
    }

    #[test]
    fn a_lede_is_its_sentences() {
        assert_eq!(
            sentences("支付 ¥128.4 万。较上周六 +3.2%！\n退款稳定"),
            ["支付 ¥128.4 万。", "较上周六 +3.2%！", "退款稳定"]
        );
        assert_eq!(
            sentences("Paid ¥1.284m. Refunds are 3.2% up."),
            ["Paid ¥1.284m.", "Refunds are 3.2% up."]
        );
    }

    #[test]
    fn lines_end_where_they_may() {
        let text = "昨日用户支付金额，较上周六多。".repeat(8);
        let lines = wrap(&text, "  ");
        assert!(lines.len() > 2);
        for line in &lines {
            assert!(width(line) <= WIDTH, "{line}");
            assert!(!line.trim_start().starts_with(['，', '。']), "{line}");
        }
        assert_eq!(
            lines.iter().map(|line| line.trim()).collect::<String>(),
            text
        );
    }
}
