//! The files of a new plugin: it builds, passes `plugin test` and is documented before its author has typed a word.

use crate::plugin::descriptor::ComponentKind;
use chenbao_model::{Diagnostic, Id};
use std::path::{Path, PathBuf};

/// The languages that a plugin can begin in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// A crate with the SDK.
    Rust,
    /// One file beside the header.
    C,
    /// No code.
    Sql,
}

/// Where the SDK comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sdk {
    /// A folder on this machine.
    Path(PathBuf),
    /// A git repository.
    Git(String),
}

impl Sdk {
    /// What the user named; else the folder that this program was built from, if it is still there.
    ///
    /// # Errors
    /// There is no SDK.
    pub fn find(named: Option<&str>) -> Result<Self, Diagnostic> {
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/api");
        match named {
            Some(url) if url.contains("://") || url.starts_with("git@") => {
                Ok(Self::Git(url.to_owned()))
            }
            Some(path) => Self::at(Path::new(path)).ok_or_else(|| {
                Diagnostic::error(format!("there is no SDK in `{path}`"))
                    .hint("name the folder plugins/api of Chenbao's repository, or a git URL of that repository")
            }),
            None => Self::at(&built_from).ok_or_else(|| {
                Diagnostic::error("the SDK is not on this machine where this program was built")
                    .hint("give --sdk: the folder plugins/api of Chenbao's repository, or a git URL of that repository")
            }),
        }
    }

    /// The SDK of a folder, or of a repository's own folder.
    fn at(path: &Path) -> Option<Self> {
        let own = |dir: PathBuf| {
            let manifest = std::fs::read_to_string(dir.join("Cargo.toml")).ok()?;
            manifest
                .contains("name = \"chenbao-plugin\"")
                .then_some(dir)
        };
        let dir = own(path.to_owned()).or_else(|| own(path.join("plugins/api")))?;
        dir.canonicalize().ok().map(Self::Path)
    }

    /// As a dependency in Cargo.toml.
    fn dependency(&self) -> String {
        match self {
            Self::Path(path) => format!("path = {:?}", path.display().to_string()),
            Self::Git(url) => format!("git = {url:?}"),
        }
    }

    /// For people.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Git(url) => url.clone(),
        }
    }
}

/// What is wanted.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Component id, name of folder and crate.
    pub name: &'a str,
    /// Kind.
    pub kind: ComponentKind,
    /// Language.
    pub lang: Lang,
    /// Where the folder will be.
    pub folder: &'a Path,
    /// SDK, for Rust.
    pub sdk: Option<&'a Sdk>,
}

/// Whether a plugin can have that name: as a component id, a crate and a file.
///
/// # Errors
/// It cannot; the hint is a name that can.
pub fn named(name: &str) -> Result<(), Diagnostic> {
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.parse::<Id>().is_ok()
        && !RESERVED.contains(&name)
        && !name.ends_with('-');
    if good {
        return Ok(());
    }
    let near: String = name
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
            _ => '-',
        })
        .collect();
    let near = near
        .trim_matches(|c: char| !c.is_ascii_alphanumeric())
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '-')
        .to_owned();
    let near = match near.as_str() {
        "" => "late-orders".to_owned(),
        taken if RESERVED.contains(&taken) => format!("{taken}-metric"),
        _ => near,
    };
    Err(Diagnostic::error(format!(
        "a plugin cannot be called `{name}`: lower-case letters, digits and `-`, beginning with a letter, and no word of Rust"
    ))
    .hint(format!("take `{near}`; its title is words and may be anything")))
}

