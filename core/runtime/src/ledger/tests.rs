//! The ledger on SQLite, and on PostgreSQL too where `CHENBAO_TEST_POSTGRES` names a database.

use super::{
    Collection, CollectionState, Commit, DeliveryState, Issue, Keep, Ledger, LedgerError,
    NewDelivery, NewRun, OccurrenceState, Piece, RunEnd, RunState, Verdict, assemble,
};
use crate::schedule::{Edition, Occurrence};
use chenbao_model::catalogue::{ExportFacts, Revision, Snapshot};
use chenbao_model::{Digest, Id};
use jiff::{SignedDuration, Timestamp};
use sqlx::Executor as _;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);

struct Opened {
    ledger: Ledger,
    url: String,
    _folder: tempfile::TempDir,
}

/// A fresh ledger of each kind that this machine can be asked for.
async fn ledgers(test: &str) -> Vec<Opened> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!(
        "sqlite:{}",
        folder.path().join("晨报 100% #1?/ledger.sqlite").display()
    );
    let mut opened = vec![Opened {
        ledger: Ledger::open(&url).await.unwrap(),
        url,
        _folder: folder,
    }];
    if let Ok(base) = std::env::var("CHENBAO_TEST_POSTGRES") {
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(&base).await.unwrap();
        let sql = format!("DROP SCHEMA IF EXISTS {test} CASCADE; CREATE SCHEMA {test}");
        pool.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql)))
            .await
            .unwrap();
        let url = format!("{base}?options=-csearch_path%3D{test}");
        let folder = tempfile::tempdir().unwrap();
        opened.push(Opened {
            ledger: Ledger::open(&url).await.unwrap(),
            url,
            _folder: folder,
        });
    }
    opened
}

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2026-11-22T04:00:00Z")
}

fn occurrence(report: &str, due: Timestamp) -> Occurrence {
    Occurrence {
        report: id(report),
        subject: None,
        period: "2026-11-21".parse().unwrap(),
        edition: Edition::Regular,
        due,
    }
}

fn issue(report: &str) -> Issue {
    Issue::of(&occurrence(report, noon()), 0)
}

fn mail(report: &str, recipient: &str, not_before: Timestamp) -> NewDelivery {
    NewDelivery {
        issue: issue(report),
        audience: id("boss"),
        channel: "mail".to_owned(),
        recipient: recipient.to_owned(),
        run: "r1".to_owned(),
        message_id: "m@x".to_owned(),
        sender: "from@example.com".to_owned(),
        pieces: vec![
            Piece::Literal("To: x\r\n".to_owned()),
            Piece::Digest(Digest::of("body")),
        ],
        file_name: "a.eml".to_owned(),
        not_before,
    }
}

fn revision(day: &str, content: &str, base: Option<&Digest>) -> Revision {
    Revision {
        table: "orders".to_owned(),
        shop: id("flagship"),
        feed: id("doudian"),
        day: Some(day.parse().unwrap()),
        number: 0,
        digest: Digest::of(content),
        base: base.cloned(),
        path: format!("orders/{content}.parquet"),
        rows: 7,
        bytes: 700,
        exported_at: noon(),
        provisional: true,
    }
}

