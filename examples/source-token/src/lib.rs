//! An example source: a paged HTTP API with refresh tokens that rotate, a rate limit, and orders that change days later.
//!
//! Three promises, each kept by a service of the host:
//! * **No page is lost or doubled.** The API hands out changes in the order in which they happened, behind a cursor. The
//!   cursor is a state that becomes durable together with the rows ([`SourceCx::advance`]), a part of some pages at a time.
//! * **No refresh token is used twice.** Before it is used, a digest of it is written down ([`SourceCx::swap_state`]); its
//!   successor replaces it before anything else happens ([`SourceCx::replace_secret`]). Whoever dies between the two finds a
//!   spent token afterwards, and asks for a new one instead of trying.
//! * **Late days arrive.** An order that changes after its day comes again, because it changed; merging by key does the rest.

mod api;
mod rows;

use api::{Api, Order, Page};
use chenbao_plugin::{
    ColumnInfo, Error, ErrorCode, ExportFact, Result, Scan, ScanFacts, ScanRequest, Source,
    SourceCx, TableInfo, bad_config,
};
use serde::Deserialize;

/// The one table.
const TABLE: &str = "orders";
/// State: the cursor up to which everything is in the lake.
const CURSOR: &str = "cursor";

/// Options as `source.toml` declares them.
#[derive(Debug, Clone, Deserialize)]
pub struct Options {
    url: String,
    page_size: u32,
    pages_per_part: u32,
    wait_seconds: u64,
}

/// The source.
#[derive(Debug)]
pub struct Token {
    options: Options,
}

impl Source for Token {
    const ID: &'static str = "token";
    type Options = Options;

    fn open(options: Options, _cx: &SourceCx) -> Result<Self> {
        if !options.url.starts_with("http://") && !options.url.starts_with("https://") {
            return Err(bad_config(format!(
                "`url` is `{}`; write it with http:// or https://",
                options.url
            )));
        }
        if options.page_size == 0 || options.pages_per_part == 0 {
            return Err(bad_config("`page_size` and `pages_per_part` begin at 1"));
        }
        Ok(Self { options })
    }

    fn check(&mut self, cx: &SourceCx) -> Result<Vec<String>> {
        let cursor = cx.state(CURSOR)?;
        let page = Api::new(&self.options, cx).page(cursor.as_deref(), 1)?;
        Ok(vec![format!(
            "the API answers as of {}; read so far: {}",
            page.as_of,
            cursor.as_deref().unwrap_or("nothing")
        )])
    }

    fn tables(&mut self, _cx: &SourceCx) -> Result<Vec<TableInfo>> {
        let columns = rows::COLUMNS.iter().map(|name| ColumnInfo {
            name: (*name).to_owned(),
            kind: "Utf8".to_owned(),
        });
        Ok(vec![TableInfo {
            name: TABLE.to_owned(),
            description: "Orders as they changed, oldest change first.".to_owned(),
            columns: columns.collect(),
        }])
    }

    fn scan(&mut self, request: &ScanRequest, cx: &SourceCx) -> Result<Scan> {
        if request.table != TABLE {
            return Err(Error::new(
                ErrorCode::NotFound,
                format!("there is no table `{}`, only `{TABLE}`", request.table),
            ));
        }
        let before = cx.state(CURSOR)?;
        let part = self.part(before.as_deref(), cx)?;
        if let Some(now) = part.cursor.filter(|now| before.as_ref() != Some(now)) {
            cx.advance(CURSOR, before.as_deref(), &now)?;
        }
        let fact = ExportFact {
            export: 1,
            name: format!(
                "orders after {}",
                before.as_deref().unwrap_or("the beginning")
            ),
            exported_at: part.as_of,
            covers: part.complete_until.map(|last| {
                let first = request.period.as_ref().map(|days| days.start.clone());
                (first.unwrap_or_else(|| last.clone()), last)
            }),
            rows: part.orders.len() as u64,
            columns: rows::COLUMNS
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            ..ExportFact::default()
        };
        let facts = ScanFacts {
            exports: vec![fact],
            more: part.more,
            ..ScanFacts::default()
        };
        Ok(Scan {
            reader: rows::reader(&part.orders)?,
            facts: Box::new(move || Ok(facts)),
        })
    }
}

/// Some pages, one after another.
#[derive(Default)]
struct Part {
    orders: Vec<Order>,
    cursor: Option<String>,
    as_of: String,
    complete_until: Option<String>,
    more: bool,
}

impl Token {
    fn part(&self, before: Option<&str>, cx: &SourceCx) -> Result<Part> {
        let mut api = Api::new(&self.options, cx);
        let mut part = Part::default();
        for number in 1..=self.options.pages_per_part {
            cx.checkpoint()?;
            let from = part.cursor.as_deref().or(before);
            let Page {
                orders,
                cursor,
                more,
                as_of,
                complete_until,
            } = api.page(from, self.options.page_size)?;
            part.orders.extend(orders);
            part.cursor = Some(cursor);
            part.as_of = as_of;
            // Only the last page knows that there is nothing before that day any more.
            part.complete_until = complete_until.filter(|_| !more);
            part.more = more;
            cx.progress(f64::from(number), 0.0, "pages");
            if !more {
                break;
            }
        }
        Ok(part)
    }
}

chenbao_plugin::export_plugin! {
    files: ["source.toml", "presets/token-orders.toml"],
    sources: [Token]
}
