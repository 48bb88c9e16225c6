//! The larger items of an answer: series, tables and findings.

use crate::cell::{Arg, Cell, words};
use crate::report::{Item, item, shared};
use serde_json::{Value, json};

/// Figures along an axis.
#[derive(Debug, Clone)]
pub struct Series(Item);

impl Series {
    fn along(id: &str, axis: &str) -> Self {
        let mut item = Item::new("series", id);
        item.set("x", axis);
        item.set("y", json!([]));
        item.set("points", json!([]));
        Self(item)
    }

    /// Along days or times: ISO texts, ascending.
    #[must_use]
    pub fn time(id: &str) -> Self {
        Self::along(id, "time")
    }

    /// Along texts or keys, in the given order.
    #[must_use]
    pub fn category(id: &str) -> Self {
        Self::along(id, "category")
    }

    /// Along numbers, ascending.
    #[must_use]
    pub fn number(id: &str) -> Self {
        Self::along(id, "number")
    }

    /// Adds a line; its label is the string `series.<series>.<id>`.
    #[must_use]
    pub fn line(mut self, id: &str, unit: &str) -> Self {
        self.0.array("y").push(json!({ "id": id, "unit": unit }));
        self
    }

    /// Adds a point: x, and a figure per line.
    #[must_use]
    pub fn point<C: Into<Cell>>(
        mut self,
        x: impl Into<Cell>,
        ys: impl IntoIterator<Item = C>,
    ) -> Self {
        self.add(x, ys);
        self
    }

    /// Adds a point, in loops.
    pub fn add<C: Into<Cell>>(
        &mut self,
        x: impl Into<Cell>,
        ys: impl IntoIterator<Item = C>,
    ) -> &mut Self {
        let point = std::iter::once(x.into().0)
            .chain(ys.into_iter().map(|y| y.into().0))
            .collect();
        self.0.array("points").push(Value::Array(point));
        self
    }

    /// What it shows: `daily`, `waterfall`.
    #[must_use]
    pub fn shape(mut self, shape: &str) -> Self {
        self.0.set("shape", shape);
        self
    }
}
shared!(Series);

/// Rows.
#[derive(Debug, Clone)]
pub struct Table(Item);

impl Table {
    /// A table without columns.
    #[must_use]
    pub fn new(id: &str) -> Self {
        let mut item = Item::new("table", id);
        item.set("columns", json!([]));
        item.set("rows", json!([]));
        Self(item)
    }

    /// Adds a column of type `text`, `number`, `date` or `bool`; its label is the string `column.<table>.<name>`.
    #[must_use]
    pub fn column(mut self, name: &str, kind: &str, unit: &str) -> Self {
        self.0
            .array("columns")
            .push(json!({ "name": name, "type": kind, "unit": unit }));
        self
    }

    fn last(mut self, change: impl FnOnce(&mut Value)) -> Self {
        if let Some(column) = self.0.array("columns").last_mut() {
            change(column);
        }
        self
    }

    /// In the last column, more is better.
    #[must_use]
    pub fn column_up(self) -> Self {
        self.last(|column| column["better"] = "up".into())
    }

    /// In the last column, less is better.
    #[must_use]
    pub fn column_down(self) -> Self {
        self.last(|column| column["better"] = "down".into())
    }

    /// Hides the last column from roles that are not shown such figures.
    #[must_use]
    pub fn column_sensitivity(self, label: &str) -> Self {
        self.last(|column| column["sensitivity"] = json!([label]))
    }

    /// Formula and clock of the last column.
    #[must_use]
    pub fn column_passport(self, formula: &str, clock: &str) -> Self {
        self.last(|column| column["passport"] = json!({ "formula": formula, "clock": clock }))
    }

    /// Adds a row, one cell per column.
    #[must_use]
    pub fn row(mut self, cells: Vec<Cell>) -> Self {
        self.add(cells);
        self
    }

    /// Adds a row, in loops.
    pub fn add(&mut self, cells: Vec<Cell>) -> &mut Self {
        self.0
            .array("rows")
            .push(cells.into_iter().map(|cell| cell.0).collect());
        self
    }

