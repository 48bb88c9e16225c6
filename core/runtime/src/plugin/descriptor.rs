//! A plugin's folder, read: what it is, what it asks for, what it answers, and its words.
//!
//! One parser for folders on disk and for those that a library carries.

use super::options;
use super::reach::{self, Reach};
use super::reading;
use super::verdict::Verdict;
use chenbao_model::diagnostic::Problems;
use chenbao_model::result::Better;
use chenbao_model::strings::Strings;
use chenbao_model::{Diagnostic, Sensitivities};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

pub use super::folder::Folder;
pub use super::options::{OptionSpec, OptionType, Options, PathKind};

/// What a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComponentKind {
    /// Computes.
    Metric,
    /// Brings rows.
    Source,
}

impl fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metric => "metric",
            Self::Source => "source",
        })
    }
}

/// The days that an input reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputWindow {
    /// The period.
    Period,
    /// The period and the one before.
    Previous,
    /// So many days that end with the period.
    Days(u32),
    /// The period's days and the same weekdays of so many weeks before.
    Weekdays(u32),
    /// Everything up to the period's end.
    All,
}

impl InputWindow {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let count = |name: &str| {
            text.strip_prefix(name)?
                .strip_prefix('(')?
                .strip_suffix(')')?
                .trim()
                .parse()
                .ok()
                .filter(|n| *n > 0)
        };
        match text {
            "period" => Some(Self::Period),
            "previous" => Some(Self::Previous),
            "all" => Some(Self::All),
            _ => count("days")
                .map(Self::Days)
                .or_else(|| count("weekdays").map(Self::Weekdays)),
        }
    }
}

/// Another metric's answer as rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromMetric {
    /// Component id of that metric.
    pub metric: String,
    /// Its scalar, series or table; none for all scalars, one row each.
    pub item: Option<String>,
}

/// One input of a metric: SQL over the canonical tables, or another metric's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name.
    pub name: String,
    /// What its rows are.
    pub description: String,
    /// Canonical tables that its SQL reads; all must have a feed.
    pub tables: Vec<String>,
    /// Days.
    pub window: InputWindow,
    /// The metric whose answer it is; then there are no tables and no SQL.
    pub from: Option<FromMetric>,
    /// Its `select`.
    pub sql: String,
    /// Where that stands.
    pub sql_file: String,
    /// Whether the metric answers without it.
    pub optional: bool,
}

/// What an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputKind {
    /// One figure.
    Scalar,
    /// Figures along an axis.
    Series,
    /// Rows.
    Table,
    /// Something found; its id is the kind.
    Finding,
}

impl fmt::Display for OutputKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar",
            Self::Series => "series",
            Self::Table => "table",
            Self::Finding => "finding",
        })
    }
}

/// Unit and meaning of a column, for metrics without code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnSpec {
    /// Unit.
    pub unit: String,
    /// Whether more is better.
    pub better: Better,
    /// Who may see it.
    pub sensitivity: Sensitivities,
}

/// What a scalar without code is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareSpec {
    /// Basis.
    pub basis: String,
    /// Column of the same row.
    pub column: String,
}

/// One output. What stands from `from` on is for metrics without code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Id, or kind of a finding.
    #[serde(skip)]
    pub id: String,
    /// Kind.
    #[serde(rename = "type")]
    pub kind: OutputKind,
    /// Unit of a scalar.
    #[serde(default)]
    pub unit: String,
    /// Who may see it, for documentation and for metrics without code.
    #[serde(default)]
    pub sensitivity: Sensitivities,
    /// Whether more is better.
    #[serde(default)]
    pub better: Better,
    /// Input whose rows it shows.
    #[serde(default)]
    pub from: Option<String>,
    /// Scalar: column of the one row.
    #[serde(default)]
    pub column: Option<String>,
    /// Scalar: what it is compared with.
    #[serde(default)]
    pub compare: Option<CompareSpec>,
    /// Scalar: `series.line` of its history, for the sparkline.
    #[serde(default)]
    pub spark: Option<String>,
    /// Series: column of the axis.
    #[serde(default)]
    pub x: Option<String>,
    /// Series: columns of the lines.
    #[serde(default)]
    pub y: Vec<String>,
    /// Table and series: units by column.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnSpec>,
    /// Formula of its passport.
    #[serde(default)]
    pub formula: String,
    /// Clock of its passport.
    #[serde(default)]
    pub clock: String,
}

/// A plugin's declaration.
#[derive(Debug, Clone, PartialEq)]
pub struct Descriptor {
    /// Component id.
    pub id: String,
    /// Kind.
    pub kind: ComponentKind,
    /// Version.
    pub version: String,
    /// Title for `plugin list`.
    pub title: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// Options of a source, params of a metric.
    pub options: Options,
    /// Inputs, by name.
    pub inputs: Vec<Input>,
    /// Outputs, by id.
    pub outputs: Vec<Output>,
    /// Words by language.
    pub words: BTreeMap<String, Strings>,
    /// Mappings that ship with a source, by name.
    pub presets: BTreeMap<String, String>,
}

impl Descriptor {
    /// The descriptor of a library.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_library(json: &str) -> Result<Self, Problems> {
        Self::parse(&Folder::from_json(json)?)
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(folder: &Folder) -> Result<Self, Problems> {
        reading::read(folder)
    }

    /// The output of that id.
    #[must_use]
    pub fn output(&self, id: &str) -> Option<&Output> {
        self.outputs.iter().find(|output| output.id == id)
    }

    /// The words of a language, else those of the first that it speaks; where they have no `title`, it is the plugin's.
    #[must_use]
    pub fn strings(&self, lang: &str) -> Strings {
        let words = self.words.get(lang).or_else(|| self.words.values().next());
        let mut words = words.cloned().unwrap_or_default();
        let title = words.0.entry("title".to_owned());
        title.or_insert_with(|| self.title.clone());
        words
    }

