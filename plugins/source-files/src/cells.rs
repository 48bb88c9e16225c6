//! Cells and headers: takes off what spreadsheets and back offices wrap around a value, and nothing of the value.

use std::collections::BTreeSet;

/// The value of a cell without its wrapping: tabs, `="…"`, and the apostrophe in front of an id. Null marks and numbers stay text.
pub fn clean(cell: &str) -> &str {
    if !wrapped(cell.as_bytes()) {
        return cell;
    }
    let cell = cell.trim_matches(['\t', '\u{feff}', '\r']);
    let cell = match cell
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(inner) => inner.trim_matches('\t'),
        None => cell,
    };
    match cell.strip_prefix('\'') {
        Some(id) if is_id(id) => id,
        _ => cell,
    }
}

/// Whether first or last byte may be of a wrapping: most cells are not worth a closer look.
fn wrapped(cell: &[u8]) -> bool {
    let (Some(first), Some(last)) = (cell.first(), cell.last()) else {
        return false;
    };
    matches!(first, b'\t' | b'\r' | b'\'' | b'=' | 0xef) || matches!(last, b'\t' | b'\r' | 0xbf)
}

/// An apostrophe guards ids and telephone numbers; in `'90s dress` it is part of the words.
fn is_id(text: &str) -> bool {
    text.len() >= 5
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Names of columns from the cells of a header row: trimmed, brackets half-width, blank ones named by position, doubles told apart by `_2`.
pub(crate) fn header<'a>(cells: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = cells.map(plain).collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    let mut taken = BTreeSet::new();
    for (at, name) in names.iter_mut().enumerate() {
        if name.is_empty() {
            *name = format!("column_{}", at + 1);
        }
        let mut unique = name.clone();
        let mut copy = 2;
        while !taken.insert(unique.clone()) {
            unique = format!("{name}_{copy}");
            copy += 1;
        }
        *name = unique;
    }
    names
}

fn plain(cell: &str) -> String {
    let bare = clean(cell).trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    bare.chars()
        .filter(|c| !matches!(c, '\n' | '\r'))
        .map(|c| match c {
            '（' => '(',
            '）' => ')',
            '【' => '[',
            '】' => ']',
            '％' => '%',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lose_their_wrapping() {
        for (raw, bare) in [
            ("\t6917926768823643751", "6917926768823643751"),
            ("'6917926768823643751", "6917926768823643751"),
            ("6953547102608758621\t", "6953547102608758621"),
            ("=\"1930679858170647\"", "1930679858170647"),
            ("=\"\t193\"", "193"),
            ("'18618486065", "18618486065"),
            ("'260517-123456789", "260517-123456789"),
        ] {
            assert_eq!(clean(raw), bare);
        }
    }

    #[test]
    fn values_stay_as_they_are() {
        for raw in [
            "-",
            "--",
            "—",
            "－",
            "",
            "None",
            "1,234.50",
            "¥236,552",
            "3.2万",
            "41.93%",
            "'90s dress",
            " leading blank",
            "6.91793E+18",
            "=cmd()",
        ] {
            assert_eq!(clean(raw), raw);
        }
    }

    #[test]
    fn headers_are_normalised_and_unique() {
        let cells = [
            "\u{feff}订单编号",
            "收货地址 ",
            "应付金额（元）",
            "名称",
            "名称",
            "",
            "点击率（%）",
            " ",
            "",
        ];
        assert_eq!(
            header(cells.into_iter()),
            [
                "订单编号",
                "收货地址",
                "应付金额(元)",
                "名称",
                "名称_2",
                "column_6",
                "点击率(%)"
            ]
        );
        assert_eq!(header(["a_2", "a", "a"].into_iter()), ["a_2", "a", "a_3"]);
    }
}
