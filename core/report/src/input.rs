//! What a composition gets: the results of its metrics, and what is known about the report, its period and its readers.

use crate::compose::TemplateSet;
use chenbao_model::result::ResultDoc;
use chenbao_model::strings::Strings;
use chenbao_model::{Period, Sensitivities};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Everything that one audience's Document is made from.
#[derive(Debug, Clone, Copy)]
pub struct ComposeInput<'a> {
    /// The product's templates with a project's own on top.
    pub templates: &'a TemplateSet,
    /// Folder of the template: `daily`.
    pub template: &'a str,
    /// Language: `zh-CN` or `en`.
    pub lang: &'a str,
    /// Labels that this audience may see.
    pub shows: &'a Sensitivities,
    /// Report, period, readers, completeness.
    pub context: &'a ReportContext,
    /// The configured metrics of the report, in its order.
    pub metrics: &'a [MetricInput],
}

/// A template's sample: what it is tried with before any shop's data is there. Words come with the plugins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Report, period, readers.
    pub context: ReportContext,
    /// Results.
    pub metrics: Vec<MetricInput>,
}

/// One configured metric and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricInput {
    /// Alias: the first segment of paths.
    pub alias: String,
    /// Component id of its plugin; must be the one that the template declares for the alias.
    pub plugin: String,
    /// The plugin's words in the audience's language.
    #[serde(default)]
    pub strings: Strings,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It answered.
    Done(ResultDoc),
    /// Nothing feeds a table that it needs.
    Absent {
        /// Canonical tables without a feed.
        need: Vec<String>,
    },
    /// It was called and gave no answer.
    Failed {
        /// A key `verdict.<key>` of the words, or one plain sentence.
        verdict: String,
    },
}

/// What is known about a report besides its figures. All texts are for people, in the audience's language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportContext {
    /// Id of the report.
    pub report: String,
    /// Its name: `经营日报`; the template's own title when empty.
    #[serde(default)]
    pub report_name: String,
    /// Who reads it.
    pub role: RoleInfo,
    /// Shops that it covers.
    pub shops: Vec<ShopInfo>,
    /// ISO 4217 code of the shops' currency.
    pub currency: String,
    /// IANA zone of the shops.
    pub zone: String,
    /// Business days that it covers.
    pub period: Period,
    /// The day of delivery in the shops' zone: `昨日` only if the period is the day before.
    pub today: Date,
    /// `regular`, `D+1`, `D+7`, `D+30` or `test/<run>`.
    pub edition: String,
    /// Counts corrections of an edition that was already sent.
    #[serde(default)]
    pub revision: u32,
    /// Counts the regular editions of the report.
    #[serde(default)]
    pub issue: Option<u32>,
    /// Which required sources are in.
    pub completeness: Completeness,
    /// Until when the data reaches: RFC 3339 or words.
    #[serde(default)]
    pub data_through: Option<String>,
    /// The run, for the footer.
    pub run_id: String,
    /// When the run made it, RFC 3339.
    pub created: String,
    /// The campaign that the report is about.
    #[serde(default)]
    pub campaign: Option<CampaignInfo>,
    /// Known campaigns, marked in charts over time.
    #[serde(default)]
    pub campaigns: Vec<CampaignInfo>,
    /// Caveats from collect and gate, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What changed against the revision or edition before.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// Who answers questions: shown in the footer, Reply-To of the mail.
    #[serde(default)]
    pub owner: Option<String>,
    /// Whether this is a test edition: marked in subject and page.
    #[serde(default)]
    pub test: bool,
}

/// Who reads a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleInfo {
    /// Id: `management`.
    pub id: String,
    /// Name: `管理层`.
    pub name: String,
}

/// A shop that a report covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopInfo {
    /// Id.
    pub id: String,
    /// Name: `示例女装旗舰店`.
    pub name: String,
    /// Platform id: `douyin`.
    pub platform: String,
    /// Platform name: `抖音`.
    pub platform_name: String,
}

/// Which required sources are in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness {
    /// Required sources that are in.
    pub have: u32,
    /// Required sources.
    pub need: u32,
    /// Days that are in, of the days of a longer period.
    #[serde(default)]
    pub days: Option<(u32, u32)>,
    /// Which source is not in, and why: one sentence each.
    #[serde(default)]
    pub missing: Vec<String>,
}

impl Completeness {
    /// Whether everything is in.
    #[must_use]
    pub fn whole(&self) -> bool {
        self.have >= self.need && self.days.is_none_or(|(have, of)| have >= of)
    }
}

/// A configured campaign (大促).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignInfo {
    /// Id.
    pub id: String,
    /// Name: `双11`.
    pub name: String,
    /// First day.
    pub starts_on: Date,
    /// Last day.
    pub ends_on: Date,
}

/// A figure that differs from the one sent before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it is.
    pub label: String,
    /// What was sent.
    pub before: String,
    /// What it is now.
    pub after: String,
}