/// Names that cargo refuses for a crate, or that Rust has words for.
const RESERVED: &[&str] = &[
    "test",
    "core",
    "std",
    "alloc",
    "proc-macro",
    "build",
    "deps",
    "examples",
    "incremental",
    "abstract",
    "as",
    "async",
    "await",
    "box",
    "break",
    "const",
    "continue",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Path in the folder and text.
type File = (&'static str, &'static str);

macro_rules! text {
    ($path:literal) => {
        include_str!(concat!("scaffold/", $path))
    };
}

const COMMON: &[File] = &[
    ("CHANGELOG.md", text!("common/CHANGELOG.md")),
    ("sample.toml", text!("common/sample.toml")),
    ("strings.en.toml", text!("common/strings.en.toml")),
    ("strings.zh-CN.toml", text!("common/strings.zh-CN.toml")),
    ("cases/basic/case.toml", text!("common/case.toml")),
    ("cases/basic/tables/orders.csv", text!("common/orders.csv")),
];
const RUST: &[File] = &[
    ("Cargo.toml", text!("rust/manifest.toml")),
    (".gitignore", text!("rust/gitignore")),
    ("src/lib.rs", text!("rust/lib.rs")),
    ("README.md", text!("rust/README.md")),
    ("metric.toml", text!("rust/metric.toml")),
    ("sql/orders.sql", text!("rust/orders.sql")),
    ("cases/basic/expected.json", text!("rust/expected.json")),
];
const C: &[File] = &[
    ("Makefile", text!("c/Makefile")),
    (".gitignore", text!("c/gitignore")),
    ("metric.c", text!("c/metric.c")),
    ("README.md", text!("c/README.md")),
    ("metric.toml", text!("c/metric.toml")),
    ("sql/days.sql", text!("c/days.sql")),
    ("cases/basic/expected.json", text!("c/expected.json")),
    (
        "chenbao_plugin.h",
        include_str!("../../../../plugins/api/include/chenbao_plugin.h"),
    ),
    (
        "chenbao_easy.h",
        include_str!("../../../../plugins/api/include/chenbao_easy.h"),
    ),
];
const SQL: &[File] = &[
    ("metric.toml", text!("sql/metric.toml")),
    ("README.md", text!("sql/README.md")),
    ("sql/total.sql", text!("sql/total.sql")),
    ("sql/days.sql", text!("sql/days.sql")),
    ("sql/top.sql", text!("sql/top.sql")),
    ("cases/basic/expected.json", text!("sql/expected.json")),
];
const SOURCE: &[File] = &[
    ("Cargo.toml", text!("rust/manifest.toml")),
    (".gitignore", text!("rust/gitignore")),
    ("src/lib.rs", text!("source/lib.rs")),
    ("source.toml", text!("source/source.toml")),
    ("presets/orders.toml", text!("source/orders.toml")),
    ("README.md", text!("source/README.md")),
    ("CHANGELOG.md", text!("common/CHANGELOG.md")),
    ("sample.toml", text!("source/sample.toml")),
    ("cases/basic/case.toml", text!("source/case.toml")),
    (
        "cases/basic/input/till-2026-11-21.txt",
        text!("source/till.txt"),
    ),
    ("cases/basic/expected.json", text!("source/expected.json")),
];

/// The files of the folder, by path in it.
///
/// # Errors
/// There is no such plugin to begin with.
pub fn files(wanted: &Wanted<'_>) -> Result<Vec<(&'static str, String)>, Diagnostic> {
    named(wanted.name)?;
    let parts: &[&[File]] = match (wanted.kind, wanted.lang) {
        (ComponentKind::Metric, Lang::Rust) => &[COMMON, RUST],
        (ComponentKind::Metric, Lang::C) => &[COMMON, C],
        (ComponentKind::Metric, Lang::Sql) => &[COMMON, SQL],
        (ComponentKind::Source, Lang::Rust) => &[SOURCE],
        (ComponentKind::Source, Lang::Sql) => {
            return Err(Diagnostic::error("a source needs code").hint(
                "the source `sql` of the product reads databases by query; or take --lang rust",
            ));
        }
        (ComponentKind::Source, Lang::C) => {
            return Err(Diagnostic::error("there is no beginning for a source in C")
                .hint("take --lang rust; in C, begin with plugins/api/include/chenbao_plugin.h and cb_source_api"));
        }
    };
    let all = parts.iter().flat_map(|files| files.iter());
    Ok(all
        .map(|(path, text)| (*path, filled(text, wanted)))
        .collect())
}

fn filled(text: &str, wanted: &Wanted<'_>) -> String {
    let name = wanted.name;
    let words = || name.split(['-', '_']).filter(|word| !word.is_empty());
    let upper = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    };
    let title = words().collect::<Vec<_>>().join(" ");
    let with = match wanted.lang {
        Lang::Rust => format!("[metric.{name}.with]\nlarge_from = 300\n"),
        Lang::C | Lang::Sql => String::new(),
    };
    let library = match wanted.lang {
        Lang::Rust => wanted.folder.join("target/debug"),
        Lang::C => wanted.folder.to_owned(),
        // A folder without code is found in the folder that it lies in.
        Lang::Sql => wanted.folder.parent().unwrap_or(wanted.folder).to_owned(),
    };
    let sdk = wanted.sdk.map(Sdk::dependency).unwrap_or_default();
    text.replace("@name@", name)
        .replace("@crate@", &name.replace('-', "_"))
        .replace("@Type@", &words().map(upper).collect::<String>())
        .replace("@title@", &upper(&title))
        .replace("@with@", &with)
        .replace("@where@", &library.display().to_string())
        .replace("@sdk@", &sdk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_name_has_a_good_one_as_its_hint() {
        for (bad, good) in [
            ("Late Orders", "`late-orders`"),
            ("1st_month", "`st-month`"),
            ("match", "`match-metric`"),
            ("晚发货", "`late-orders`"),
        ] {
            let told = named(bad).unwrap_err().to_string();
            assert!(told.contains(good), "{bad}: {told}");
        }
        assert!(named("late-orders").is_ok());
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let sdk = Sdk::Path(PathBuf::from("/sdk"));
        for (kind, lang) in [
            (ComponentKind::Metric, Lang::Rust),
            (ComponentKind::Metric, Lang::C),
            (ComponentKind::Metric, Lang::Sql),
            (ComponentKind::Source, Lang::Rust),
        ] {
            let wanted = Wanted {
                name: "late-orders",
                kind,
                lang,
                folder: Path::new("/x/late-orders"),
                sdk: Some(&sdk),
            };
            for (path, text) in files(&wanted).unwrap() {
                let left = [
                    "@name@", "@crate@", "@Type@", "@title@", "@with@", "@where@", "@sdk@",
                ];
                assert!(
                    !left.iter().any(|hole| text.contains(hole)),
                    "{path}:\n{text}"
                );
            }
        }
    }
}
