//! How a template looks: its theme, layer over layer, each mistake at its line; and the logo beside the theme.

use super::templates::{TemplateSet, toml_problem};
use crate::layout::look::Look;
use crate::png;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::{Place, Problems, nearest};
use chenbao_model::document::{Logo, Theme};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The largest logo file: every mail carries it.
pub const LOGO_BYTES: u64 = 200_000;

impl TemplateSet {
    /// Colours, sizes and page: the common ones with the template's own on top.
    pub(super) fn theme(&self, template: &str) -> Result<Theme, Problems> {
        self.layers(template).map(|layers| layers.theme)
    }

    /// The logo that the theme names, for a page of that shop or company.
    pub(super) fn logo(&self, template: &str, whose: &str) -> Result<Option<Logo>, Problems> {
        let layers = self.layers(template)?;
        let name = layers.theme.logo.as_str();
        let Some(file) = layers.files.get("logo").filter(|_| !name.is_empty()) else {
            return Ok(None);
        };
        let refused = |(why, hint): (String, String)| {
            let problem = Diagnostic::error(format!("the logo `{name}` {why}")).hint(hint);
            Problems::from(problem.at(self.line_of(file, "logo")))
        };
        let svg = name.ends_with(".svg");
        let told = |why: &str, hint: &str| refused((why.to_owned(), hint.to_owned()));
        if name.contains(['/', '\\']) || !(svg || name.ends_with(".png")) {
            let hint = "name a file beside the theme that ends in .png or .svg";
            return Err(told("is not the name of a PNG or SVG file", hint));
        }
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = format!("{folder}/{name}");
        let Some(bytes) = self
            .file(&path)
            .and_then(|text| BASE64_STANDARD.decode(text).ok())
        else {
            return Err(refused(self.no_logo(&path)));
        };
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LOGO_BYTES {
            let why = format!("is larger than {} kB", LOGO_BYTES / 1000);
            let hint = "every mail carries it: make it smaller, 480 x 160 pixels are enough";
            return Err(refused((why, hint.to_owned())));
        }
        let shown = png::logo(&bytes, svg).map_err(refused)?;
        Ok(Some(Logo {
            png: shown.png,
            width: shown.width,
            height: shown.height,
            alt: whose.to_owned(),
        }))
    }

