//! Colours, sizes and the page of one document: the theme, read once.

use super::item::Color;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::{Problems, nearest};
use chenbao_model::document::{Theme, Tone};
use std::ops::RangeInclusive;

/// Sizes of type that pages and mails are made for, in percent.
const SIZES: RangeInclusive<u16> = 80..=140;
/// Names of paper.
const PAPERS: [&str; 3] = ["a4", "a4-landscape", "phone"];

/// A key of the theme and what is wrong with its value.
pub(crate) type Fault = (&'static str, Diagnostic);

pub(crate) const WHITE: Color = Color(255, 255, 255);

/// The theme's colours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    pub(crate) ink: Color,
    pub(crate) grey: Color,
    pub(crate) faint: Color,
    pub(crate) rule: Color,
    pub(crate) soft: Color,
    pub(crate) accent: Color,
    pub(crate) good: Color,
    pub(crate) bad: Color,
    pub(crate) bad_soft: Color,
    pub(crate) total: Color,
    /// Colour of what rises, and of what falls, in charts.
    pub(crate) rise: Color,
    pub(crate) fall: Color,
}

impl Palette {
    /// Reads all colours; every unreadable one is a problem.
    pub(crate) fn new(theme: &Theme) -> Result<Self, Problems> {
        let mut faults = Vec::new();
        let palette = Self::read(theme, &mut faults);
        told(palette, faults)
    }

    fn read(theme: &Theme, faults: &mut Vec<Fault>) -> Self {
        let mut read = |key: &'static str, text: &str| {
            Color::parse(text).unwrap_or_else(|| {
                let message = format!("theme colour `{key}` is `{text}`, which is not a colour");
                faults.push((key, Diagnostic::error(message).hint("write it as #rrggbb")));
                Color(0, 0, 0)
            })
        };
        let (good, bad) = (read("good", &theme.good), read("bad", &theme.bad));
        // 红涨绿跌: what rises is red, whatever it means.
        let (rise, fall) = if theme.red_up {
            (bad, good)
        } else {
            (good, bad)
        };
        Self {
            ink: read("ink", &theme.ink),
            grey: read("grey", &theme.grey),
            faint: read("faint", &theme.faint),
            rule: read("rule", &theme.rule),
            soft: read("soft", &theme.soft),
            accent: read("accent", &theme.accent),
            bad_soft: read("bad_soft", &theme.bad_soft),
            total: read("total", &theme.total),
            good,
            bad,
            rise,
            fall,
        }
    }

    /// A ground between white (0) and the accent (100).
    pub(crate) fn shade(&self, percent: u8) -> Color {
        WHITE.mixed(self.accent, percent)
    }

    /// The ground of a cell from none (0) to the darkest (100) on which ink is still easy to read.
    pub(crate) fn ground(&self, percent: u8) -> Color {
        self.shade(percent.min(100) / 2)
    }

    /// The colour of words on a shade.
    pub(crate) fn on_shade(&self, percent: u8) -> Color {
        if percent > 62 { WHITE } else { self.ink }
    }

    /// The colour of a tone.
    pub(crate) fn tone(&self, tone: Tone) -> Color {
        match tone {
            Tone::Plain => self.ink,
            Tone::Muted => self.grey,
            Tone::Good => self.rise,
            Tone::Bad => self.fall,
            Tone::Accent => self.accent,
        }
    }
}

/// What was read, unless something is wrong.
fn told<T>(read: T, faults: Vec<Fault>) -> Result<T, Problems> {
    if faults.is_empty() {
        Ok(read)
    } else {
        let problems = faults.into_iter().map(|(_, problem)| problem);
        Err(Problems(problems.collect()))
    }
}

/// The paper.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paper {
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) side: f32,
    pub(crate) top: f32,
    pub(crate) bottom: f32,
    /// All sizes are multiplied by it: a phone shows the page smaller than paper does, and a theme may want it larger.
    pub(crate) scale: f32,
    /// Whether it is read by scrolling: a new page in the middle would only leave half a screen empty.
    pub(crate) scrolls: bool,
}

