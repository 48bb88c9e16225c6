//! Deliveries: once per key, never early, and an honest word about what a dead sender had done.

use super::{LEASE, Opened, at, issue, ledgers, mail, noon, sent};
use crate::ledger::{Claimed, DeliveryState, Ledger, NewDelivery, Verdict, Waiting};
use crate::schedule::Edition;
use chenbao_model::Digest;
use jiff::{SignedDuration, Timestamp};

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
        assert_eq!(
            ledger
                .deliveries_in(DeliveryState::Queued)
                .await
                .unwrap()
                .len(),
            2
        );
    }
}

/// A mail to A with a Message-ID of its own.
fn of(edition: Edition, revision: u32, message_id: &str) -> NewDelivery {
    let mut new = mail("campaign", "a@x.com", noon());
    new.issue.edition = edition;
    new.issue.revision = revision;
    message_id.clone_into(&mut new.message_id);
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_what_one_recipient_got_of_one_period() {
    use Edition::{After, Test};
    for Opened { ledger, .. } in ledgers("t_thread").await {
        let mut elsewhere = of(After(1), 0, "b@x");
        "b@x.com".clone_into(&mut elsewhere.recipient);
        let mut before = of(After(1), 0, "before@x");
        before.issue.period = "2026-11-20".parse().unwrap();
        let sent = [
            (of(After(1), 0, "d1@x"), 0),
            (elsewhere, 0),
            (before, 0),
            (of(Test("run".to_owned()), 0, "test@x"), 1),
            (of(After(7), 0, "d7@x"), 2),
            (of(After(7), 1, "d7r1@x"), 3),
        ];
        for (new, minutes) in &sent {
            let when = noon() + SignedDuration::from_mins(*minutes);
            ledger.queue(std::slice::from_ref(new), when).await.unwrap();
        }
        let next = of(After(30), 0, "d30@x");
        let earlier = async |new: &NewDelivery, most| ledger.earlier(new, most).await.unwrap();
        assert_eq!(earlier(&next, 9).await, ["d1@x", "d7@x", "d7r1@x"]);
        assert_eq!(earlier(&next, 2).await, ["d7@x", "d7r1@x"], "the latest");
        // Asked for again, a message does not answer itself.
        assert_eq!(earlier(&sent[5].0, 9).await, ["d1@x", "d7@x"]);
        let test = of(Test("other".to_owned()), 0, "other@x");
        assert_eq!(earlier(&test, 9).await, Vec::<String>::new());
        sqlx::query("UPDATE deliveries SET state = 'bounced' WHERE message_id = 'd1@x'")
            .execute(&ledger.pool)
            .await
            .unwrap();
        assert_eq!(earlier(&next, 9).await, ["d7@x", "d7r1@x"], "it never came");
    }
}

/// Ten thousand recipients whose report is corrected each ask for their thread: none may look at all deliveries for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_found_by_an_index() {
    // PostgreSQL scans whatever is as small as a test; the index is there, and SQLite says that it fits the question.
    let ledger = &ledgers("threads").await[0].ledger;
    let sql = format!("EXPLAIN QUERY PLAN {}", super::super::deliveries::EARLIER);
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
    for _ in 0..7 {
        query = query.bind("x");
    }
    let rows = query.bind(10_i64).fetch_all(&ledger.pool).await.unwrap();
    let plan: Vec<String> = rows
        .iter()
        .map(|row| super::super::rows::text(row, "detail").unwrap())
        .collect();
    let by_index = plan
        .iter()
        .any(|step| step.contains("deliveries_by_period"));
    assert!(by_index, "{plan:?}");
}

async fn take(ledger: &Ledger, now: Timestamp) -> Option<Claimed> {
    ledger.claim_due("s", now, LEASE, 1).await.unwrap().pop()
}

async fn starts(ledger: &Ledger, claimed: &Claimed, now: Timestamp) -> bool {
    ledger
        .start_attempt(claimed, &Digest::of("message"), now, LEASE)
        .await
        .unwrap()
}

