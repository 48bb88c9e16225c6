//! Occurrences: who owns each due report, which were missed, and how far the schedule has been served.

use super::Ledger;
use super::error::{LedgerError, Result};
use super::rows::{
    id, later, maybe_id, maybe_time, ms, number, or_empty, parsed, period, states, text, time,
};
use crate::schedule::Occurrence;
use chenbao_model::{Id, Period};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use std::time::Duration;

states! {
    /// Where a due report stands.
    OccurrenceState, "an occurrence" {
        /// A node works on it.
        Claimed = "claimed",
        /// All its deliveries were queued.
        Done = "done",
        /// Due while nobody looked, and left out by the misfire policy.
        Missed = "missed",
        /// It was given up; the owner was told why.
        Failed = "failed",
    }
}

impl Ledger {
    /// Remembers when a report's schedule was first served, and returns it: nothing due before is caught up.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn served_since(&self, report: &Id, now: Timestamp) -> Result<Timestamp> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO schedules (report, since_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(report.as_str())
        .bind(ms(now))
        .execute(&mut *tx)
        .await?;
        let row = sqlx::query("SELECT since_ms FROM schedules WHERE report = $1")
            .bind(report.as_str())
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        time(&row, "since_ms")
    }

    /// The newest due time of a report's schedule that was claimed or missed. Tests of a report do not count.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn last_due(&self, report: &Id) -> Result<Option<Timestamp>> {
        let row = sqlx::query(
            "SELECT COALESCE(MAX(due_ms), $2) AS due_ms FROM occurrences WHERE report = $1 AND edition NOT LIKE 'test/%'",
        )
        .bind(report.as_str())
        .bind(super::rows::NEVER)
        .fetch_one(&self.pool)
        .await?;
        maybe_time(&row, "due_ms")
    }

    /// The period of the newest regular issue before `due` that was made or is being made: `since_last` goes on after it.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn last_period(&self, report: &Id, due: Timestamp) -> Result<Option<Period>> {
        let row = sqlx::query(
            "SELECT period FROM occurrences WHERE report = $1 AND edition = 'regular' AND due_ms < $2
             AND state IN ('claimed', 'done') ORDER BY due_ms DESC LIMIT 1",
        )
        .bind(report.as_str())
        .bind(ms(due))
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| period(&row, "period")).transpose()
    }

    /// Takes an occurrence for `holder`: true for exactly one of all who try, and again once the lease of a holder that died
    /// has run out.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn claim(
        &self,
        what: &Occurrence,
        holder: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let inserted = sqlx::query(
            "INSERT INTO occurrences (report, subject, period, edition, due_ms, state, holder, lease_ms, changed_ms, note)
             VALUES ($1, $2, $3, $4, $5, 'claimed', $6, $7, $8, '') ON CONFLICT DO NOTHING",
        );
        let won = bind_key(inserted, what)
            .bind(holder)
            .bind(later(now, lease))
            .bind(ms(now))
            .execute(&mut *tx)
            .await?;
        let taken_over = if won.rows_affected() == 0 {
            let update = sqlx::query(
                "UPDATE occurrences SET holder = $6, lease_ms = $7, changed_ms = $8
                 WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4 AND due_ms = $5
                 AND state = 'claimed' AND lease_ms <= $8",
            );
            bind_key(update, what)
                .bind(holder)
                .bind(later(now, lease))
                .bind(ms(now))
                .execute(&mut *tx)
                .await?
                .rows_affected()
        } else {
            0
        };
        tx.commit().await?;
        Ok(won.rows_affected() + taken_over == 1)
    }

    /// Extends a claim: false if it was lost to another holder.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn renew(
        &self,
        what: &Occurrence,
        holder: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool> {
        let update = sqlx::query(
            "UPDATE occurrences SET lease_ms = $7 WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4
             AND due_ms = $5 AND state = 'claimed' AND holder = $6",
        );
        let done = bind_key(update, what)
            .bind(holder)
            .bind(later(now, lease))
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends an occurrence.
    ///
    /// # Errors
    /// The ledger does not answer, or the occurrence was never claimed.
    pub async fn settle(
        &self,
        what: &Occurrence,
        state: OccurrenceState,
        note: &str,
        now: Timestamp,
    ) -> Result<()> {
        let update = sqlx::query(
            "UPDATE occurrences SET state = $6, note = $7, changed_ms = $8
             WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4 AND due_ms = $5",
        );
        let done = bind_key(update, what)
            .bind(state.word())
            .bind(note)
            .bind(ms(now))
            .execute(&self.pool)
            .await?;
        if done.rows_affected() == 0 {
            return Err(LedgerError::Gone(format!(
                "the report {} due {} was never claimed",
                what.report, what.due
            )));
        }
        Ok(())
    }

    /// Records occurrences that the misfire policy leaves out; one that somebody has claimed stays as it is.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn mark_missed(
        &self,
        missed: &[Occurrence],
        note: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        for what in missed {
            let insert = sqlx::query(
                "INSERT INTO occurrences (report, subject, period, edition, due_ms, state, holder, lease_ms, changed_ms, note)
                 VALUES ($1, $2, $3, $4, $5, 'missed', '', 0, $6, $7) ON CONFLICT DO NOTHING",
            );
            bind_key(insert, what)
                .bind(ms(now))
                .bind(note)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Occurrences whose holder died: claimed, and the lease has run out. Claiming them again takes them over.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn abandoned(&self, now: Timestamp) -> Result<Vec<Occurrence>> {
        let rows = sqlx::query("SELECT * FROM occurrences WHERE state = 'claimed' AND lease_ms <= $1 ORDER BY due_ms, report")
            .bind(ms(now))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(occurrence).collect()
    }

    /// The newest occurrences that the misfire policy left out, newest first, each with the reason.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn missed(&self, limit: u32) -> Result<Vec<(Occurrence, String)>> {
        let rows = sqlx::query("SELECT * FROM occurrences WHERE state = 'missed' ORDER BY due_ms DESC, report LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| Ok((occurrence(row)?, text(row, "note")?)))
            .collect()
    }

    /// How an occurrence stands; none if nobody has seen it due.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn occurrence_state(&self, what: &Occurrence) -> Result<Option<OccurrenceState>> {
        let select = sqlx::query(
            "SELECT state FROM occurrences
             WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4 AND due_ms = $5",
        );
        let row = bind_key(select, what).fetch_optional(&self.pool).await?;
        row.map(|row| parsed(&row, "state", "the state"))
            .transpose()
    }

    /// The issue number of a regular edition: counts from one in the order in which issues are first made, and is the same
    /// for every later revision. With `keep` it is taken for good, else only looked up.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn issue_number(
        &self,
        report: &Id,
        subject: Option<&Id>,
        period: Period,
        keep: Keep,
    ) -> Result<u32> {
        let mut tx = self
            .begin_alone("LOCK TABLE issues IN SHARE ROW EXCLUSIVE MODE")
            .await?;
        let row = sqlx::query(
            "SELECT COALESCE(MAX(CASE WHEN subject = $2 AND period = $3 THEN number END), COALESCE(MAX(number), 0) + 1)
             AS number FROM issues WHERE report = $1",
        )
        .bind(report.as_str())
        .bind(or_empty(subject))
        .bind(period.to_string())
        .fetch_one(&mut *tx)
        .await?;
        let issue = number(&row, "number")?;
        if keep == Keep::Taken {
            sqlx::query("INSERT INTO issues (report, subject, period, number) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
                .bind(report.as_str())
                .bind(or_empty(subject))
                .bind(period.to_string())
                .bind(issue)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        u32::try_from(issue)
            .map_err(|_| LedgerError::corrupt("the issue number", issue.to_string()))
    }
}

/// Whether an issue number is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Looked up: what it would be.
    Peeked,
    /// Taken for this period for ever.
    Taken,
}

fn occurrence(row: &AnyRow) -> Result<Occurrence> {
    Ok(Occurrence {
        report: id(row, "report")?,
        subject: maybe_id(row, "subject")?,
        period: period(row, "period")?,
        edition: parsed(row, "edition", "the edition")?,
        due: time(row, "due_ms")?,
    })
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

/// Binds `$1` to `$5`.
fn bind_key<'q>(query: Query<'q>, what: &'q Occurrence) -> Query<'q> {
    query
        .bind(what.report.as_str())
        .bind(or_empty(what.subject.as_ref()))
        .bind(what.period.to_string())
        .bind(what.edition.to_string())
        .bind(ms(what.due))
}
