//! Rules between two characters: where a line must not break, where a little space stands, what is squeezed.
//!
//! What may not stand at a line's start or end in Chinese comes from Unicode's rules (UAX #14, strict), which parley
//! applies; here is what figures and signs need beyond them.

use parley::LineBreakContext;

/// Signs that never part from what follows them.
const LEADING: &str = "−+±¥￥$€£<>≤≥≈~(（「『《〈【[#№";
/// Units that never part from the figure before them, even over a space.
const UNITS: &str = "万亿元年月日号周天时分秒单件个人次条款期倍版页%‰";

/// Forbids breaks that would tear a figure apart; everything else is left to Unicode's rules.
pub(crate) fn no_break(context: LineBreakContext) -> Option<bool> {
    let LineBreakContext { before_before, before, after, .. } = context;
    let digit_before_space = before == ' ' && before_before.is_some_and(|c| c.is_ascii_digit());
    let torn = (LEADING.contains(before) && before != ' ' && after != ' ')
        || (before == '-' && after.is_ascii_digit() && !before_before.is_some_and(is_han))
        || (before == '–' && after.is_ascii_digit())
        || (digit_before_space && UNITS.contains(after))
        || (before.is_ascii_digit() && UNITS.contains(after))
        || (before == ' ' && "·×/".contains(after));
    torn.then_some(false)
}

/// Whether a little space stands between two characters: Han on one side, Latin or figures on the other.
pub(crate) fn gap(last: char, next: char) -> bool {
    (is_han(last) && is_latin(next)) || (is_latin(last) && is_han(next))
}

/// Whether the empty half of one full-width punctuation mark falls onto another: half a square is taken out.
pub(crate) fn squeezed(last: char, next: char) -> bool {
    (is_closing(last) && (is_closing(next) || is_opening(next))) || (is_opening(last) && is_opening(next))
}

fn is_closing(c: char) -> bool {
    "，。、；：）」』》〉】！？".contains(c)
}

fn is_opening(c: char) -> bool {
    "（「『《〈【".contains(c)
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_latin(c: char) -> bool {
    (c.is_alphanumeric() && u32::from(c) < 0x2e80) || "¥$€£%‰+−".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_stands_between_han_and_figures_only() {
        assert!(gap('付', '1') && gap('1', '月') && gap('付', '¥') && gap('%', '的') && gap('A', '类'));
        assert!(!gap('付', '，') && !gap('付', '款') && !gap('1', '.') && !gap('」', 'A'));
    }

    #[test]
    fn adjoining_punctuation_is_squeezed() {
        assert!(squeezed('」', '，') && squeezed('。', '「') && squeezed('（', '「'));
        assert!(!squeezed('「', '」') && !squeezed('中', '，') && !squeezed('」', '中'));
    }
}
