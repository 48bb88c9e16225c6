//! Chinese punctuation: words written with half-width commas and brackets are set full-width, figures stay as they are.

use super::sentence::wide;

/// Sets `,` `;` `:` `(` `)` `?` `!` full-width in words that hold Chinese; placeholders and digits are left alone.
pub(super) fn full_width(words: &str) -> String {
    if !words.chars().any(wide) {
        return words.to_owned();
    }
    let chars: Vec<char> = words.chars().collect();
    let mut depth = 0_usize;
    let mut out = String::with_capacity(words.len());
    for (i, &c) in chars.iter().enumerate() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let previous = i.checked_sub(1).and_then(|i| chars.get(i)).copied();
        let next = chars.get(i + 1).copied();
        let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        let in_figure = digit(previous) && digit(next) || next == Some('/');
        out.push(if depth > 0 || in_figure { c } else { set(c) });
    }
    out
}

/// Curly quotes are as wide as a Chinese character in Chinese fonts: between Latin words, straight ones stand.
pub(super) fn straight(words: &str) -> String {
    words.replace(['“', '”'], "\"").replace(['‘', '’'], "'")
}

fn set(c: char) -> char {
    match c {
        ',' => '，',
        ';' => '；',
        ':' => '：',
        '(' => '（',
        ')' => '）',
        '?' => '？',
        '!' => '！',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::full_width;

    #[test]
    fn words_change_and_figures_do_not() {
        assert_eq!(
            full_width("较{basis} {pct:change}({delta:change})。"),
            "较{basis} {pct:change}（{delta:change}）。"
        );
        assert_eq!(
            full_width("退款率(支付时间),共 1,200 件,15:40 前"),
            "退款率（支付时间），共 1,200 件，15:40 前"
        );
        assert_eq!(full_width("见 https://a.b"), "见 https://a.b");
        assert_eq!(full_width("ROI (net)"), "ROI (net)");
    }
}