    /// The inputs that are queried with some params.
    #[must_use]
    pub fn asked<'a>(&'a self, described: &Described) -> Vec<&'a Input> {
        let asked = |input: &&Input| {
            let named = described.inputs.as_ref();
            named.is_none_or(|named| named.contains(&input.name))
        };
        self.inputs.iter().filter(asked).collect()
    }

    /// Whether every output says which input it shows, so that no code is needed.
    #[must_use]
    pub fn answers_without_code(&self) -> bool {
        self.kind == ComponentKind::Metric
            && self.outputs.iter().all(|output| output.from.is_some())
    }

    /// What a user gave, with defaults filled in; names that begin with `_` are the host's own and pass.
    ///
    /// # Errors
    /// Unknown names, wrong types and missing values, all at once.
    pub fn check_options(&self, given: &Map<String, Value>) -> Result<Value, Vec<Diagnostic>> {
        options::checked(&self.options, given)
    }

    /// What a source with these options may reach. `kept` is what no source may: configuration, lake, archive, ledger.
    ///
    /// # Errors
    /// Options that would open one of those.
    pub fn reach(
        &self,
        options: &Value,
        secrets: &BTreeMap<String, String>,
        kept: &[PathBuf],
    ) -> Result<Reach, Vec<Diagnostic>> {
        reach::of(&self.options, options, secrets, kept)
    }

    /// The declared option of that name.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&OptionSpec> {
        self.options.get(name)
    }
}

/// What a metric says that it has with some params; `None` means all that it declares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Described {
    /// Inputs that are queried.
    #[serde(default)]
    pub inputs: Option<BTreeSet<String>>,
    /// Outputs that are expected.
    #[serde(default)]
    pub outputs: Option<BTreeSet<String>>,
}

impl Described {
    /// Reads a plugin's description; nothing means everything.
    pub(super) fn read(json: &str, descriptor: &Descriptor) -> Result<Self, Verdict> {
        if json.is_empty() {
            return Ok(Self::default());
        }
        let described: Self = serde_json::from_str(json).map_err(|e| {
            Verdict::Breach(vec![format!(
                "its description of inputs and outputs does not read as the contract says: {e}"
            )])
        })?;
        let inputs = described.inputs.iter().flatten();
        let unknown =
            inputs.filter(|name| descriptor.inputs.iter().all(|input| input.name != **name));
        let unknown =
            unknown.map(|name| format!("it describes an input `{name}` that it does not declare"));
        let outputs = described.outputs.iter().flatten();
        let strange = outputs.filter(|id| descriptor.output(id).is_none());
        let strange =
            strange.map(|id| format!("it describes an output `{id}` that it does not declare"));
        let found: Vec<String> = unknown.chain(strange).collect();
        if found.is_empty() {
            Ok(described)
        } else {
            Err(Verdict::Breach(found))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const METRIC: &str = "id = 'paid'\nkind = 'metric'\nversion = '0.1.0'\ntitle = 'Paid'\nsummary = 'Paid amount.'\n\
        [params.n_min]\ntype = 'integer'\ndefault = 30\ndescription = 'Cases.'\n\
        [inputs.days]\ndescription = 'Days.'\ntables = ['orders']\nwindow = 'days(63)'\nsql = 'sql/days.sql'\n\
        [outputs.paid]\ntype = 'scalar'\nunit = 'money'\n[outputs.drop]\ntype = 'finding'\n";

    fn folder(metric: &str) -> Folder {
        let words = "[item]\npaid = 'x'\n[finding]\ndrop = 'to {rate}'\n";
        let files = [
            ("metric.toml", metric),
            ("sql/days.sql", "select 1"),
            ("strings.en.toml", words),
            ("strings.zh-CN.toml", words),
        ];
        Folder {
            files: files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect(),
            ..Folder::default()
        }
    }

    /// A small metric, for tests of what uses descriptors.
    pub(in crate::plugin) fn descriptor() -> Descriptor {
        Descriptor::parse(&folder(METRIC)).unwrap()
    }

    #[test]
    fn a_folder_says_everything() {
        let descriptor = descriptor();
        assert_eq!(
            (descriptor.id.as_str(), descriptor.kind),
            ("paid", ComponentKind::Metric)
        );
        assert_eq!(descriptor.inputs[0].window, InputWindow::Days(63));
        assert_eq!(descriptor.inputs[0].sql, "select 1");
        assert_eq!(descriptor.check_options(&Map::new()).unwrap()["n_min"], 30);
        assert!(!descriptor.answers_without_code());
    }

    #[test]
    fn every_mistake_of_an_author_is_told_at_once() {
        let metric = METRIC
            .replace("days(63)", "days(x)")
            .replace("sql/days", "sql/gone")
            + "[outputs.extra]\ntype = 'table'\nfrom = 'nowhere'\n";
        let told = Descriptor::parse(&folder(&metric)).unwrap_err().to_string();
        for word in [
            "no window",
            "no `sql/gone.sql`",
            "no input `nowhere`",
            "no words for item.extra",
        ] {
            assert!(told.contains(word), "{word} in {told}");
        }
    }

    #[test]
    fn windows_read_as_written() {
        assert_eq!(
            InputWindow::parse("weekdays( 8 )"),
            Some(InputWindow::Weekdays(8))
        );
        assert_eq!(InputWindow::parse("days(0)"), None);
        assert_eq!(InputWindow::parse("days"), None);
    }

    #[test]
    fn a_descriptor_of_another_schema_is_refused() {
        assert!(Folder::from_json(r#"{"schema":"x/1","files":{}}"#).is_err());
        assert!(Folder::from_json("garbage").is_err());
    }
}
