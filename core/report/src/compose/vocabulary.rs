//! The vocabulary of report markup: which elements there are, what may stand in each, and their attributes.

/// What may stand inside an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    Nothing,
    Blocks,
    Inline,
    Only(&'static str),
}

/// Name, what may stand inside, attributes; a leading `*` marks a required one.
pub(super) type Rule = (&'static str, Inside, &'static [&'static str]);

pub(super) const BLOCKS: &[Rule] = &[
    ("masthead", Inside::Nothing, &["title"]),
    ("lede", Inside::Inline, &[]),
    ("kpis", Inside::Only("kpi"), &[]),
    (
        "section",
        Inside::Blocks,
        &["*title", "note", "value", "as"],
    ),
    ("columns", Inside::Blocks, &[]),
    ("column", Inside::Blocks, &[]),
    (
        "table",
        Inside::Nothing,
        &["*data", "columns", "most", "last", "title"],
    ),
    (
        "line",
        Inside::Nothing,
        &[
            "*data", "series", "expected", "band", "between", "point", "spans", "last", "mark",
            "title",
        ],
    ),
    (
        "bar",
        Inside::Nothing,
        &["*data", "series", "expected", "last", "x", "title"],
    ),
    (
        "stacked-bar",
        Inside::Nothing,
        &["*data", "series", "last", "x", "title"],
    ),
    (
        "waterfall",
        Inside::Nothing,
        &["*data", "series", "good", "title"],
    ),
    (
        "heatmap",
        Inside::Nothing,
        &["*data", "series", "columns", "x", "title"],
    ),
    ("funnel", Inside::Nothing, &["*data", "columns", "title"]),
    (
        "sparkline",
        Inside::Nothing,
        &["*data", "series", "last", "title"],
    ),
    ("bullet", Inside::Nothing, &["*data", "columns", "title"]),
    ("cohort", Inside::Nothing, &["*data", "columns", "title"]),
    ("alerts", Inside::Nothing, &["*data", "most", "title"]),
    ("decisions", Inside::Nothing, &["*data", "most"]),
    ("actions", Inside::Nothing, &["data", "most", "for"]),
    ("note", Inside::Inline, &["data"]),
    ("unbound", Inside::Nothing, &[]),
    ("page-break", Inside::Nothing, &[]),
    ("p", Inside::Inline, &[]),
    ("ul", Inside::Only("li"), &[]),
    ("ol", Inside::Only("li"), &[]),
];

pub(super) const INLINE: &[Rule] = &[
    ("v", Inside::Nothing, &["*of", "as", "vs", "unit"]),
    ("top", Inside::Nothing, &["*data", "*by", "n", "name"]),
    ("headline", Inside::Nothing, &["most", "except"]),
    ("finding", Inside::Nothing, &["*kind"]),
    ("b", Inside::Inline, &[]),
    ("strong", Inside::Inline, &[]),
    ("i", Inside::Inline, &[]),
    ("em", Inside::Inline, &[]),
    ("a", Inside::Inline, &["*href"]),
    ("span", Inside::Inline, &["tone"]),
    ("br", Inside::Nothing, &[]),
];

const OTHERS: &[Rule] = &[
    ("report", Inside::Blocks, &[]),
    (
        "kpi",
        Inside::Nothing,
        &["*value", "label", "note", "target", "vs"],
    ),
    ("li", Inside::Inline, &[]),
];

/// All rules.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    BLOCKS.iter().chain(INLINE).chain(OTHERS)
}

/// The character of an entity.
pub(super) fn entity(name: &str) -> Option<char> {
    let number = name.strip_prefix('#');
    match (name, number) {
        ("lt", _) => Some('<'),
        ("gt", _) => Some('>'),
        ("amp", _) => Some('&'),
        ("quot", _) => Some('"'),
        ("apos", _) => Some('\''),
        ("nbsp", _) => Some('\u{a0}'),
        (_, Some(digits)) => {
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)
        }
        _ => None,
    }
}
