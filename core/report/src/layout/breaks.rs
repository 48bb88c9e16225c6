//! Rules between two characters: where a line must not break, where a little space stands, what is squeezed.
//!
//! What may not stand at a line's start or end in Chinese comes from Unicode's rules (UAX #14, strict), which ICU4X
//! applies; here is also what figures and signs need beyond them.

use icu_segmenter::options::LineBreakOptions;
use icu_segmenter::{LineSegmenter, LineSegmenterBorrowed};
use std::collections::BTreeSet;
use std::ops::Range;

const RULES: LineSegmenterBorrowed<'static> =
    LineSegmenter::new_for_non_complex_scripts(LineBreakOptions::default());

/// Signs that never part from what follows them.
const LEADING: &str = "−+±¥￥$€£<>≤≥≈~(（「『《〈【[#№";
/// Marks that never begin a line, beyond those that Unicode's rules keep from it: the dot of foreign names, connectors.
const CLINGING: &str = "·・•‧～~–-";
/// Units that never part from the figure before them, even over a space.
const UNITS: &str = "万亿元年月日号周天时分秒单件个人次条款期倍版页%‰";

/// Where a line may end: the offsets after which the text may go on below. Ranges marked `true` stay whole.
pub(crate) fn breaks(text: &str, ranges: &[(Range<usize>, bool)]) -> BTreeSet<usize> {
    let mut offsets: BTreeSet<usize> = RULES.segment_str(text).collect();
    for (range, unbroken) in ranges {
        if *unbroken {
            offsets.retain(|offset| !(range.start < *offset && *offset < range.end));
        }
    }
    let (mut before_before, mut before) = (None, None);
    for (offset, after) in text.char_indices() {
        if let Some(before) = before
            && torn(before_before, before, after)
        {
            offsets.remove(&offset);
        }
        (before_before, before) = (before, Some(after));
    }
    offsets
}

/// Whether a break between two characters would tear a figure apart.
fn torn(before_before: Option<char>, before: char, after: char) -> bool {
    let digit_before_space = before == ' ' && before_before.is_some_and(|c| c.is_ascii_digit());
    (LEADING.contains(before) && after != ' ')
        || (before != ' ' && CLINGING.contains(after))
        || (before == '-' && after.is_ascii_digit() && !before_before.is_some_and(is_han))
        || (before == '–' && after.is_ascii_digit())
        || (digit_before_space && UNITS.contains(after))
        || (before.is_ascii_digit() && UNITS.contains(after))
        || (before == ' ' && "·×/".contains(after))
}

/// Whether a little space stands between two characters: Han on one side, Latin or figures on the other.
pub(crate) fn gap(last: char, next: char) -> bool {
    (is_han(last) && is_latin(next)) || (is_latin(last) && is_han(next))
}

/// Whether the empty half of one full-width punctuation mark falls onto another: half a square is taken out.
pub(crate) fn squeezed(last: char, next: char) -> bool {
    (is_closing(last) && (is_closing(next) || is_opening(next)))
        || (is_opening(last) && is_opening(next))
}

fn is_closing(c: char) -> bool {
    "，。、；：）」』》〉】！？".contains(c)
}

/// Whether the left half of a mark is empty.
pub(crate) fn is_opening(c: char) -> bool {
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

    fn parts(text: &str, unbroken: bool) -> Vec<&str> {
        let mut from = 0;
        let cut = breaks(text, &[(0..text.len(), unbroken)]);
        cut.into_iter()
            .filter(|end| *end > 0)
            .map(|end| text.get(std::mem::replace(&mut from, end)..end).unwrap())
            .collect()
    }

    #[test]
    fn nothing_forbidden_stands_at_a_start_or_an_end() {
        let text = "昨日「保暖」支付(周六)《新品》、“打底裤”。合计……共计!含税?是;否:对,错";
        for part in parts(text, false) {
            let (first, last) = (
                part.chars().next().unwrap(),
                part.chars().next_back().unwrap(),
            );
            assert!(
                !"，。、；：！？）」』》】”…,;:!?)".contains(first)
                    || part.chars().count() > 1 && first == '…',
                "{part}"
            );
            assert!(!"（「『《【“(".contains(last), "{part}");
        }
    }

    /// GB/T 15834 and common practice: what may not begin a line, what may not end one, and what may not be parted.
    #[test]
    fn what_clings_to_its_neighbour_is_never_parted_from_it() {
        let never_first = "，。、；：！？）」』》〉】〕］｝”’…—,.;:!?)]}%‰％℃°′″·・～～–々ーぁっャ";
        for c in never_first.chars().filter(|c| *c != '—') {
            for before in ["汉", "字A", "38", "」"] {
                let text = format!("起{before}{c}汉字");
                let at = "起".len() + before.len();
                assert!(
                    !breaks(&text, &[]).contains(&at),
                    "{c} begins a line in {text}"
                );
            }
        }
        let never_last = "（「『《〈【〔［｛“‘([{¥￥$€£+−±#№≤≥≈";
        for c in never_last.chars() {
            for after in ["汉", "A", "38", "「"] {
                let text = format!("起汉{c}{after}尾");
                let at = "起汉".len() + c.len_utf8();
                assert!(
                    !breaks(&text, &[]).contains(&at),
                    "{c} ends a line in {text}"
                );
            }
        }
        for whole in [
            "——",
            "……",
            "1,284,306",
            "3.12%",
            "2026-11-21",
            "20–22",
            "15:40",
            "−¥13.9",
            "+8.2%",
            "D+7",
            "iPhone17",
            "9.7 万",
            "41 天",
            "~5%",
        ] {
            let text = format!("汉字{whole}汉字");
            let inside = "汉字".len() + 1.."汉字".len() + whole.len();
            let cut: Vec<usize> = breaks(&text, &[])
                .into_iter()
                .filter(|at| inside.contains(at))
                .collect();
            assert_eq!(cut, Vec::<usize>::new(), "{whole}");
        }
    }

    #[test]
    fn figures_stay_whole() {
        assert_eq!(parts("少 −¥13.9 万元", false), ["少 ", "−¥13.9 万", "元"]);
        assert_eq!(parts("在 20–22 时", false), ["在 ", "20–22 时"]);
        assert_eq!(parts("(+¥9.7 万)。", false), ["(+¥9.7 万)。"]);
        assert_eq!(parts("点击 成交", true), ["点击 成交"]);
    }

    #[test]
    fn space_stands_between_han_and_figures_only() {
        assert!(
            gap('付', '1') && gap('1', '月') && gap('付', '¥') && gap('%', '的') && gap('A', '类')
        );
        assert!(!gap('付', '，') && !gap('付', '款') && !gap('1', '.') && !gap('」', 'A'));
    }

    #[test]
    fn adjoining_punctuation_is_squeezed() {
        assert!(squeezed('」', '，') && squeezed('。', '「') && squeezed('（', '「'));
        assert!(!squeezed('「', '」') && !squeezed('中', '，') && !squeezed('」', '中'));
    }
}
