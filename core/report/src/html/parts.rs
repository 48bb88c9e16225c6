//! The small parts of mail HTML: colours, escaped words, and the few words that only a mail has.

use crate::layout::Color;
use crate::layout::look::WHITE;
use chenbao_model::document::{Inline, Theme, Tone};

/// Families that the readers' machines have.
const FONTS: &str = "-apple-system,BlinkMacSystemFont,'Segoe UI','PingFang SC','Hiragino Sans GB','Microsoft YaHei','Noto Sans CJK SC','Source Han Sans SC',Arial,sans-serif";

/// Inline styles out of a theme.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style<'a> {
    theme: &'a Theme,
}

impl<'a> Style<'a> {
    pub(super) fn new(theme: &'a Theme) -> Self {
        Self { theme }
    }

    pub(super) fn theme(&self) -> &'a Theme {
        self.theme
    }

    pub(super) fn base(&self) -> String {
        format!(
            "font-family:{FONTS};font-size:14px;line-height:22px;color:{};font-variant-numeric:tabular-nums",
            self.theme.ink
        )
    }

    pub(super) fn grey(&self) -> String {
        format!("color:{}", self.theme.grey)
    }

    /// The colour of a tone; 红涨绿跌 swaps it for changes, which begin with their sign.
    pub(super) fn colour(&self, inline: &Inline) -> Option<(&'static str, &'a str)> {
        let change = inline.text.starts_with(['+', crate::format::MINUS]);
        let swapped = self.theme.red_up && change;
        let rising = inline.text.starts_with('+');
        match inline.tone {
            Tone::Good | Tone::Bad if swapped && rising => Some(("bad", &self.theme.bad)),
            Tone::Good | Tone::Bad if swapped => Some(("good", &self.theme.good)),
            Tone::Good => Some(("good", &self.theme.good)),
            Tone::Bad => Some(("bad", &self.theme.bad)),
            Tone::Muted => Some(("grey", &self.theme.grey)),
            Tone::Accent => Some(("accent", &self.theme.accent)),
            Tone::Plain => None,
        }
    }

    /// Words with their styles.
    pub(super) fn inlines(&self, inlines: &[Inline]) -> String {
        inlines.iter().map(|inline| self.inline(inline)).collect()
    }

    pub(super) fn inline(&self, inline: &Inline) -> String {
        let mut css = String::new();
        let mut class = "";
        if inline.bold {
            css.push_str("font-weight:bold;");
        }
        if let Some((name, colour)) = self.colour(inline) {
            css.push_str(&format!("color:{colour};"));
            class = name;
        }
        if inline.unbroken {
            css.push_str("white-space:nowrap;");
        }
        let text = if inline.unbroken || inline.from_data {
            escape(&inline.text)
        } else {
            kept(&inline.text)
        };
        let text = text.replace('\n', "<br>");
        let text = match &inline.link {
            Some(link) => format!(
                "<a class=\"accent\" href=\"{}\" style=\"color:{};text-decoration:underline\">{text}</a>",
                escape(link),
                self.theme.accent
            ),
            None => text,
        };
        match (css.is_empty(), class.is_empty()) {
            (true, _) => text,
            (false, true) => format!(
                "<span style=\"{}\">{text}</span>",
                css.trim_end_matches(';')
            ),
            (false, false) => format!(
                "<span class=\"{class}\" style=\"{}\">{text}</span>",
                css.trim_end_matches(';')
            ),
        }
    }

    /// The ground of a shaded cell, with ink on it.
    pub(super) fn ground(&self, shade: u8) -> String {
        let accent = Color::parse(&self.theme.accent).unwrap_or(WHITE);
        let ground = WHITE.mixed(accent, shade.min(100) / 2).hex();
        format!(";background-color:{ground};color:{}", self.theme.ink)
    }

    /// Words in grey.
    pub(super) fn aside(&self, text: &str) -> String {
        let (grey, text) = (self.grey(), escape(text));
        format!("<span class=\"grey\" style=\"{grey}\">{text}</span>")
    }

    /// A soft box.
    pub(super) fn boxed(&self, inner: &str) -> String {
        format!(
            "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"margin:18px 0 0\"><tr>\
             <td class=\"soft\" bgcolor=\"{soft}\" style=\"padding:10px 14px;background-color:{soft};font-size:13px;line-height:21px\">{inner}</td></tr></table>\n",
            soft = self.theme.soft
        )
    }

    /// Dark mode and narrow screens for clients that ask for them; everything reads without. Pictures are drawn on white, which a dark
    /// page shows as a plate with room around the drawing, and a little dimmer than paper.
    pub(super) fn sheet(&self) -> String {
        "@media (prefers-color-scheme:dark){.bg,.bg>tbody>tr>td{background-color:#16181c !important}.ink{color:#e8eaed !important}\
         .grey{color:#a3abb6 !important}.good{color:#4cc38a !important}.bad{color:#ff7b6b !important}.accent{color:#7aa8ff !important}\
         .soft{background-color:#22262c !important}.marked{background-color:#3a2322 !important}.rule{border-color:#3a3f47 !important}\
         .logo{background-color:#ffffff !important;border-radius:4px !important}\
         .stamp{border-color:#4cc38a !important}.stampbad{border-color:#ff7b6b !important}\
         .plate{box-sizing:border-box !important;padding:12px !important;border-radius:8px !important;background-color:#ffffff !important;opacity:.92}}\
         @media (max-width:480px){.cells td,.cells th{font-size:12px !important;padding-right:3px !important}\
         .cells td:last-child,.cells th:last-child{padding-right:0 !important}}"
            .to_owned()
    }
}

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Text as HTML whose figures never part from their sign, currency and 万.
pub(super) fn kept(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(['+', crate::format::MINUS, '¥', '$', '£', '€']) {
        let (before, from) = rest.split_at_checked(start).unwrap_or((rest, ""));
        let end = figure_end(from);
        let (figure, after) = from.split_at_checked(end).unwrap_or((from, ""));
        out.push_str(&escape(before));
        if figure.chars().any(|c| c.is_ascii_digit()) {
            out.push_str(&format!(
                "<span style=\"white-space:nowrap\">{}</span>",
                escape(figure)
            ));
        } else {
            out.push_str(&escape(figure));
        }
        rest = after;
    }
    out.push_str(&escape(rest));
    out
}

