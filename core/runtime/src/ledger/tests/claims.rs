//! Occurrences: one owner each, taken over from the dead, and numbered once.

use super::{LEASE, Opened, at, id, ledgers, noon, occurrence};
use crate::ledger::{Keep, Ledger, OccurrenceState, Open};
use crate::schedule::{Edition, Occurrence};
use chenbao_model::Period;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// An issue of its own for each minute: one that is being made is made under no other due time.
fn every_minute(minute: i64) -> Occurrence {
    let mut what = occurrence("daily", noon() + SignedDuration::from_mins(minute));
    what.period = Period::day(what.period.start() + minute.days()).unwrap();
    what
}

/// One node that wants every minute's report, and how many it got.
async fn node(url: String, name: String) -> u32 {
    let ledger = Ledger::open(&url).await.unwrap();
    let mut won = 0;
    for minute in 0..100 {
        let what = every_minute(minute);
        won += u32::from(ledger.claim(&what, &name, noon(), LEASE).await.unwrap());
    }
    won
}

/// How far the daily report's schedule has been served.
async fn served(ledger: &Ledger, now: Timestamp) -> Timestamp {
    let daily = id("daily");
    ledger.served(&[&daily], now).await.unwrap()[&daily]
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_nodes_race_for_a_hundred_dues() {
    for Opened { ledger, url, .. } in ledgers("t_race").await {
        let nodes: Vec<_> = (0..8)
            .map(|n| tokio::spawn(node(url.clone(), format!("node{n}"))))
            .collect();
        let mut winners = 0;
        for node in nodes {
            winners += node.await.unwrap();
        }
        assert_eq!(winners, 100);
        assert_eq!(
            served(&ledger, noon()).await,
            noon() + SignedDuration::from_mins(99)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_holder_loses_its_claim() {
    for Opened { ledger, .. } in ledgers("t_claims").await {
        let what = occurrence("daily", noon());
        let seconds = |n| noon() + SignedDuration::from_secs(n);
        assert_eq!(served(&ledger, noon()).await, noon());
        assert!(ledger.claim(&what, "a", noon(), LEASE).await.unwrap());
        assert!(!ledger.claim(&what, "b", noon(), LEASE).await.unwrap());
        assert!(ledger.renew(&what, "a", seconds(30), LEASE).await.unwrap());
        assert_eq!(ledger.open_claims(seconds(80)).await.unwrap(), []);
        assert_eq!(
            ledger.open_claims(seconds(91)).await.unwrap(),
            [Open {
                occurrence: what.clone(),
                revision: 0
            }]
        );
        assert!(ledger.claim(&what, "b", seconds(91), LEASE).await.unwrap());
        assert!(!ledger.renew(&what, "a", seconds(91), LEASE).await.unwrap());
        ledger
            .settle(&what, "b", (OccurrenceState::Done, ""), seconds(92))
            .await
            .unwrap();
        // Whoever stood still and was taken over has no say.
        let late = (OccurrenceState::Failed, "late");
        assert!(!ledger.settle(&what, "a", late, seconds(93)).await.unwrap());
        let state = ledger.occurrence_state(&what).await.unwrap();
        assert_eq!(state, Some(OccurrenceState::Done));
        assert!(
            !ledger
                .claim(&what, "c", seconds(9000), LEASE)
                .await
                .unwrap()
        );
        assert_eq!(
            ledger.last_period(&what.report, seconds(1)).await.unwrap(),
            Some(what.period)
        );
        assert_eq!(
            ledger.last_period(&what.report, noon()).await.unwrap(),
            None
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_ones_stay_missed_and_done_ones_stay_done() {
    for Opened { ledger, .. } in ledgers("t_missed").await {
        let later = noon() + SignedDuration::from_hours(1);
        let (done, missed) = (occurrence("daily", noon()), occurrence("daily", later));
        assert!(ledger.claim(&done, "a", noon(), LEASE).await.unwrap());
        ledger
            .settle(&done, "a", (OccurrenceState::Done, ""), noon())
            .await
            .unwrap();
        ledger
            .leave_out(
                &[done.clone(), missed.clone()],
                (OccurrenceState::Missed, "asleep"),
                later,
            )
            .await
            .unwrap();
        assert_eq!(
            ledger.occurrence_state(&done).await.unwrap(),
            Some(OccurrenceState::Done)
        );
        assert_eq!(
            ledger.occurrence_state(&missed).await.unwrap(),
            Some(OccurrenceState::Missed)
        );
        assert!(!ledger.claim(&missed, "c", later, LEASE).await.unwrap());
        // A test by hand moves nothing.
        let test = Occurrence {
            edition: Edition::Test("r9".into()),
            due: at("2030-01-01T00:00:00Z"),
            ..missed
        };
        assert!(ledger.claim(&test, "c", later, LEASE).await.unwrap());
        assert_eq!(served(&ledger, noon()).await, later);
        assert!(
            ledger
                .settle(
                    &occurrence("other", noon()),
                    "a",
                    (OccurrenceState::Done, ""),
                    noon()
                )
                .await
                .is_err()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_remembers_when_it_was_first_served() {
    for Opened { ledger, .. } in ledgers("t_since").await {
        let later = noon() + SignedDuration::from_hours(5);
        assert_eq!(served(&ledger, noon()).await, noon());
        assert_eq!(served(&ledger, later).await, noon());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn issues_are_numbered_once_per_period() {
    for Opened { ledger, .. } in ledgers("t_issues").await {
        let number = async |report: &str, period: &str, keep| {
            ledger
                .issue_number(&id(report), None, period.parse().unwrap(), keep)
                .await
                .unwrap()
        };
        assert_eq!(number("daily", "2026-11-20", Keep::Peeked).await, 1);
        assert_eq!(number("daily", "2026-11-20", Keep::Taken).await, 1);
        assert_eq!(number("daily", "2026-11-21", Keep::Peeked).await, 2);
        assert_eq!(number("daily", "2026-11-21", Keep::Taken).await, 2);
        assert_eq!(number("daily", "2026-11-20", Keep::Taken).await, 1);
        assert_eq!(number("weekly", "2026-W47", Keep::Taken).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_is_made_under_one_due_time_at_once() {
    for Opened { ledger, .. } in ledgers("t_overlap").await {
        let (eight, nine) = (
            occurrence("daily", noon()),
            occurrence("daily", noon() + SignedDuration::from_hours(1)),
        );
        assert_eq!(served(&ledger, noon()).await, noon());
        assert!(ledger.claim(&eight, "a", noon(), LEASE).await.unwrap());
        assert!(!ledger.claim(&nine, "b", noon(), LEASE).await.unwrap());
        assert!(
            !ledger
                .claim_by_hand(&nine, "b", noon(), LEASE)
                .await
                .unwrap()
        );
        assert_eq!(ledger.covered_by(&nine).await.unwrap(), None);
        ledger
            .settle(&eight, "a", (OccurrenceState::Done, ""), noon())
            .await
            .unwrap();
        assert_eq!(ledger.covered_by(&nine).await.unwrap(), Some(noon()));
        assert!(
            ledger
                .claim_by_hand(&nine, "b", noon(), LEASE)
                .await
                .unwrap()
        );
        assert_eq!(served(&ledger, noon()).await, noon(), "a run by hand");
        // A completion takes the occurrence again, once.
        let open = Open {
            occurrence: eight.clone(),
            revision: 1,
        };
        assert!(ledger.reopen(&open, "a", noon(), LEASE).await.unwrap());
        assert!(!ledger.reopen(&open, "b", noon(), LEASE).await.unwrap());
        let later = noon() + SignedDuration::from_hours(9);
        assert!(ledger.open_claims(later).await.unwrap().contains(&open));
        ledger.forget(&nine, "b").await.unwrap();
        assert_eq!(ledger.open_claims(later).await.unwrap(), [open]);
    }
}