impl Paper {
    /// The paper that a theme asks for.
    fn read(theme: &Theme, faults: &mut Vec<Fault>) -> Self {
        let size = theme.size;
        if !SIZES.contains(&size) {
            let (least, most) = (SIZES.start(), SIZES.end());
            let message = format!("theme size `{size}` is not between {least} and {most}");
            let hint = "100 is the size that pages are made for, in percent";
            faults.push(("size", Diagnostic::error(message).hint(hint)));
        }
        let scale = f32::from(size) / 100.0;
        // Head and foot of a page stand in its margins, and have their room in any size.
        let tall = scale.max(1.0);
        let a4 = Self {
            width: 595.276,
            height: 841.89,
            side: 42.5,
            top: 40.0 * tall,
            bottom: 48.0 * tall,
            scale,
            scrolls: false,
        };
        match theme.page.as_str() {
            "a4" => a4,
            "a4-landscape" => Self {
                width: a4.height,
                height: a4.width,
                ..a4
            },
            "phone" => Self {
                width: 281.25,
                height: 609.0,
                side: 15.0,
                top: 30.0 * tall,
                bottom: 34.0 * tall,
                scale: 1.3 * scale,
                scrolls: true,
            },
            other => {
                let problem = Diagnostic::error(format!("theme page `{other}` is unknown"));
                let problem = match nearest(other, PAPERS) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem.hint("use a4, a4-landscape or phone"),
                };
                faults.push(("page", problem));
                a4
            }
        }
    }
}

/// Everything that decides how a page looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) palette: Palette,
    pub(crate) paper: Paper,
    /// How much room stands between things: 1 is usual, less is tighter.
    pub(crate) air: f32,
}

impl Look {
    /// Reads a theme.
    pub(crate) fn new(theme: &Theme) -> Result<Self, Problems> {
        let mut faults = Vec::new();
        let look = Self::read(theme, &mut faults);
        told(look, faults)
    }

    /// What is wrong with a theme, by its keys.
    pub(crate) fn faults(theme: &Theme) -> Vec<Fault> {
        let mut faults = Vec::new();
        Self::read(theme, &mut faults);
        faults
    }

    fn read(theme: &Theme, faults: &mut Vec<Fault>) -> Self {
        Self {
            palette: Palette::read(theme, faults),
            paper: Paper::read(theme, faults),
            air: 1.0,
        }
    }

    /// A length of the A4 page on this paper.
    pub(crate) fn s(&self, points: f32) -> f32 {
        points * self.paper.scale
    }

    /// Room between two things: it grows and shrinks with the air.
    pub(crate) fn between(&self, points: f32) -> f32 {
        self.s(points) * self.air
    }

    /// Room inside a thing, as around the words of a row: it shrinks, and does not grow, so that rows look alike on every page.
    pub(crate) fn inside(&self, points: f32) -> f32 {
        self.s(points) * self.air.min(1.0)
    }

    /// The part of its height that a chart takes: half as much of the air as what stands between things.
    pub(crate) fn stretch(&self) -> f32 {
        0.5 + 0.5 * self.air
    }

    /// Width between the margins.
    pub(crate) fn measure(&self) -> f32 {
        self.paper.width - 2.0 * self.paper.side
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_unreadable_parts_of_a_theme_are_named_at_once() {
        let theme = Theme {
            ink: "black".into(),
            rule: "#12345".into(),
            page: "a5".into(),
            size: 141,
            ..Theme::default()
        };
        let problems = Look::new(&theme).unwrap_err();
        assert_eq!(problems.0.len(), 4, "{problems}");
    }

    #[test]
    fn red_up_swaps_the_colours_of_changes() {
        let look = Look::new(&Theme {
            red_up: true,
            ..Theme::default()
        })
        .unwrap();
        assert_eq!(look.palette.tone(Tone::Good), Color(0xc9, 0x30, 0x1f));
    }
}
