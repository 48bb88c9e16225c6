//! Which words of a text are of another language than the document: a voice that reads them aloud has to know.

/// The text in spans of so many glyphs, each with its language where it is not the document's. A Chinese voice reads
/// short Latin names well; whole English phrases it does not. An English voice reads no Han at all.
pub(super) fn spans(clusters: &[&str], lang: &str) -> Vec<(Option<&'static str>, usize)> {
    if lang.starts_with("zh") {
        let english = is_english(clusters);
        return vec![(english.then_some("en"), clusters.len())];
    }
    let mut spans: Vec<(Option<&'static str>, usize)> = Vec::new();
    for cluster in clusters {
        let own = cluster.chars().any(is_chinese).then_some("zh-CN");
        match spans.last_mut() {
            // The second glyph of a cluster, and the space after it, belong to what stands before.
            Some((last, count)) if *last == own || cluster.is_empty() => *count += 1,
            _ => spans.push((own, 1)),
        }
    }
    spans
}

/// Two words or more, and no Han.
fn is_english(clusters: &[&str]) -> bool {
    let text = clusters.concat();
    let is_word =
        |word: &&str| word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    !text.chars().any(is_chinese) && text.split([' ', '-', ',', '.']).filter(is_word).count() > 1
}

fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{303f}' | '\u{3400}'..='\u{9fff}' | '\u{ff01}'..='\u{ff5e}' | '\u{20000}'..='\u{3fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, lang: &str) -> Vec<(Option<&'static str>, usize)> {
        let clusters: Vec<String> = text.chars().map(String::from).collect();
        let clusters: Vec<&str> = clusters.iter().map(String::as_str).collect();
        spans(&clusters, lang)
    }

    #[test]
    fn han_in_english_and_phrases_in_chinese_are_told() {
        assert_eq!(
            of("Sales of 打底裤 fell", "en"),
            [(None, 9), (Some("zh-CN"), 3), (None, 5)]
        );
        assert_eq!(of("支付 GMV 与 ROI", "zh-CN"), [(None, 12)]);
        assert_eq!(of("GMV", "zh-CN"), [(None, 3)]);
        assert_eq!(of("White hanging heart", "zh-CN"), [(Some("en"), 19)]);
    }
}
