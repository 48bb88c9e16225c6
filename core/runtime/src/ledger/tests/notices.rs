//! Notices are counted while they repeat and told by exactly one node; nodes are seen; a watchdog's ledger changes nothing.

use super::{at, ledgers, mail, noon};
use crate::ledger::{FOLDER, LastTold, Ledger, LedgerError, NewDelivery, NewNotice};
use jiff::SignedDuration;

fn raised(id: &str, urgent: bool, line: &str) -> NewNotice {
    NewNotice {
        id: id.into(),
        kind: "partial".into(),
        about: "daily 2026-11-21".into(),
        lines: vec![line.into()],
        todo: String::new(),
        run: String::new(),
        urgent,
        by: None,
    }
}

/// A message to the owner: to the mailbox, or by a robot.
fn message(subject: &str, channel: &str) -> NewDelivery {
    let mut delivery = mail("notices", "owner@example.com", noon());
    delivery.issue.subject = Some(subject.parse().unwrap());
    delivery.channel = channel.into();
    delivery
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_notice_is_one_row_until_it_is_told() {
    for opened in ledgers("notices_rows").await {
        let ledger = &opened.ledger;
        let now = noon();
        assert!(ledger.raise(&raised("a", true, "one"), now).await.unwrap());
        let later = now + SignedDuration::from_mins(3);
        assert!(
            !ledger
                .raise(&raised("a", true, "two"), later)
                .await
                .unwrap()
        );
        assert!(ledger.raise(&raised("b", false, "x"), later).await.unwrap());
        assert_eq!(ledger.last_told().await.unwrap(), LastTold::default());
        let untold = ledger.untold().await.unwrap();
        assert_eq!(untold.len(), 2);
        assert_eq!(
            (untold[0].times, untold[0].first, untold[0].last),
            (2, now, later)
        );
        assert_eq!(untold[0].said.lines, ["two"], "the newest while untold");

        let deliveries = [message("m1", FOLDER)];
        assert!(
            ledger
                .tell("m1", &untold[..1], &deliveries, later)
                .await
                .unwrap()
        );
        // Another node read the same untold notices before.
        assert!(
            !ledger
                .tell("m2", &untold, &[message("m2", FOLDER)], later)
                .await
                .unwrap()
        );
        assert_eq!(
            ledger.untold().await.unwrap().len(),
            1,
            "nothing of it was marked"
        );
        let told = ledger.last_told().await.unwrap();
        assert_eq!((told.any, told.urgent), (Some(later), Some(later)));
        assert_eq!(ledger.notices_of("m1").await.unwrap().len(), 1);
        assert_eq!(ledger.next_delivery().await.unwrap(), Some(noon()));

        ledger
            .raise(&raised("a", true, "three"), later)
            .await
            .unwrap();
        let all = ledger.notices(10).await.unwrap();
        let a = all.iter().find(|one| one.said.id == "a").unwrap();
        assert_eq!(
            (a.times, a.said.lines[0].as_str()),
            (3, "two"),
            "as it was told"
        );
    }
}

/// What comes back after a quiet hour is news; what never went away is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_comes_back_is_told_again() {
    for opened in ledgers("notices_again").await {
        let ledger = &opened.ledger;
        let minutes = |n| noon() + SignedDuration::from_mins(n);
        ledger
            .raise(&raised("a", true, "one"), noon())
            .await
            .unwrap();
        let untold = ledger.untold().await.unwrap();
        let deliveries = [message("m1", FOLDER)];
        assert!(
            ledger
                .tell("m1", &untold, &deliveries, noon())
                .await
                .unwrap()
        );
        for n in [40, 80] {
            ledger
                .raise(&raised("a", true, "on"), minutes(n))
                .await
                .unwrap();
        }
        assert_eq!(ledger.untold().await.unwrap().len(), 0);
        ledger
            .raise(&raised("a", true, "again"), minutes(150))
            .await
            .unwrap();
        assert_eq!(ledger.untold().await.unwrap()[0].said.lines, ["again"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_seen_and_forgotten() {
    for opened in ledgers("notices_nodes").await {
        let ledger = &opened.ledger;
        ledger.seen("a:1", "0.1.0", noon()).await.unwrap();
        let later = noon() + SignedDuration::from_hours(2);
        ledger.seen("b:2", "0.1.0", later).await.unwrap();
        ledger
            .seen("b:2", "0.2.0", later + SignedDuration::from_secs(30))
            .await
            .unwrap();
        let nodes = ledger.nodes().await.unwrap();
        let names: Vec<_> = nodes.iter().map(|node| node.node.as_str()).collect();
        assert_eq!(names, ["b:2", "a:1"]);
        assert_eq!(
            (nodes[0].started, nodes[0].version.as_str()),
            (later, "0.2.0")
        );
        ledger
            .seen("b:2", "0.2.0", at("2026-11-23T05:00:00Z"))
            .await
            .unwrap();
        assert_eq!(ledger.nodes().await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watchdog_changes_nothing() {
    for opened in ledgers("notices_watch").await {
        opened.ledger.seen("a:1", "0.1.0", noon()).await.unwrap();
        let watching = Ledger::open_to_read(&opened.url).await.unwrap();
        assert_eq!(watching.nodes().await.unwrap().len(), 1);
        assert!(watching.seen("w:1", "0.1.0", noon()).await.is_err());
        assert!(opened.ledger.seen("a:1", "0.1.0", noon()).await.is_ok());
        watching.close().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("none.sqlite").display());
    let missing = Ledger::open_to_read(&url).await;
    assert!(
        matches!(missing, Err(LedgerError::Database(_))),
        "{missing:?}"
    );
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}
