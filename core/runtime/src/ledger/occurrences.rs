//! Occurrences: who owns each due report, which were missed, and how far the schedule has been served.

use super::Ledger;
use super::error::{LedgerError, Result};
use super::rows::{
    id, later, maybe_id, ms, number, or_empty, parsed, period, small, states, text, time,
};
use crate::schedule::Occurrence;
use chenbao_model::{Id, Period};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use std::collections::BTreeMap;
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
        /// Nothing was left to make: the issue of its period had gone out before, under another due time.
        Covered = "covered",
        /// It was given up; the owner was told why.
        Failed = "failed",
    }
}

impl Ledger {
    /// How far each report's schedule has been served: to the newest due time that was claimed or missed, else to when it was first
    /// asked for here, which is remembered: nothing due before is caught up. Tests and runs by hand do not count.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn served(&self, reports: &[&Id], now: Timestamp) -> Result<BTreeMap<Id, Timestamp>> {
        let mut served = self.served_so_far().await?;
        let new: Vec<&&Id> = reports
            .iter()
            .filter(|report| !served.contains_key(**report))
            .collect();
        if new.is_empty() {
            return Ok(served);
        }
        let mut tx = self.begin().await?;
        for report in new {
            sqlx::query(
                "INSERT INTO schedules (report, since_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            )
            .bind(report.as_str())
            .bind(ms(now))
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        served = self.served_so_far().await?;
        Ok(served)
    }

    async fn served_so_far(&self) -> Result<BTreeMap<Id, Timestamp>> {
        let rows = sqlx::query(
            "SELECT report, since_ms, COALESCE((SELECT MAX(due_ms) FROM occurrences o WHERE o.report = s.report
             AND o.by_hand = 0 AND o.edition NOT LIKE 'test/%'), since_ms) AS due_ms FROM schedules s",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let since = time(row, "since_ms")?.max(time(row, "due_ms")?);
                Ok((id(row, "report")?, since))
            })
            .collect()
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
    /// has run out. While an issue is being made under one due time, nobody makes it under another.
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
        self.claim_for(what, (holder, 0), now, lease).await
    }

    /// The same for a person beside the schedule, who may make again what is done: how far the schedule has been served does not
    /// change.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn claim_by_hand(
        &self,
        what: &Occurrence,
        holder: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool> {
        self.claim_for(what, (holder, 1), now, lease).await
    }

    async fn claim_for(
        &self,
        what: &Occurrence,
        (holder, by_hand): (&str, i64),
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool> {
        // Two due times of one issue are two rows, so that only the table can be locked for both.
        let mut tx = self
            .begin_alone("LOCK TABLE occurrences IN SHARE ROW EXCLUSIVE MODE")
            .await?;
        let others = sqlx::query(
            "SELECT 1 AS one FROM occurrences WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4
             AND due_ms <> $5 AND state = 'claimed' AND lease_ms > $6 LIMIT 1",
        );
        let others = bind_key(others, what)
            .bind(ms(now))
            .fetch_optional(&mut *tx)
            .await?;
        if others.is_some() {
            return Ok(false);
        }
        let inserted = sqlx::query(
            "INSERT INTO occurrences (report, subject, period, edition, due_ms, state, holder, lease_ms, changed_ms, note, by_hand)
             VALUES ($1, $2, $3, $4, $5, 'claimed', $6, $7, $8, '', $9) ON CONFLICT DO NOTHING",
        );
        let won = bind_key(inserted, what)
            .bind(holder)
            .bind(later(now, lease))
            .bind(ms(now))
            .bind(by_hand)
            .execute(&mut *tx)
            .await?;
        let taken_over = if won.rows_affected() == 0 {
            let update = sqlx::query(
                "UPDATE occurrences SET holder = $6, lease_ms = $7, changed_ms = $8
                 WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4 AND due_ms = $5
                 AND ((state = 'claimed' AND lease_ms <= $8) OR (state <> 'claimed' AND $9 = 1))",
            );
            bind_key(update, what)
                .bind(holder)
                .bind(later(now, lease))
                .bind(ms(now))
                .bind(by_hand)
                .execute(&mut *tx)
                .await?
                .rows_affected()
        } else {
            0
        };
        tx.commit().await?;
        Ok(won.rows_affected() + taken_over == 1)
    }

    /// Takes an occurrence that is done again, to make a later revision of it: true for exactly one of all who try.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn reopen(
        &self,
        open: &Open,
        holder: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool> {
        let update = sqlx::query(
            "UPDATE occurrences SET state = 'claimed', holder = $6, lease_ms = $7, changed_ms = $8, revision = $9
             WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4 AND due_ms = $5 AND state = 'done'",
        );
        let done = bind_key(update, &open.occurrence)
            .bind(holder)
            .bind(later(now, lease))
            .bind(ms(now))
            .bind(i64::from(open.revision))
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Forgets a claim that leaves no trace: a person made a part of an issue, and the schedule makes the rest.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn forget(&self, what: &Occurrence, holder: &str) -> Result<()> {
        let delete = sqlx::query(
            "DELETE FROM occurrences WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4 AND due_ms = $5
             AND state = 'claimed' AND holder = $6 AND by_hand = 1",
        );
        bind_key(delete, what)
            .bind(holder)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// When the same issue was due that went out under another due time, if one did.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn covered_by(&self, what: &Occurrence) -> Result<Option<Timestamp>> {
        let select = sqlx::query(
            "SELECT due_ms FROM occurrences WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4
             AND due_ms <> $5 AND state = 'done' ORDER BY due_ms DESC LIMIT 1",
        );
        let row = bind_key(select, what).fetch_optional(&self.pool).await?;
        row.map(|row| time(&row, "due_ms")).transpose()
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

    /// Ends an occurrence: false if its claim was lost to another holder, whose word counts.
    ///
    /// # Errors
    /// The ledger does not answer, or the occurrence was never claimed.
    pub async fn settle(
        &self,
        what: &Occurrence,
        holder: &str,
        (state, note): (OccurrenceState, &str),
        now: Timestamp,
    ) -> Result<bool> {
        let update = sqlx::query(
            "UPDATE occurrences SET state = $6, note = $7, changed_ms = $8
             WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4 AND due_ms = $5
             AND state = 'claimed' AND holder = $9",
        );
        let done = bind_key(update, what)
            .bind(state.word())
            .bind(note)
            .bind(ms(now))
            .bind(holder)
            .execute(&self.pool)
            .await?;
        if done.rows_affected() == 0 && self.occurrence_state(what).await?.is_none() {
            return Err(LedgerError::Gone(format!(
                "the report {} due {} was never claimed",
                what.report, what.due
            )));
        }
        Ok(done.rows_affected() == 1)
    }

    /// Records occurrences that make nothing, and why: missed or covered. One that somebody has claimed stays as it is;
    /// returns the others.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn leave_out(
        &self,
        all: &[Occurrence],
        (state, why): (OccurrenceState, &str),
        now: Timestamp,
    ) -> Result<Vec<Occurrence>> {
        let mut tx = self.begin().await?;
        let mut new = Vec::new();
        for what in all {
            let insert = sqlx::query(
                "INSERT INTO occurrences (report, subject, period, edition, due_ms, state, holder, lease_ms, changed_ms, note)
                 VALUES ($1, $2, $3, $4, $5, $6, '', 0, $7, $8) ON CONFLICT DO NOTHING",
            );
            let done = bind_key(insert, what)
                .bind(state.word())
                .bind(ms(now))
                .bind(why)
                .execute(&mut *tx)
                .await?;
            new.extend((done.rows_affected() == 1).then(|| what.clone()));
        }
        tx.commit().await?;
        Ok(new)
    }

    /// Occurrences that are free to go on with: claimed, and the lease has run out, because their holder died or gave them back while
    /// they wait for their sources. Claiming them again takes them over. What a person began, that person begins again.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn open_claims(&self, now: Timestamp) -> Result<Vec<Open>> {
        let rows = sqlx::query(
            "SELECT * FROM occurrences WHERE state = 'claimed' AND lease_ms <= $1
             AND by_hand = 0 ORDER BY due_ms, report",
        )
        .bind(ms(now))
        .fetch_all(&self.pool)
        .await?;
        let open = |row| {
            Ok(Open {
                occurrence: occurrence(row)?,
                revision: small(row, "revision")?,
            })
        };
        rows.iter().map(open).collect()
    }

    /// The newest due times of a report, or of all, that made nothing: missed or covered, newest first, each with the reason.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn not_made(&self, report: Option<&Id>, limit: u32) -> Result<Vec<NotMade>> {
        let rows = sqlx::query(
            "SELECT * FROM occurrences WHERE state IN ('missed', 'covered') AND (report = $1 OR $1 = '')
             ORDER BY due_ms DESC, report LIMIT $2",
        )
        .bind(or_empty(report))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        let one = |row| {
            Ok(NotMade {
                occurrence: occurrence(row)?,
                state: parsed(row, "state", "the state")?,
                why: text(row, "note")?,
            })
        };
        rows.iter().map(one).collect()
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

/// A due time that made nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotMade {
    /// What was due.
    pub occurrence: Occurrence,
    /// Missed or covered.
    pub state: OccurrenceState,
    /// Why, in one sentence.
    pub why: String,
}

/// An occurrence to be made, and as which revision: zero at first, more where a 部分 report is completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// What.
    pub occurrence: Occurrence,
    /// Revision.
    pub revision: u32,
}

pub(super) fn occurrence(row: &AnyRow) -> Result<Occurrence> {
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
