//! What the past says about today: which 部分 reports may still be completed, how long a run takes, how often a source has failed.

use super::error::Result;
use super::occurrences::{Open, occurrence};
use super::rows::{json, ms, number, small};
use super::{CollectionState, Ledger};
use chenbao_model::{Digest, Id};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// So many runs say how long one usually takes.
const RUNS: usize = 5;

impl Ledger {
    /// Issues due since a moment whose newest sent revision lacks data of a source, each with the revision that would complete it.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn incomplete(&self, since: Timestamp) -> Result<Vec<Open>> {
        let rows = sqlx::query(
            "SELECT o.report, o.subject, o.period, o.edition, o.due_ms, r.revision, r.record FROM occurrences o JOIN runs r ON r.id =
             (SELECT n.id FROM runs n WHERE n.report = o.report AND n.subject = o.subject AND n.period = o.period
              AND n.edition = o.edition AND n.state IN ('done', 'partial')
              AND EXISTS (SELECT 1 FROM deliveries d WHERE d.run = n.id) ORDER BY n.revision DESC, n.started_ms DESC, n.id DESC LIMIT 1)
             WHERE o.due_ms >= $1 AND o.state = 'done' AND o.by_hand = 0 AND r.state = 'partial' ORDER BY o.due_ms, o.report",
        )
        .bind(ms(since))
        .fetch_all(&self.pool)
        .await?;
        let mut open = Vec::new();
        for row in &rows {
            let record: Value = json(row, "record")?;
            if lacks_data(&record) {
                open.push(Open {
                    occurrence: occurrence(row)?,
                    revision: small(row, "revision")? + 1,
                });
            }
        }
        Ok(open)
    }

    /// How long a report's runs usually take, from begin to end: the middle one of the last few; none before the first.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn usual_duration(&self, report: &Id) -> Result<Option<SignedDuration>> {
        let rows = sqlx::query(
            "SELECT finished_ms - started_ms AS took_ms FROM runs WHERE report = $1 AND state IN ('done', 'partial')
             ORDER BY started_ms DESC LIMIT 5",
        )
        .bind(report.as_str())
        .fetch_all(&self.pool)
        .await?;
        let mut took = Vec::with_capacity(RUNS);
        for row in &rows {
            took.push(number(row, "took_ms")?.max(0));
        }
        took.sort_unstable();
        Ok(took
            .get(took.len() / 2)
            .copied()
            .map(SignedDuration::from_millis))
    }

    /// The digests of the templates that the last runs of a report were made with, newest first.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn templates_used(&self, report: &Id) -> Result<Vec<Digest>> {
        let rows = sqlx::query(
            "SELECT record FROM runs WHERE report = $1 AND state IN ('done', 'partial') ORDER BY started_ms DESC, id DESC LIMIT 20",
        )
        .bind(report.as_str())
        .fetch_all(&self.pool)
        .await?;
        let mut used = Vec::new();
        for row in &rows {
            let record: Value = json(row, "record")?;
            used.extend(record["template"].as_str().and_then(Digest::parse));
        }
        Ok(used)
    }

    /// How often in a row a source has failed since a moment.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn failures_in_row(&self, source: &Id, since: Timestamp) -> Result<i64> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS many FROM collections WHERE source = $1 AND state = $2 AND collected_ms >= $3 AND number >
             COALESCE((SELECT MAX(number) FROM collections WHERE source = $1 AND state <> $2), 0)",
        )
        .bind(source.as_str())
        .bind(CollectionState::Failed.word())
        .bind(ms(since))
        .fetch_one(&self.pool)
        .await?;
        number(&row, "many")
    }
}

/// Whether a run went out without the data of a source, as `record` says it: `5/6`. A metric that failed is not mended by waiting.
fn lacks_data(record: &Value) -> bool {
    let counts = record["completeness"]
        .as_str()
        .and_then(|text| text.split_once('/'));
    let counts = counts
        .and_then(|(have, need)| Some((have.parse::<u32>().ok()?, need.parse::<u32>().ok()?)));
    counts.is_some_and(|(have, need)| have < need)
}