/// Where a figure that begins a text ends, in bytes.
fn figure_end(text: &str) -> usize {
    let mut end = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let inside = match c {
            '0'..='9' | '+' | crate::format::MINUS | '¥' | '$' | '£' | '€' | '%' | '万' | '亿' => {
                true
            }
            ',' | '.' => next.is_some_and(|c| c.is_ascii_digit()),
            ' ' => matches!(next, Some('万' | '亿')),
            _ => false,
        };
        if !inside {
            break;
        }
        end = at + c.len_utf8();
    }
    end
}

/// Words that only a mail has: they speak of attachments, which the Document knows nothing of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub(super) attached: &'static str,
    pub(super) details: &'static str,
    pub(super) forward: &'static str,
    chinese: bool,
}

impl Words {
    pub(super) fn of(lang: &str) -> Self {
        if lang.starts_with("zh") {
            Self {
                attached: "附件",
                details: "完整版面见附件。",
                forward: "请勿转发",
                chinese: true,
            }
        } else {
            Self {
                attached: "Attached",
                details: "The full pages are attached.",
                forward: "please do not forward",
                chinese: false,
            }
        }
    }

    /// How many pages the attached file has.
    pub(super) fn pages(self, n: usize) -> String {
        match (self.chinese, n) {
            (true, _) => format!("（{n} 页）"),
            (false, 1) => " (1 page)".to_owned(),
            (false, _) => format!(" ({n} pages)"),
        }
    }

    /// Which sections are only in the pages.
    pub(super) fn left(self, titles: &[String]) -> String {
        if self.chinese {
            format!("{}见附件。", titles.join("、"))
        } else {
            format!("In the attachment: {}.", titles.join(", "))
        }
    }

    /// Which sections this mail does without, where nothing is attached.
    pub(super) fn not_here(self, titles: &[String]) -> String {
        if self.chinese {
            format!("本邮件未载：{}。", titles.join("、"))
        } else {
            format!("Not in this mail: {}.", titles.join(", "))
        }
    }

    /// How many rows are only in the pages, if these are attached.
    pub(super) fn rows(self, n: usize, attached: bool) -> String {
        match (self.chinese, attached) {
            (true, true) => format!("其余 {n} 行见附件。"),
            (true, false) => format!("其余 {n} 行本邮件未载。"),
            (false, true) => format!("{n} more rows are in the attachment."),
            (false, false) => format!("{n} more rows are not in this mail."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn red_up_swaps_changes_only() {
        let theme = Theme {
            red_up: true,
            ..Theme::default()
        };
        let style = Style::new(&theme);
        let toned = |text: &str, tone| Inline {
            tone,
            ..Inline::words(text)
        };
        assert_eq!(style.colour(&toned("+8.2%", Tone::Good)).unwrap().0, "bad");
        assert_eq!(style.colour(&toned("−8.2%", Tone::Bad)).unwrap().0, "good");
        assert_eq!(style.colour(&toned("断点", Tone::Bad)).unwrap().0, "bad");
    }

    #[test]
    fn figures_never_part() {
        assert_eq!(
            kept("差 +¥97,406，共"),
            "差 <span style=\"white-space:nowrap\">+¥97,406</span>，共"
        );
        assert_eq!(
            kept("多退 ¥3.2 万。a + b"),
            "多退 <span style=\"white-space:nowrap\">¥3.2 万</span>。a + b"
        );
    }

    #[test]
    fn hostile_text_is_text() {
        let theme = Theme::default();
        let html = Style::new(&theme).inline(&Inline::data("<b>&\"{{ x }}</td>"));
        assert_eq!(html, "&lt;b&gt;&amp;&quot;{{ x }}&lt;/td&gt;");
    }
}
