//! The ledger on SQLite, and on PostgreSQL too where `CHENBAO_TEST_POSTGRES` names a database.

mod claims;
mod deliveries;
mod notices;

use super::{
    Collection, CollectionState, Commit, DeliveryState, Issue, Ledger, LedgerError, NewDelivery,
    NewRun, Piece, RunEnd, RunState, Verdict,
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
            matches!(refused, LedgerError::Newer { found: 99, .. }),
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
            raw: Some(Digest::of("raw")),
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
        assert_eq!(last_done, Some(done.clone()));
        assert_eq!(
            ledger.collections(&id("orders")).await.unwrap(),
            [done.clone(), done]
        );
    }
}

const R1: &str = "r1";

fn end() -> RunEnd {
    RunEnd {
        state: RunState::Partial,
        snapshot: Snapshot::new(vec![revision("2026-11-21", "one", None)]),
        record: serde_json::json!({"config": "abc", "seed": 0}),
        results: vec![(id("sales"), "flagship".to_owned(), Digest::of("result"))],
        note: "部分：缺少投放数据".to_owned(),
        at: noon() + SignedDuration::from_secs(9),
    }
}

/// Two runs begun, the first of them ended, with one delivery queued and one on its way.
async fn two_runs(ledger: &Ledger) {
    let new = |id: &str, started| NewRun {
        id: id.to_owned(),
        issue: issue("daily"),
        due: Some(noon()),
        started,
    };
    ledger.begin_run(&new(R1, noon())).await.unwrap();
    ledger
        .begin_run(&new("r2", noon() + SignedDuration::from_secs(1)))
        .await
        .unwrap();
    assert!(ledger.begin_run(&new(R1, noon())).await.is_err());
    ledger.finish_run(R1, &end()).await.unwrap();
    assert!(ledger.finish_run("r3", &end()).await.is_err());
    let mails = [
        mail("daily", "a@x.com", noon()),
        mail("daily", "b@x.com", noon()),
    ];
    ledger.queue(&mails, noon()).await.unwrap();
    let claims = ledger.claim_due("s", noon(), LEASE, 1).await.unwrap();
    assert_eq!(claims.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_newest_first_and_counts_deliveries() {
    for Opened { ledger, .. } in ledgers("t_history").await {
        two_runs(&ledger).await;
        let history = ledger.history(Some(&id("daily")), 10).await.unwrap();
        assert_eq!(
            history
                .iter()
                .map(|run| run.id.as_str())
                .collect::<Vec<_>>(),
            ["r2", R1]
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
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_shown_with_everything_that_belongs_to_it() {
    for Opened { ledger, .. } in ledgers("t_show").await {
        two_runs(&ledger).await;
        let shown = ledger.show(R1).await.unwrap().unwrap();
        assert_eq!(
            (shown.snapshot, shown.record),
            (end().snapshot, end().record)
        );
        assert_eq!((shown.run.note, shown.run.due), (end().note, Some(noon())));
        assert_eq!((shown.results.len(), shown.deliveries.len()), (1, 2));
        assert!(
            ledger.show("r").await.unwrap().is_none(),
            "two runs begin with r"
        );
        let found = async |shops: &str| {
            ledger
                .results_for(&id("daily"), &id("sales"), issue("daily").period, shops)
                .await
                .unwrap()
        };
        assert_eq!(found("flagship").await, shown.results);
        assert_eq!(shown.results[0].digest, Digest::of("result"));
        assert_eq!(found("other").await, []);
    }
}
