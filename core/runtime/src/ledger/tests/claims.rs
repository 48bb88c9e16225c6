//! Occurrences: one owner each, taken over from the dead, and numbered once.

use super::{LEASE, Opened, at, id, ledgers, noon, occurrence};
use crate::ledger::{Keep, Ledger, OccurrenceState};
use crate::schedule::{Edition, Occurrence};
use jiff::SignedDuration;

/// One node that wants every minute's report, and how many it got.
async fn node(url: String, name: String) -> u32 {
    let ledger = Ledger::open(&url).await.unwrap();
    let mut won = 0;
    for minute in 0..100 {
        let what = occurrence("daily", noon() + SignedDuration::from_mins(minute));
        won += u32::from(ledger.claim(&what, &name, noon(), LEASE).await.unwrap());
    }
    won
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
        let last = ledger.last_due(&id("daily")).await.unwrap();
        assert_eq!(last, Some(noon() + SignedDuration::from_mins(99)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_holder_loses_its_claim() {
    for Opened { ledger, .. } in ledgers("t_claims").await {
        let what = occurrence("daily", noon());
        let seconds = |n| noon() + SignedDuration::from_secs(n);
        assert_eq!(ledger.last_due(&what.report).await.unwrap(), None);
        assert!(ledger.claim(&what, "a", noon(), LEASE).await.unwrap());
        assert!(!ledger.claim(&what, "b", noon(), LEASE).await.unwrap());
        assert!(ledger.renew(&what, "a", seconds(30), LEASE).await.unwrap());
        assert_eq!(ledger.abandoned(seconds(80)).await.unwrap(), []);
        assert_eq!(
            ledger.abandoned(seconds(91)).await.unwrap(),
            std::slice::from_ref(&what)
        );
        assert!(ledger.claim(&what, "b", seconds(91), LEASE).await.unwrap());
        assert!(!ledger.renew(&what, "a", seconds(91), LEASE).await.unwrap());
        ledger
            .settle(&what, OccurrenceState::Done, "", seconds(92))
            .await
            .unwrap();
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
            .settle(&done, OccurrenceState::Done, "", noon())
            .await
            .unwrap();
        ledger
            .mark_missed(&[done.clone(), missed.clone()], "asleep", later)
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
        assert_eq!(ledger.last_due(&id("daily")).await.unwrap(), Some(later));
        assert!(
            ledger
                .settle(
                    &occurrence("other", noon()),
                    OccurrenceState::Done,
                    "",
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
        assert_eq!(
            ledger.served_since(&id("daily"), noon()).await.unwrap(),
            noon()
        );
        assert_eq!(
            ledger.served_since(&id("daily"), later).await.unwrap(),
            noon()
        );
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
