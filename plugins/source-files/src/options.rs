//! What the owner of a shop says about its export files.

use serde::Deserialize;
use std::path::PathBuf;

/// One glob or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Globs {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// By the first bytes.
    #[default]
    Auto,
    /// Lines of delimited text.
    Csv,
    /// A workbook.
    Xlsx,
}

/// How the text of a CSV file is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// UTF-8 if the whole file is UTF-8, else GB18030.
    #[default]
    Auto,
    /// UTF-8, with or without a byte order mark.
    #[serde(alias = "utf8")]
    #[serde(rename = "utf-8")]
    Utf8,
    /// GB18030, which contains GBK and GB2312.
    #[serde(alias = "gbk")]
    Gb18030,
}

/// Options of the source; `source.toml` says what each means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "source.toml describes every option, and a test compares the two"
)]
pub struct Options {
    #[serde(default)]
    pub path: Option<Globs>,
    #[serde(default)]
    pub paths: Vec<String>,
    #[serde(default = "rows")]
    pub table: String,
    #[serde(default)]
    pub format: Format,
    #[serde(default)]
    pub encoding: Encoding,
    #[serde(default = "auto")]
    pub delimiter: String,
    #[serde(default)]
    pub sheet: Option<String>,
    #[serde(default = "one")]
    pub header_row: u32,
    #[serde(default)]
    pub skip_rows_after_header: usize,
    #[serde(default)]
    pub skip_last: usize,
    #[serde(default = "totals")]
    pub drop_rows: Vec<String>,
    #[serde(default = "ten")]
    pub settle_seconds: u64,
    #[serde(default = "date_columns")]
    pub date_from: Vec<String>,
    /// The project's folder; the host says it.
    #[serde(default, rename = "_base")]
    pub base: PathBuf,
}

impl Options {
    /// All globs, in the order written.
    #[must_use]
    pub fn globs(&self) -> Vec<&str> {
        let first: Vec<&str> = match &self.path {
            None => Vec::new(),
            Some(Globs::One(glob)) => vec![glob],
            Some(Globs::Many(globs)) => globs.iter().map(String::as_str).collect(),
        };
        first
            .into_iter()
            .chain(self.paths.iter().map(String::as_str))
            .collect()
    }

    /// The delimiter, if one is fixed; an error sentence if what is written is none.
    pub(crate) fn fixed_delimiter(&self) -> Result<Option<u8>, String> {
        match self.delimiter.as_bytes() {
            b"auto" => Ok(None),
            b"\\t" | b"tab" => Ok(Some(b'\t')),
            [one] if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r') => Ok(Some(*one)),
            _ => Err(format!(
                "option `delimiter` is `{}`; it is `auto`, `tab` or one character such as `;`",
                self.delimiter
            )),
        }
    }

    /// What is wrong with the options, all at once.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.globs().is_empty() {
            problems.push("option `path` is missing: say which files, for example `path = \"exports/orders/*.csv\"`".to_owned());
        }
        if self.header_row == 0 {
            problems.push("option `header_row` is 0; rows count from 1".to_owned());
        }
        if self.table.is_empty() {
            problems.push("option `table` is empty".to_owned());
        }
        problems.extend(self.fixed_delimiter().err());
        problems
    }
}

fn rows() -> String {
    "rows".to_owned()
}
fn auto() -> String {
    "auto".to_owned()
}
fn one() -> u32 {
    1
}
fn ten() -> u64 {
    10
}
fn totals() -> Vec<String> {
    ["总计", "合计"].map(str::to_owned).to_vec()
}
fn date_columns() -> Vec<String> {
    [
        "日期",
        "统计日期",
        "快照日期",
        "统计周期",
        "订单提交时间",
        "售后申请时间",
        "直播开始时间",
        "订单创建时间",
        "InvoiceDate",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_toml_names_every_option_and_its_default() {
        let written: toml::Table = include_str!("../source.toml").parse().unwrap();
        let described = written["options"].as_table().unwrap();
        let mut filled = toml::Table::new();
        for (name, option) in described {
            if let Some(default) = option.get("default") {
                filled.insert(name.clone(), default.clone());
            }
        }
        let given: Options = filled.try_into().unwrap();
        let silent: Options = toml::from_str("").unwrap();
        assert_eq!(format!("{given:?}"), format!("{silent:?}"));
        for option in [
            "path",
            "paths",
            "sheet",
            "encoding",
            "format",
            "delimiter",
            "date_from",
            "settle_seconds",
        ] {
            assert!(described.contains_key(option), "{option}");
        }
    }

    #[test]
    fn problems_come_all_at_once() {
        let options: Options = toml::from_str("header_row = 0\ndelimiter = \";;\"").unwrap();
        assert_eq!(options.problems().len(), 3);
        let fine: Options =
            toml::from_str("path = [\"a/*.csv\", \"b/*.csv\"]\ndelimiter = \"tab\"").unwrap();
        assert_eq!(fine.problems(), Vec::<String>::new());
        assert_eq!(fine.globs(), ["a/*.csv", "b/*.csv"]);
        assert!(toml::from_str::<Options>("pfad = \"x\"").is_err());
    }
}
