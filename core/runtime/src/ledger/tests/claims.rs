//! Occurrences: one owner each, taken over from the dead, and numbered once.

use super::{LEASE, Opened, at, id, ledgers, noon, occurrence};
use crate::ledger::{Keep, Ledger, OccurrenceState};
use crate::schedule::{Edition, Occurrence};
use jiff::SignedDuration;

#[tokio::test(flavor = "multi_thread")]
async fn eight_nodes_race_for_a_hundred_dues() {
    for Opened { ledger, url, .. } in ledgers("t_race").await {
        let tasks: Vec<_> = (0..8)
            .map(|node| {
                let url = url.clone();
                tokio::spawn(async move {
                    let ledger = Ledger::open(&url).await.unwrap();
                    let mut won = 0_u32;
                    for minute in 0..100 {
                        let due = noon() + SignedDuration::from_mins(minute);
                        let holder = format!("node{node}");
                        won += u32::from(
                            ledger
                                .claim(&occurrence("daily", due), &holder, noon(), LEASE)
                                .await
                                .unwrap(),
                        );
                    }
                    won
                })
            })
            .collect();
        let mut winners = 0;
        for task in tasks {
            winners += task.await.unwrap();
        }
        assert_eq!(winners, 100);
        let last = ledger.last_due(&id("daily")).await.unwrap();
        assert_eq!(last, Some(noon() + SignedDuration::from_mins(99)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_holder_loses_its_claim_and_a_missed_one_stays_missed() {
    for Opened { ledger, .. } in ledgers("t_claims").await {
        let what = occurrence("daily", noon());
        assert_eq!(ledger.last_due(&what.report).await.unwrap(), None);
        assert!(ledger.claim(&what, "a", noon(), LEASE).await.unwrap());
        assert!(!ledger.claim(&what, "b", noon(), LEASE).await.unwrap());
        assert!(
            ledger
                .renew(&what, "a", noon() + SignedDuration::from_secs(30), LEASE)
                .await
                .unwrap()
        );
        let later = noon() + SignedDuration::from_secs(91);
        assert_eq!(
            ledger
                .abandoned(noon() + SignedDuration::from_secs(80))
                .await
                .unwrap(),
            []
        );
        assert_eq!(
            ledger.abandoned(later).await.unwrap(),
            std::slice::from_ref(&what)
        );
        assert!(ledger.claim(&what, "b", later, LEASE).await.unwrap());
        assert!(!ledger.renew(&what, "a", later, LEASE).await.unwrap());
        ledger
            .settle(&what, OccurrenceState::Done, "", later)
            .await
            .unwrap();
        assert!(
            !ledger
                .claim(&what, "c", later + SignedDuration::from_hours(9), LEASE)
                .await
                .unwrap()
        );
        assert_eq!(
            ledger.last_period(&what.report, later).await.unwrap(),
            Some(what.period)
        );

        let missed = occurrence("daily", later);
        ledger
            .mark_missed(&[what.clone(), missed.clone()], "asleep", later)
            .await
            .unwrap();
        assert_eq!(
            ledger.occurrence_state(&what).await.unwrap(),
            Some(OccurrenceState::Done)
        );
        assert_eq!(
            ledger.occurrence_state(&missed).await.unwrap(),
            Some(OccurrenceState::Missed)
        );
        assert!(!ledger.claim(&missed, "c", later, LEASE).await.unwrap());
        let test = Occurrence {
            edition: Edition::Test("r9".into()),
            due: at("2030-01-01T00:00:00Z"),
            ..missed
        };
        assert!(ledger.claim(&test, "c", later, LEASE).await.unwrap());
        assert_eq!(ledger.last_due(&what.report).await.unwrap(), Some(later));
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