fn sent(note: &str) -> Verdict {
    Verdict {
        state: DeliveryState::Sent,
        retry_at: None,
        note: note.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_twice_is_harmless_and_a_newer_schema_is_refused() {
    for opened in ledgers("t_schema").await {
        let again = Ledger::open(&opened.url).await.unwrap();
        again.ping().await.unwrap();
        sqlx::query("INSERT INTO schema_versions (version) VALUES (99)")
            .execute(&again.pool)
            .await
            .unwrap();
        let refused = Ledger::open(&opened.url).await.unwrap_err();
        assert!(
            matches!(
                refused,
                LedgerError::Newer {
                    found: 99,
                    known: 1
                }
            ),
            "{refused}"
        );
    }
    assert!(matches!(
        Ledger::open("mysql://x/y").await.unwrap_err(),
        LedgerError::Scheme
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_durable_and_waits_for_other_writers() {
    let opened = ledgers("t_pragmas").await.remove(0);
    let one = async |sql: &'static str| {
        let row = sqlx::query(sql)
            .fetch_one(&opened.ledger.pool)
            .await
            .unwrap();
        sqlx::Row::try_get::<i64, _>(&row, 0)
            .map_or_else(|_| sqlx::Row::get::<String, _>(&row, 0), |n| n.to_string())
    };
    assert_eq!(one("PRAGMA journal_mode").await, "wal");
    assert_eq!(one("PRAGMA synchronous").await, "2");
    assert_eq!(one("PRAGMA busy_timeout").await, "10000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_base_loses_whole_and_the_newest_is_current() {
    for Opened { ledger, .. } in ledgers("t_catalogue").await {
        let first = revision("2026-11-21", "one", None);
        let other = revision("2026-11-20", "other", None);
        assert_eq!(
            ledger
                .commit(&[first.clone(), other.clone()])
                .await
                .unwrap(),
            Commit::Committed
        );
        let second = revision("2026-11-21", "two", Some(&first.digest));
        assert_eq!(
            ledger.commit(std::slice::from_ref(&second)).await.unwrap(),
            Commit::Committed
        );
        // A merge from the old newest loses, and takes its good neighbour with it.
        let neighbour = revision("2026-11-19", "three", None);
        let stale = revision("2026-11-21", "late", Some(&first.digest));
        let lost = ledger.commit(&[neighbour, stale]).await.unwrap();
        assert!(
            matches!(&lost, Commit::Lost(feed_day) if feed_day.day == second.day),
            "{lost:?}"
        );
        // The same content again is nothing new.
        assert_eq!(
            ledger.commit(std::slice::from_ref(&second)).await.unwrap(),
            Commit::Committed
        );
        let current = ledger
            .current(&["orders"], &[&id("flagship")])
            .await
            .unwrap();
        let expected = [
            Revision { number: 1, ..other },
            Revision {
                number: 2,
                ..second
            },
        ];
        assert_eq!(current, expected);
        assert_eq!(ledger.current(&["refunds"], &[]).await.unwrap(), []);
        assert_eq!(ledger.current(&[], &[&id("other")]).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_racing_merges_wins() {
    for Opened { ledger, .. } in ledgers("t_merge_race").await {
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                let ledger = ledger.clone();
                tokio::spawn(async move {
                    ledger
                        .commit(&[revision("2026-11-21", &format!("c{n}"), None)])
                        .await
                        .unwrap()
                })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            won += usize::from(task.await.unwrap() == Commit::Committed);
        }
        assert_eq!(won, 1);
        assert_eq!(ledger.current(&[], &[]).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_finished_collections_make_exports_known() {
    for Opened { ledger, .. } in ledgers("t_collections").await {
        let export = |name: &str| ExportFacts {
            export: 1,
            name: name.to_owned(),
            digest: Some(Digest::of(name)),
            exported_at: noon(),
            covers_from: None,
            covers_to: None,
            provisional: false,
            truncated: false,
            rows: 3,
        };
        let collection = |state, name: &str| Collection {
            source: id("orders"),
            window: Some(("2026-11-20".parse().unwrap(), "2026-11-21".parse().unwrap())),
            at: noon(),
            state,
            exports: vec![export(name)],
            note: "ok".to_owned(),
        };
        assert_eq!(
            ledger.last_collection(&id("orders"), None).await.unwrap(),
            None
        );
        let done = collection(CollectionState::Done, "a.csv");
        let failed = collection(CollectionState::Failed, "b.csv");
        ledger.record_collection(&done).await.unwrap();
        ledger.record_collection(&done).await.unwrap();
        ledger.record_collection(&failed).await.unwrap();
        let known = ledger.known_exports(&id("orders")).await.unwrap();
        assert_eq!(known.into_iter().collect::<Vec<_>>(), [Digest::of("a.csv")]);
        assert_eq!(
            ledger.last_collection(&id("orders"), None).await.unwrap(),
            Some(failed)
        );
        let last_done = ledger
            .last_collection(&id("orders"), Some(CollectionState::Done))
            .await
            .unwrap();
        assert_eq!(last_done, Some(done));
    }
}

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

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_key_is_used_once() {
    for Opened { ledger, .. } in ledgers("t_queue").await {
        let both = [
            mail("daily", "a@x.com", noon()),
            mail("daily", "b@x.com", noon()),
        ];
        assert_eq!(ledger.next_revision(&issue("daily")).await.unwrap(), 0);
        assert_eq!(
            ledger.queue(&both[..1], noon()).await.unwrap(),
            [both[0].id()]
        );
        assert_eq!(ledger.queue(&both, noon()).await.unwrap(), [both[1].id()]);
        assert_eq!(
            ledger.queue(&both, noon()).await.unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(ledger.next_revision(&issue("daily")).await.unwrap(), 1);
        let stored = ledger.delivery(&both[0].id()).await.unwrap().unwrap();
        assert_eq!(stored.pieces, both[0].pieces);
        let message = assemble(&stored.pieces, |digest| {
            (*digest == Digest::of("body"))
                .then(|| b"body".to_vec())
                .ok_or(())
        });
        assert_eq!(message.unwrap(), b"To: x\r\nbody");
        assert_eq!(
            ledger
                .deliveries_in(DeliveryState::Queued, 10)
                .await
                .unwrap()
                .len(),
            2
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_early_and_deferred_ones_wait() {
    for Opened { ledger, .. } in ledgers("t_due").await {
        let before = noon() - SignedDuration::from_secs(1);
        ledger
            .queue(&[mail("daily", "a@x.com", noon())], before)
            .await
            .unwrap();
        assert!(
            ledger
                .claim_due("s", before, LEASE)
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(ledger.next_delivery().await.unwrap(), Some(noon()));
        let claimed = ledger.claim_due("s", noon(), LEASE).await.unwrap().unwrap();
        assert!(
            ledger
                .claim_due("s", noon(), LEASE)
                .await
                .unwrap()
                .is_none()
        );
        assert!(ledger.start_attempt(&claimed, noon(), LEASE).await.unwrap());
        let retry_at = noon() + SignedDuration::from_mins(5);
        let verdict = Verdict {
            state: DeliveryState::Deferred,
            retry_at: Some(retry_at),
            note: "451 later".into(),
        };
        ledger
            .finish_attempt(&claimed, &verdict, noon())
            .await
            .unwrap();
        assert!(
            ledger
                .claim_due("s", retry_at - SignedDuration::from_millis(1), LEASE)
                .await
                .unwrap()
                .is_none()
        );
        let second = ledger
            .claim_due("s", retry_at, LEASE)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (second.attempt, second.delivery.note.as_str()),
            (2, "451 later")
        );
        assert!(
            ledger
                .start_attempt(&second, retry_at, LEASE)
                .await
                .unwrap()
        );
        ledger
            .finish_attempt(&second, &sent("250 ok"), retry_at)
            .await
            .unwrap();
        let attempts = ledger.attempts(&second.delivery.id).await.unwrap();
        let outcomes: Vec<_> = attempts
            .iter()
            .map(|attempt| (attempt.number, attempt.outcome))
            .collect();
        assert_eq!(
            outcomes,
            [(1, DeliveryState::Deferred), (2, DeliveryState::Sent)]
        );
        assert_eq!(ledger.next_delivery().await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_dies_leaves_queued_or_unknown_by_what_it_had_done() {
    for Opened { ledger, .. } in ledgers("t_dead").await {
        let folder = NewDelivery {
            channel: "folder".into(),
            ..mail("daily", "c@x.com", noon())
        };
        ledger
            .queue(
                &[
                    mail("daily", "a@x.com", noon()),
                    mail("daily", "b@x.com", noon()),
                    folder,
                ],
                noon(),
            )
            .await
            .unwrap();
        let mut claims = Vec::new();
        while let Some(claimed) = ledger.claim_due("s", noon(), LEASE).await.unwrap() {
            claims.push(claimed);
        }
        claims.sort_by(|a, b| a.delivery.recipient.cmp(&b.delivery.recipient));
        // a: nothing had left. b: it had begun. c: a folder, where beginning does no harm.
        assert!(
            ledger
                .start_attempt(&claims[1], noon(), LEASE)
                .await
                .unwrap()
        );
        assert!(
            ledger
                .start_attempt(&claims[2], noon(), LEASE)
                .await
                .unwrap()
        );
        let later = noon() + SignedDuration::from_secs(60);
        assert_eq!(
            ledger
                .reclaim(later - SignedDuration::from_millis(1))
                .await
                .unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(
            ledger.reclaim(later).await.unwrap(),
            [claims[1].delivery.id.clone()]
        );
        let state = async |n: usize| {
            ledger
                .delivery(&claims[n].delivery.id)
                .await
                .unwrap()
                .unwrap()
                .state
        };
        assert_eq!(state(0).await, DeliveryState::Queued);
        assert_eq!(state(1).await, DeliveryState::Unknown);
        assert_eq!(state(2).await, DeliveryState::Queued);
        // A sender that was only slow finds its claim gone before it begins, and tells what it knows if it had begun.
        assert!(
            !ledger
                .start_attempt(&claims[0], later, LEASE)
                .await
                .unwrap()
        );
        ledger
            .finish_attempt(&claims[1], &sent("250 ok"), later)
            .await
            .unwrap();
        assert_eq!(state(1).await, DeliveryState::Sent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_ones_are_resent_only_by_hand() {
    for Opened { ledger, .. } in ledgers("t_resend").await {
        ledger
            .queue(&[mail("daily", "a@x.com", noon())], noon())
            .await
            .unwrap();
        let claimed = ledger.claim_due("s", noon(), LEASE).await.unwrap().unwrap();
        assert!(ledger.start_attempt(&claimed, noon(), LEASE).await.unwrap());
        let verdict = Verdict {
            state: DeliveryState::Unknown,
            retry_at: None,
            note: "lost".into(),
        };
        ledger
            .finish_attempt(&claimed, &verdict, noon())
            .await
            .unwrap();
        assert!(
            ledger
                .claim_due("s", at("2030-01-01T00:00:00Z"), LEASE)
                .await
                .unwrap()
                .is_none()
        );
        let id = claimed.delivery.id.clone();
        assert!(
            ledger
                .requeue(&id, &[DeliveryState::Bounced], noon())
                .await
                .is_err()
        );
        ledger
            .requeue(&id, &[DeliveryState::Unknown], noon())
            .await
            .unwrap();
        let again = ledger.claim_due("s", noon(), LEASE).await.unwrap().unwrap();
        assert_eq!(
            (again.attempt, again.delivery.message_id),
            (2, claimed.delivery.message_id.clone())
        );
        // The lost first attempt cannot overrule the second.
        ledger
            .finish_attempt(&claimed, &sent("late news"), noon())
            .await
            .unwrap();
        assert_eq!(
            ledger.delivery(&id).await.unwrap().unwrap().state,
            DeliveryState::Sending
        );
        assert!(
            ledger
                .requeue("nobody", &[DeliveryState::Unknown], noon())
                .await
                .is_err()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_busy_senders_send_each_of_200_once() {
    for Opened { ledger, url, .. } in ledgers("t_senders").await {
        let mails: Vec<_> = (0..200)
            .map(|n| mail("daily", &format!("r{n}@x.com"), noon()))
            .collect();
        ledger.queue(&mails, noon()).await.unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                let url = url.clone();
                tokio::spawn(async move {
                    let ledger = Ledger::open(&url).await.unwrap();
                    let mut mine = Vec::new();
                    while let Some(claimed) = ledger
                        .claim_due(&format!("s{n}"), noon(), LEASE)
                        .await
                        .unwrap()
                    {
                        assert!(ledger.start_attempt(&claimed, noon(), LEASE).await.unwrap());
                        ledger
                            .finish_attempt(&claimed, &sent("ok"), noon())
                            .await
                            .unwrap();
                        mine.push(claimed.delivery.recipient);
                    }
                    mine
                })
            })
            .collect();
        let mut recipients = Vec::new();
        for task in tasks {
            recipients.extend(task.await.unwrap());
        }
        assert_eq!(recipients.len(), 200);
        recipients.sort();
        recipients.dedup();
        assert_eq!(recipients.len(), 200);
        assert_eq!(
            ledger
                .deliveries_in(DeliveryState::Sent, 1000)
                .await
                .unwrap()
                .len(),
            200
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_shown_with_everything_that_belongs_to_them() {
    for Opened { ledger, .. } in ledgers("t_runs").await {
        let new = |id: &str, started| NewRun {
            id: id.to_owned(),
            issue: issue("daily"),
            due: Some(noon()),
            started,
        };
        ledger.begin_run(&new("r1", noon())).await.unwrap();
        ledger
            .begin_run(&new("r2", noon() + SignedDuration::from_secs(1)))
            .await
            .unwrap();
        assert!(ledger.begin_run(&new("r1", noon())).await.is_err());
        let snapshot = Snapshot::new(vec![revision("2026-11-21", "one", None)]);
        let end = RunEnd {
            state: RunState::Partial,
            snapshot: snapshot.clone(),
            record: serde_json::json!({"config": "abc", "seed": 0}),
            results: vec![(id("sales"), "flagship".to_owned(), Digest::of("result"))],
            note: "部分：缺少投放数据".to_owned(),
            at: noon() + SignedDuration::from_secs(9),
        };
        ledger.finish_run("r1", &end).await.unwrap();
        assert!(ledger.finish_run("r3", &end).await.is_err());
        ledger
            .queue(
                &[
                    mail("daily", "a@x.com", noon()),
                    mail("daily", "b@x.com", noon()),
                ],
                noon(),
            )
            .await
            .unwrap();
        ledger.claim_due("s", noon(), LEASE).await.unwrap().unwrap();

        let history = ledger.history(Some(&id("daily")), 10).await.unwrap();
        assert_eq!(
            history
                .iter()
                .map(|run| run.id.as_str())
                .collect::<Vec<_>>(),
            ["r2", "r1"]
        );
        assert_eq!(
            (history[0].state, history[0].finished),
            (RunState::Running, None)
        );
        let counts: Vec<_> = history[1]
            .deliveries
            .iter()
            .map(|(state, n)| (*state, *n))
            .collect();
        assert_eq!(
            counts,
            [(DeliveryState::Queued, 1), (DeliveryState::Sending, 1)]
        );
        assert_eq!(ledger.history(None, 1).await.unwrap().len(), 1);
        assert_eq!(
            ledger.history(Some(&id("weekly")), 10).await.unwrap().len(),
            0
        );

        let shown = ledger.show("r1").await.unwrap().unwrap();
        assert_eq!((shown.snapshot, shown.record), (snapshot, end.record));
        assert_eq!((shown.run.note, shown.run.due), (end.note, Some(noon())));
        assert_eq!((shown.results.len(), shown.deliveries.len()), (1, 2));
        assert!(
            ledger.show("r").await.unwrap().is_none(),
            "two runs begin with r"
        );
        let found = ledger
            .results_for(
                &id("daily"),
                &id("sales"),
                issue("daily").period,
                "flagship",
            )
            .await
            .unwrap();
        assert_eq!(found, shown.results);
        assert_eq!(found[0].digest, Digest::of("result"));
        let none = ledger
            .results_for(&id("daily"), &id("sales"), issue("daily").period, "other")
            .await
            .unwrap();
        assert_eq!(none, []);
    }
}