async fn state(ledger: &Ledger, claimed: &Claimed) -> DeliveryState {
    ledger
        .delivery(&claimed.delivery.id)
        .await
        .unwrap()
        .unwrap()
        .state
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_early_and_deferred_ones_wait() {
    for Opened { ledger, .. } in ledgers("t_due").await {
        let before = noon() - SignedDuration::from_secs(1);
        ledger
            .queue(&[mail("daily", "a@x.com", noon())], before)
            .await
            .unwrap();
        assert!(take(&ledger, before).await.is_none());
        assert_eq!(ledger.next_delivery().await.unwrap(), Some(noon()));
        let claimed = take(&ledger, noon()).await.unwrap();
        assert!(take(&ledger, noon()).await.is_none());
        assert!(starts(&ledger, &claimed, noon()).await);
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
            take(&ledger, retry_at - SignedDuration::from_millis(1))
                .await
                .is_none()
        );
        let second = take(&ledger, retry_at).await.unwrap();
        assert_eq!(
            (second.attempt, second.delivery.note.as_str()),
            (2, "451 later")
        );
        assert!(starts(&ledger, &second, retry_at).await);
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
        let mails = [
            mail("daily", "a@x.com", noon()),
            mail("daily", "b@x.com", noon()),
            folder,
        ];
        ledger.queue(&mails, noon()).await.unwrap();
        let mut claims = Vec::new();
        while let Some(claimed) = take(&ledger, noon()).await {
            claims.push(claimed);
        }
        claims.sort_by(|a, b| a.delivery.recipient.cmp(&b.delivery.recipient));
        let [idle, begun, folder] = claims.as_slice() else {
            panic!("{claims:?}")
        };
        assert!(starts(&ledger, begun, noon()).await);
        assert!(starts(&ledger, folder, noon()).await);
        let later = noon() + SignedDuration::from_secs(60);
        assert!(
            ledger
                .reclaim(later - SignedDuration::from_millis(1))
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            ledger.reclaim(later).await.unwrap(),
            std::slice::from_ref(&begun.delivery.id)
        );
        assert_eq!(state(&ledger, idle).await, DeliveryState::Queued);
        assert_eq!(state(&ledger, begun).await, DeliveryState::Unknown);
        // Writing the same file again does no harm.
        assert_eq!(state(&ledger, folder).await, DeliveryState::Queued);
        // A sender that was only slow finds its claim gone before it begins, and tells what it knows if it had begun.
        assert!(!starts(&ledger, idle, later).await);
        ledger
            .finish_attempt(begun, &sent("250 ok"), later)
            .await
            .unwrap();
        assert_eq!(state(&ledger, begun).await, DeliveryState::Sent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_ones_are_resent_only_by_hand() {
    for Opened { ledger, .. } in ledgers("t_resend").await {
        ledger
            .queue(&[mail("daily", "a@x.com", noon())], noon())
            .await
            .unwrap();
        let claimed = take(&ledger, noon()).await.unwrap();
        assert!(
            ledger
                .start_attempt(&claimed, &Digest::of("message"), noon(), LEASE)
                .await
                .unwrap()
        );
        let verdict = Verdict {
            state: DeliveryState::Unknown,
            retry_at: None,
            note: "lost".into(),
        };
        ledger
            .finish_attempt(&claimed, &verdict, noon())
            .await
            .unwrap();
        assert!(take(&ledger, at("2030-01-01T00:00:00Z")).await.is_none());
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
        let again = take(&ledger, noon()).await.unwrap();
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

/// One sender that takes whatever is due, and to whom it sent.
async fn sender(url: String, name: String) -> Vec<String> {
    let ledger = Ledger::open(&url).await.unwrap();
    let mut recipients = Vec::new();
    loop {
        let batch = ledger.claim_due(&name, noon(), LEASE, 7).await.unwrap();
        if batch.is_empty() {
            return recipients;
        }
        for claimed in batch {
            assert!(starts(&ledger, &claimed, noon()).await);
            ledger
                .finish_attempt(&claimed, &sent("ok"), noon())
                .await
                .unwrap();
            recipients.push(claimed.delivery.recipient);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_busy_senders_send_each_of_200_once() {
    for Opened { ledger, url, .. } in ledgers("t_senders").await {
        let mails: Vec<_> = (0..200)
            .map(|n| mail("daily", &format!("r{n}@x.com"), noon()))
            .collect();
        ledger.queue(&mails, noon()).await.unwrap();
        let senders: Vec<_> = (0..8)
            .map(|n| tokio::spawn(sender(url.clone(), format!("s{n}"))))
            .collect();
        let mut recipients = Vec::new();
        for sender in senders {
            recipients.extend(sender.await.unwrap());
        }
        assert_eq!(recipients.len(), 200);
        recipients.sort();
        recipients.dedup();
        assert_eq!(recipients.len(), 200);
        assert_eq!(
            ledger
                .deliveries_in(DeliveryState::Sent)
                .await
                .unwrap()
                .len(),
            200
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_counts_from_the_first_try_and_not_while_held() {
    for opened in ledgers("t_patience").await {
        let ledger = &opened.ledger;
        let (one, other) = (
            mail("daily", "a@example.com", noon()),
            mail("weekly", "b@example.com", noon()),
        );
        ledger
            .queue(&[one.clone(), other.clone()], noon())
            .await
            .unwrap();
        ledger
            .hold(&"daily".parse().unwrap(), "", noon())
            .await
            .unwrap();
        // The machine slept for three days, and then the server refuses.
        let awake = noon() + SignedDuration::from_hours(72);
        let day = SignedDuration::from_hours(24);
        assert_eq!(
            ledger
                .give_up("mail", awake - day, "refused", awake)
                .await
                .unwrap()
                .len(),
            0
        );
        assert_eq!(
            ledger
                .defer_all("mail", awake, "refused", awake)
                .await
                .unwrap(),
            1,
            "not the held one"
        );
        assert_eq!(
            ledger
                .give_up("mail", awake - day, "refused", awake)
                .await
                .unwrap()
                .len(),
            0
        );
        // A day of refusals later it is enough, and still not for the held one.
        let later = awake + day;
        let given_up = ledger
            .give_up("mail", later - day, "refused", later)
            .await
            .unwrap();
        assert_eq!(given_up.len(), 1);
        assert_eq!(given_up[0].recipient, "b@example.com");
        // Released, it has all the patience that others have.
        ledger
            .release_report(&"daily".parse().unwrap(), Waiting::Leaves, later)
            .await
            .unwrap();
        let claimed = take(ledger, later).await.unwrap();
        assert!(starts(ledger, &claimed, later).await);
        let delivery = ledger
            .delivery(&claimed.delivery.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(delivery.due, later);
    }
}
