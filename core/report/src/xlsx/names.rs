//! Names of sheets: at most 31 characters, none that a path or formula needs, no two alike.

/// The most characters of a name.
const MOST: usize = 31;

/// Names out of titles, in their order.
pub(super) fn unique<'t>(titles: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for title in titles {
        let plain = allowed(title);
        let taken = |name: &str| {
            names
                .iter()
                .any(|known| known.to_lowercase() == name.to_lowercase())
        };
        let mut name = shortened(&plain, "");
        let mut number = 2;
        while taken(&name) {
            name = shortened(&plain, &format!(" {number}"));
            number += 1;
        }
        names.push(name);
    }
    names
}

fn allowed(title: &str) -> String {
    let safe = |c: char| {
        if c.is_control() || r"[]:*?/\".contains(c) {
            ' '
        } else {
            c
        }
    };
    let plain: String = title.chars().map(safe).collect();
    let plain = plain.trim().trim_matches('\'').trim();
    // Excel keeps this name for itself.
    if plain.is_empty() || plain.eq_ignore_ascii_case("history") {
        format!("{plain}_")
    } else {
        plain.to_owned()
    }
}

fn shortened(name: &str, suffix: &str) -> String {
    let units = |text: &str| text.encode_utf16().count();
    let mut out = String::new();
    for c in name.chars() {
        if units(&out) + c.len_utf16() + units(suffix) > MOST {
            break;
        }
        out.push(c);
    }
    format!("{}{suffix}", out.trim_end().trim_end_matches('\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_allowed_short_and_different() {
        let long = "商品".repeat(20);
        let names = unique([
            "商品榜",
            "商品榜",
            "a/b:c",
            "",
            "History",
            &long,
            &long,
            "'x'",
        ]);
        assert_eq!(
            &names[..5],
            ["商品榜", "商品榜 2", "a b c", "_", "History_"]
        );
        assert!(names[5].chars().count() == 31 && names[6].ends_with(" 2"));
        assert!(names[6].chars().count() <= 31);
        assert_eq!(names[7], "x");
    }
}