    /// Marks the row that deserves the eye, counted from 0.
    #[must_use]
    pub fn marked(mut self, row: usize) -> Self {
        self.0.set("marked", row);
        self
    }

    /// The last row is a total of the others.
    #[must_use]
    pub fn total_row(mut self) -> Self {
        self.0.set("total_row", true);
        self
    }

    /// How many rows there are in all, if these are the first.
    #[must_use]
    pub fn total_rows(mut self, rows: u64) -> Self {
        self.0.set("total_rows", rows);
        self
    }

    /// The item without rows, which names a stream of its own id instead.
    pub(crate) fn by_stream(mut self) -> (String, Value) {
        let id = self.0.0.get("id").and_then(Value::as_str);
        let id = id.unwrap_or_default().to_owned();
        self.0.0.remove("rows");
        self.0.set("arrow", id.as_str());
        (id, self.into())
    }

    /// Why there are no rows.
    #[must_use]
    pub fn missing(mut self, why: &str) -> Self {
        self.0.missing(why, None, None);
        self
    }

    /// Why there are no rows, with what there is and what it would need.
    #[must_use]
    pub fn missing_of(
        mut self,
        why: &str,
        have: impl std::fmt::Display,
        need: impl std::fmt::Display,
    ) -> Self {
        self.0
            .missing(why, Some(have.to_string()), Some(need.to_string()));
        self
    }
}

/// Something found: a kind with arguments.
#[derive(Debug, Clone)]
pub struct Finding(Item);

impl Finding {
    /// A finding of that kind, also its id; severity `info`.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        let mut item = Item::new("finding", kind);
        item.set("kind", kind);
        item.set("severity", "info");
        Self(item)
    }

    /// Another id, where a kind is found more than once.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.0.set("id", id);
        self
    }

    /// `info`, `notice`, `warning` or `critical`.
    #[must_use]
    pub fn severity(mut self, severity: &str) -> Self {
        self.0.set("severity", severity);
        self
    }

    fn argument(mut self, name: &str, arg: &Arg) -> Self {
        let slot = self.0.0.entry("args").or_insert_with(|| json!({}));
        slot[name] = json!(arg);
        self
    }

    /// A figure of its sentence `finding.<kind>`.
    #[must_use]
    pub fn arg(self, name: &str, value: impl Into<Cell>, unit: &str) -> Self {
        self.argument(name, &Arg::new(value, unit))
    }

    /// A text from data in its sentence.
    #[must_use]
    pub fn text_arg(self, name: &str, text: impl Into<String>) -> Self {
        self.argument(name, &Arg::text(text))
    }

    /// A word by key (`value.<key>`) in its sentence.
    #[must_use]
    pub fn key_arg(self, name: &str, key: &str) -> Self {
        self.argument(name, &Arg::key(key))
    }

    /// Money at stake, signed; ranks it.
    #[must_use]
    pub fn money(mut self, money: impl Into<Cell>) -> Self {
        self.0.set("money", money.into().0);
        self
    }

    /// 0 to 1: how sure.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.0.set("confidence", confidence);
        self
    }

    /// 0 to 1: how much the reader can do.
    #[must_use]
    pub fn controllability(mut self, controllability: f64) -> Self {
        self.0.set("controllability", controllability);
        self
    }

    /// What was ruled out: string `excluded.<key>`.
    #[must_use]
    pub fn excluded<'a>(
        mut self,
        key: &str,
        args: impl IntoIterator<Item = (&'a str, Arg)>,
    ) -> Self {
        self.0.array("excluded").push(words(key, args));
        self
    }

    /// What to do: string `action.<key>`.
    #[must_use]
    pub fn action<'a>(mut self, key: &str, args: impl IntoIterator<Item = (&'a str, Arg)>) -> Self {
        self.0.set("action", words(key, args));
        self
    }

    /// Roles whose work it is.
    #[must_use]
    pub fn roles(mut self, roles: &[&str]) -> Self {
        self.0.set("roles", json!(roles));
        self
    }

    /// An item of the same report that shows it.
    #[must_use]
    pub fn evidence(mut self, id: &str) -> Self {
        self.0.array("evidence").push(id.into());
        self
    }
}
item!(Series, Table, Finding);
