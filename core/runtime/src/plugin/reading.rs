//! From a plugin's folder to its [`Descriptor`]: every mistake of its author at once.

use super::descriptor::{
    ComponentKind, Descriptor, FromMetric, Input, InputWindow, Output, OutputKind,
};
use super::folder::Folder;
use super::options::{self, Options};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::{Problems, nearest};
use chenbao_model::strings::{Strings, pieces};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Languages that every metric speaks.
const LANGS: [&str; 2] = ["zh-CN", "en"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    kind: ComponentKind,
    version: String,
    title: String,
    summary: String,
    #[serde(default)]
    params: Options,
    #[serde(default)]
    options: Options,
    #[serde(default)]
    inputs: BTreeMap<String, WrittenInput>,
    #[serde(default)]
    outputs: BTreeMap<String, Output>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenInput {
    description: String,
    #[serde(default)]
    tables: Vec<String>,
    window: Option<String>,
    sql: Option<String>,
    /// Another metric, instead of the three above.
    metric: Option<String>,
    item: Option<String>,
    #[serde(default)]
    optional: bool,
}

/// Reads a folder.
pub(super) fn read(folder: &Folder) -> Result<Descriptor, Problems> {
    let (file, text) = ["metric.toml", "source.toml"]
        .iter()
        .find_map(|name| folder.files.get_key_value(*name))
        .ok_or_else(|| {
            Diagnostic::error("the folder has neither a metric.toml nor a source.toml")
        })?;
    let written: Written = toml::from_str(text)
        .map_err(|e| Diagnostic::error(e.to_string().trim_end().to_owned()).in_file(file))?;
    let mut reading = Reading {
        folder,
        file,
        problems: Vec::new(),
    };
    let descriptor = reading.descriptor(written);
    if reading.problems.is_empty() {
        Ok(descriptor)
    } else {
        Err(Problems(reading.problems))
    }
}

/// Turns what is written into what is meant, collecting problems.
struct Reading<'a> {
    folder: &'a Folder,
    file: &'a str,
    problems: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn wrong(&mut self, message: impl Into<String>) {
        self.problems
            .push(Diagnostic::error(message).in_file(self.file));
    }

    fn descriptor(&mut self, written: Written) -> Descriptor {
        let Written {
            id,
            kind,
            version,
            title,
            summary,
            params,
            options,
            inputs,
            outputs,
        } = written;
        if (kind == ComponentKind::Metric) != (self.file == "metric.toml") {
            self.wrong("`kind` does not agree with the file's name");
        }
        if let Err(why) = id.parse::<chenbao_model::Id>() {
            self.wrong(why);
        }
        let options: Options = self.options(params.into_iter().chain(options).collect());
        options::mistakes(&options)
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|mistake| self.wrong(mistake));
        let inputs: Vec<Input> = inputs
            .into_iter()
            .filter_map(|(name, input)| self.input(name, input))
            .collect();
        let outputs: Vec<Output> = outputs
            .into_iter()
            .map(|(id, output)| Output { id, ..output })
            .collect();
        outputs
            .iter()
            .for_each(|output| self.output(output, &inputs));
        let strings = self.strings();
        if kind == ComponentKind::Metric {
            self.words(&strings, &outputs);
        }
        let presets = self.folder.files.iter().filter_map(|(path, text)| {
            let name = path.strip_prefix("presets/")?.strip_suffix(".toml")?;
            Some((name.to_owned(), text.clone()))
        });
        let presets = presets.collect();
        Descriptor {
            id,
            kind,
            version,
            title,
            summary,
            options,
            inputs,
            outputs,
            words: strings,
            presets,
        }
    }

    /// What the file and the code declare; nothing may stand in both.
    fn options(&mut self, mut options: Options) -> Options {
        for (name, declared) in &self.folder.declared {
            match serde_json::from_value(declared.clone()) {
                Ok(_) if options.contains_key(name) => self.wrong(format!(
                    "`{name}` stands here and in the code: take it out here, the code's own declaration is carried along"
                )),
                Ok(spec) => {
                    options.insert(name.clone(), spec);
                }
                Err(why) => self.wrong(format!("`{name}`, as the code declares it: {why}")),
            }
        }
        options
    }

    fn input(&mut self, name: String, written: WrittenInput) -> Option<Input> {
        let WrittenInput {
            description,
            tables,
            window,
            sql,
            metric,
            item,
            optional,
        } = written;
        let mut input = Input {
            name,
            description,
            tables,
            window: InputWindow::Period,
            from: None,
            sql: String::new(),
            sql_file: String::new(),
            optional,
        };
        match (metric, window, sql) {
            (Some(metric), None, None) if input.tables.is_empty() => {
                input.from = Some(FromMetric { metric, item });
                Some(input)
            }
            (None, Some(window), Some(sql)) if item.is_none() => self.query(input, &window, sql),
            _ => {
                self.wrong(format!(
                    "input `{}`: give `tables`, `window` and `sql`, or `metric` and perhaps `item`",
                    input.name
                ));
                None
            }
        }
    }

    /// An input that is SQL.
    fn query(&mut self, input: Input, window: &str, sql_file: String) -> Option<Input> {
        let name = &input.name;
        let parsed = InputWindow::parse(window);
        if parsed.is_none() {
            self.wrong(format!("input `{name}`: `{window}` is no window: period, previous, all, days(n) or weekdays(n)"));
        }
        let sql = self.folder.files.get(&sql_file).cloned();
        if sql.is_none() {
            self.wrong(format!("input `{name}`: the folder has no `{sql_file}`"));
        }
        Some(Input {
            window: parsed?,
            sql: sql?,
            sql_file,
            ..input
        })
    }

    fn output(&mut self, output: &Output, inputs: &[Input]) {
        let Some(from) = &output.from else { return };
        if !inputs.iter().any(|input| &input.name == from) {
            self.wrong(format!(
                "output `{}`: there is no input `{from}`",
                output.id
            ));
        }
        let lacking = match output.kind {
            OutputKind::Scalar if output.column.is_none() => "`column`",
            OutputKind::Scalar if output.unit.is_empty() => "`unit`",
            OutputKind::Series if output.x.is_none() || output.y.is_empty() => "`x` and `y`",
            OutputKind::Finding => "code: findings need some",
            _ => return,
        };
        self.wrong(format!("output `{}` lacks {lacking}", output.id));
    }

    fn strings(&mut self) -> BTreeMap<String, Strings> {
        let mut all = BTreeMap::new();
        for (path, text) in &self.folder.files {
            let Some(lang) = path
                .strip_prefix("strings.")
                .and_then(|rest| rest.strip_suffix(".toml"))
            else {
                continue;
            };
            match Strings::from_toml(text) {
                Ok(strings) => {
                    all.insert(lang.to_owned(), strings);
                }
                Err(why) => self.problems.push(Diagnostic::error(why).in_file(path)),
            }
        }
        all
    }

    /// Both languages have words for every declared output, the same keys, and sentences that parse.
    fn words(&mut self, strings: &BTreeMap<String, Strings>, outputs: &[Output]) {
        let keys: BTreeSet<&String> = strings
            .values()
            .flat_map(|strings| strings.0.keys())
            .collect();
        let declared = outputs.iter().map(|output| match output.kind {
            OutputKind::Finding => format!("finding.{}", output.id),
            _ => format!("item.{}", output.id),
        });
        let declared: BTreeSet<String> = declared.collect();
        // Words in one language for an output that is not there: a slip of the pen, not something to translate.
        let strange = |key: &str| {
            (key.starts_with("item.") || key.starts_with("finding."))
                && !declared.contains(key)
                && strings.values().any(|words| words.get(key).is_none())
        };
        for (lang, words) in strings {
            for key in words.0.keys().filter(|key| strange(key)) {
                let problem = Diagnostic::error(format!("there is no output for `{key}`"));
                let known = declared.iter().map(String::as_str);
                let problem = match nearest(key, known) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem.hint("declare it in metric.toml, or take the words out"),
                };
                self.problems
                    .push(problem.in_file(format!("strings.{lang}.toml")));
            }
        }
        let keys = keys.into_iter().filter(|key| !strange(key)).cloned();
        let wanted: BTreeSet<String> = keys.chain(declared.iter().cloned()).collect();
        for lang in LANGS {
            let file = format!("strings.{lang}.toml");
            let Some(words) = strings.get(lang) else {
                self.problems
                    .push(Diagnostic::error("the file is missing").in_file(file));
                continue;
            };
            let lacking: Vec<&str> = wanted
                .iter()
                .map(String::as_str)
                .filter(|key| words.get(key).is_none())
                .collect();
            if !lacking.is_empty() {
                let example = lacking[0].split_once('.').unwrap_or(("item", lacking[0]));
                let hint = format!("write {} = \"...\" under [{}]", example.1, example.0);
                let problem = Diagnostic::error(format!("no words for {}", lacking.join(", ")));
                self.problems.push(problem.in_file(&file).hint(hint));
            }
            for (key, sentence) in &words.0 {
                if let Err(why) = pieces(sentence) {
                    self.problems
                        .push(Diagnostic::error(format!("`{key}`: {why}")).in_file(&file));
                }
            }
        }
    }
}