    fn no_logo(&self, path: &str) -> (String, String) {
        let pictures = self.files().map(|(name, _)| name);
        let pictures = pictures.filter(|name| is_picture(name));
        let hint = match nearest(path, pictures) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("put it into the project's templates folder as `{path}`"),
        };
        ("is not there".to_owned(), hint)
    }

    fn layers(&self, template: &str) -> Result<Layers, Problems> {
        let mut merged = toml::Table::new();
        let mut files = BTreeMap::new();
        let mut problems = Vec::new();
        for folder in self.folders(template) {
            let file = format!("{folder}/theme.toml");
            let Some(text) = self.file(&file) else {
                continue;
            };
            // Read as a theme for its mistakes, and as a table for which of its keys it says.
            let read = toml::from_str::<Theme>(text).and_then(|_| toml::from_str(text));
            let table: toml::Table = match read {
                Ok(table) => table,
                Err(e) => {
                    problems.push(with_nearest(toml_problem(&file, text, &e)));
                    continue;
                }
            };
            files.extend(table.keys().map(|key| (key.clone(), file.clone())));
            merged.extend(table);
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let theme = Theme::deserialize(merged)
            .map_err(|e| Problems::from(Diagnostic::error(e.message().to_owned())))?;
        let placed = |(key, problem): (&str, Diagnostic)| match files.get(key) {
            Some(file) => problem.at(self.line_of(file, key)),
            None => problem,
        };
        let faults: Vec<Diagnostic> = Look::faults(&theme).into_iter().map(placed).collect();
        if faults.is_empty() {
            Ok(Layers { theme, files })
        } else {
            Err(Problems(faults))
        }
    }

    /// Where a file says a key.
    fn line_of(&self, file: &str, key: &str) -> Place {
        let lines = self.file(file).unwrap_or_default().lines().enumerate();
        let says = |line: &str| {
            let rest = line.trim_start().strip_prefix(key);
            rest.is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        let found = lines.into_iter().find(|(_, line)| says(line));
        Place {
            file: file.to_owned(),
            line: found.map_or(1, |(at, _)| at + 1),
            column: 1,
            source: found.map(|(_, line)| line.to_owned()),
        }
    }
}

/// A theme, and the file that each of its keys comes from.
struct Layers {
    theme: Theme,
    files: BTreeMap<String, String>,
}

/// Whether a file of the templates' folder is a picture, which a set holds as base64.
#[must_use]
pub fn is_picture(name: &str) -> bool {
    name.ends_with(".png") || name.ends_with(".svg")
}

/// A picture's bytes as a set of templates holds them.
#[must_use]
pub fn as_text(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// An unknown key with the nearest one that there is.
fn with_nearest(problem: Diagnostic) -> Diagnostic {
    let unknown = problem.message.strip_prefix("unknown field `");
    let name = unknown.and_then(|rest| Some(rest.split_once('`')?.0.to_owned()));
    let Some(name) = name else {
        return problem;
    };
    let keys = serde_json::to_value(Theme::default()).unwrap_or_default();
    let keys = keys.as_object().into_iter().flat_map(serde_json::Map::keys);
    let message = format!("a theme has no key `{name}`");
    let near = nearest(&name, keys.map(String::as_str)).map(str::to_owned);
    let told = Diagnostic { message, ..problem };
    match near {
        Some(near) => told.hint(format!("did you mean `{near}`?")),
        None => told.hint("_base/theme.toml has them all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWN: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="10" height="10"/></svg>"#;

    fn with(files: &[(&str, &str)]) -> TemplateSet {
        let file = |(name, text): &(&str, &str)| {
            let text = match is_picture(name) {
                true => as_text(text.as_bytes()),
                false => (*text).to_owned(),
            };
            ((*name).to_owned(), text)
        };
        TemplateSet::builtin().overlaid(files.iter().map(file).collect())
    }

    fn refused(files: &[(&str, &str)]) -> String {
        with(files).logo("daily", "晨光").unwrap_err().to_string()
    }

    #[test]
    fn a_logo_is_looked_for_beside_the_theme_that_names_it() {
        let all = [
            ("_base/theme.toml", "logo = 'mark.svg'\naccent = '#ff0000'"),
            ("_base/mark.svg", DRAWN),
        ];
        let logo = with(&all).logo("daily", "晨光").unwrap().unwrap();
        assert_eq!(
            (logo.width, logo.height, logo.alt.as_str()),
            (80, 40, "晨光")
        );
        // A template's own theme may go without, and keeps what else the common one says.
        let own = [all[0], all[1], ("daily/theme.toml", "logo = ''")];
        assert_eq!(with(&own).logo("daily", "晨光").unwrap(), None);
        assert_eq!(with(&own).theme("daily").unwrap().accent, "#ff0000");
        assert!(with(&own).logo("weekly", "晨光").unwrap().is_some());
    }

    #[test]
    fn a_logo_that_cannot_be_shown_says_why_where_it_is_named() {
        let theme = |logo: &'static str| ("daily/theme.toml", logo);
        let told = refused(&[theme("size = 110\nlogo = 'mark.svg'")]);
        assert!(
            told.contains("is not there") && told.contains("daily/theme.toml:2"),
            "{told}"
        );
        assert!(told.contains("`daily/mark.svg`"), "{told}");
        let told = refused(&[theme("logo = 'mrak.svg'"), ("daily/mark.svg", DRAWN)]);
        assert!(told.contains("did you mean `daily/mark.svg`?"), "{told}");
        let told = refused(&[theme("logo = '../mark.svg'")]);
        assert!(told.contains("beside the theme"), "{told}");
        let told = refused(&[theme("logo = 'mark.gif'")]);
        assert!(told.contains(".png or .svg"), "{told}");
        let told = refused(&[theme("logo = 'mark.png'"), ("daily/mark.png", DRAWN)]);
        assert!(told.contains("cannot be read as PNG"), "{told}");
        let large = "x".repeat(200_001);
        let told = refused(&[theme("logo = 'mark.png'"), ("daily/mark.png", &large)]);
        assert!(told.contains("larger than 200 kB"), "{told}");
    }

    #[test]
    fn every_mistake_of_a_theme_has_its_line() {
        let told = |text: &str| {
            let set = with(&[("weekly/theme.toml", text)]);
            set.theme("weekly").unwrap_err().to_string()
        };
        let unknown = told("ink = '#000000'\nacent = '#ff0000'");
        assert!(unknown.contains("weekly/theme.toml:2:1"), "{unknown}");
        assert!(unknown.contains("did you mean `accent`?"), "{unknown}");
        let wrong = told("size = 150\npage = 'a4-landscap'\n  ink = 'black'");
        for said in [
            "theme.toml:1",
            "between 80 and 140",
            "theme.toml:2",
            "did you mean `a4-landscape`?",
            "theme.toml:3",
            "#rrggbb",
        ] {
            assert!(wrong.contains(said), "{said}: {wrong}");
        }
        let kind = told("\nsize = 'large'");
        assert!(kind.contains("weekly/theme.toml:2"), "{kind}");
    }
}
