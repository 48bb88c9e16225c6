//! Messages keep their bytes, and every way in which a server can fail has its own word.

use super::{
    About, Answer, Body, Head, Letter, Outcome, Sender, TOKEN, body, draft_head, file_name, head,
    message_id, thread,
};
use crate::config::meant::{Mail, Mailbox, Security, Smtp, Transport};
use chenbao_model::Artifact;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Longer than a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(20);

fn mailbox(name: &str, address: &str) -> Mailbox {
    Mailbox {
        name: (!name.is_empty()).then(|| name.to_owned()),
        address: address.to_owned(),
    }
}

fn by(transport: Transport) -> Mail {
    Mail::by(mailbox("", "a@b.c"), transport)
}

fn a_head() -> String {
    head(&Head {
        from: &mailbox("晨报", "chenbao@example.com"),
        to: &mailbox("王总", "boss@example.com"),
        reply_to: &mailbox("", "data@example.com"),
        subject: "经营日报 11月21日 支付 ¥128.4 万\r\nBcc: evil@example.com",
        message_id: &message_id("abc", &mailbox("", "chenbao@example.com")),
        date: "2026-11-22T00:00:00Z".parse().unwrap(),
        unsubscribe: Some(("bounce+abc@example.com", "unsubscribe abc")),
    })
    .unwrap()
}

fn a_body() -> Vec<u8> {
    let picture =
        Artifact::new("chart.png", "image/png", vec![0x89, b'P', 0, 255]).with_cid("chart-1");
    let paper = Artifact::new(
        "华东区经营日报（2026年11月21日）管理层.pdf",
        "application/pdf",
        b"%PDF-1.7\n\xff".to_vec(),
    );
    body(&Body {
        text: "支付 ¥1,284,306.05\n",
        html: "<html><body><p>支付</p><img src=\"cid:chart-1\"></body></html>",
        pictures: &[picture],
        papers: &[paper],
    })
    .unwrap()
}

#[test]
fn the_same_message_has_the_same_bytes() {
    assert_eq!(a_head(), a_head());
    assert_eq!(a_body(), a_body());
}

#[test]
fn a_head_has_its_fields_once_and_a_subject_cannot_add_one() {
    let head = a_head();
    for line in [
        "Message-ID: <chenbao.abc@example.com>\r\n",
        "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\n",
        "Reply-To: data@example.com\r\n",
        "MIME-Version: 1.0\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "List-Unsubscribe: <mailto:bounce+abc@example.com?subject=unsubscribe%20abc>\r\n",
    ] {
        assert!(head.contains(line), "{line}\n{head}");
    }
    assert!(head.is_ascii());
    assert!(!head.contains("\nBcc:"), "{head}");
    assert!(head.contains("Subject: =?utf-8?b?"), "{head}");
    assert!(
        head.contains("From: =?utf-8?b?5pmo5oql?= <chenbao@example.com>"),
        "{head}"
    );
}

#[test]
fn a_thread_answers_the_last_and_names_all_in_short_lines() {
    let from = mailbox("", "chenbao@example.com");
    let ids: Vec<String> = (0..10)
        .map(|n| message_id(&format!("{n:0TOKEN$}"), &from))
        .collect();
    assert_eq!(thread(&[]), "");
    let lines = thread(&ids);
    assert!(
        lines.starts_with(&format!(
            "In-Reply-To: <{}>\r\nReferences: <{}>\r\n <",
            ids[9], ids[0]
        )),
        "{lines}"
    );
    assert!(lines.ends_with(&format!(" <{}>\r\n", ids[9])), "{lines}");
    assert!(lines.lines().all(|line| line.len() <= 78), "{lines}");
    assert_eq!(lines.lines().count(), 11);
    // An address as long as addresses get still makes no line that a server may cut.
    let long = message_id(
        &"f".repeat(TOKEN),
        &mailbox("", &format!("c@{}.com", "d".repeat(250))),
    );
    assert!(
        thread(&[long.clone(), long])
            .lines()
            .all(|line| line.len() <= 998)
    );
}

#[test]
fn a_body_is_a_tree_with_chinese_file_names() {
    let text = String::from_utf8(a_body()).unwrap();
    assert!(text.is_ascii());
    let order = [
        "Content-Type: multipart/mixed;",
        "Content-Type: multipart/alternative;",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: multipart/related;",
        "Content-Type: text/html; charset=utf-8",
        "Content-Type: image/png;",
        "Content-ID: <chart-1>",
        "Content-Type: application/pdf;",
        "name=\"=?utf-8?Q?=E5=8D=8E",
        "Content-Disposition: attachment;",
        "filename*0*=utf-8''",
    ];
    let mut at = 0;
    for piece in order {
        let found = text.get(at..).unwrap().find(piece);
        at += found.unwrap_or_else(|| panic!("`{piece}` is not where it should be in\n{text}"));
    }
    assert!(text.lines().all(|line| line.len() <= 78), "{text}");
}

#[test]
fn file_names_are_safe_readable_and_different() {
    assert_eq!(
        file_name(&["2026-11-21", "经营日报", "", "boss@example.com"]),
        "2026-11-21_经营日报_boss@example.com.eml"
    );
    assert_eq!(
        file_name(&["../../etc", "a/b\0c", "test/r1"]),
        "-..-etc_a-b-c_test-r1.eml"
    );
    let long = "报".repeat(100);
    let (one, two) = (file_name(&[&long, "a"]), file_name(&[&long, "b"]));
    assert!(one.len() < 255 && one != two, "{one} {two}");
}

#[tokio::test]
async fn a_folder_gets_each_message_whole() {
    let folder = tempfile::tempdir().unwrap();
    let transport = Transport::Folder(folder.path().join("outbox"));
    let small = Mail {
        max_size: 100,
        ..by(transport)
    };
    let mut sender = Sender::new(&small, None).unwrap();
    let letter = Letter {
        from: "a@b.c",
        to: "x@y.z",
        envid: None,
        bytes: b"To: x\r\n\r\nhi",
        file_name: "../a.eml",
    };
    for _ in 0..2 {
        assert_eq!(sender.send(&letter).await.outcome, Outcome::Sent);
    }
    assert_eq!(
        std::fs::read(folder.path().join("outbox/_a.eml")).unwrap(),
        letter.bytes
    );
    let big = Letter {
        bytes: &[b'x'; 101],
        ..letter
    };
    let answer = sender.send(&big).await;
    assert_eq!(
        (answer.outcome, answer.about),
        (Outcome::Bounced, About::Message)
    );
    assert!(answer.note.contains("mail.max_size"), "{}", answer.note);
}

/// What a scripted server does when a command comes.
#[derive(Clone, Copy)]
enum Does {
    Says(&'static str),
    Drops,
    Hangs,
    /// Closes the connection after a message.
    Leaves,
    /// Wants a message and then reads nothing of it.
    Stalls,
}

/// What a scripted server was told on one connection.
#[derive(Debug, Default)]
struct Heard {
    commands: Vec<String>,
    messages: Vec<String>,
}

/// Serves one connection by SMTP, except where the script says otherwise.
async fn serve(stream: TcpStream, at: &'static str, does: Does) -> Heard {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut heard = Heard::default();
    let mut command = "CONNECT".to_owned();
    loop {
        let usual = match command.split(' ').next().unwrap_or_default() {
            "CONNECT" => "220 test",
            "EHLO" => "250-test\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => "235 in",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        let answer = match does {
            Does::Says(said) if command.starts_with(at) => said,
            Does::Drops if command.starts_with(at) => return heard,
            Does::Hangs if command.starts_with(at) => {
                while let Ok(Some(_)) = lines.next_line().await {}
                return heard;
            }
            _ => usual,
        };
        let answered = write.write_all(format!("{answer}\r\n").as_bytes()).await;
        let left = command == "MESSAGE" && matches!(does, Does::Leaves);
        if answered.is_err() || left {
            return heard;
        }
        if command == "DATA" && matches!(does, Does::Stalls) {
            tokio::time::sleep(Duration::from_secs(2)).await;
            return heard;
        }
        if command == "DATA" && answer == usual {
            let mut message = String::new();
            loop {
                match lines.next_line().await {
                    Ok(Some(line)) if line == "." => break,
                    Ok(Some(line)) => message += &format!("{line}\n"),
                    _ => return heard,
                }
            }
            heard.messages.push(message);
            command = "MESSAGE".to_owned();
            continue;
        }
        match lines.next_line().await {
            Ok(Some(line)) => command = line,
            _ => return heard,
        }
        heard.commands.push(command.clone());
    }
}

/// A server on this machine without protection or login.
fn plain(port: u16, timeout: Duration) -> Smtp {
    Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::None,
        login: None,
        ca: None,
        timeout,
    }
}

fn smtp(port: u16, timeout: Duration) -> Sender {
    let dir = std::env::temp_dir();
    let secret = crate::config::SecretRef::parse("env:P", &dir).unwrap();
    let settings = Smtp {
        login: Some(("user".to_owned(), secret.clone())),
        ..plain(port, timeout)
    };
    let secret = secret
        .fetch_with(
            |_| Some("p".to_owned()),
            |_| Err(std::io::ErrorKind::NotFound.into()),
        )
        .unwrap();
    Sender::new(&by(Transport::Smtp(settings)), Some(&secret)).unwrap()
}

const LETTER: Letter<'static> = Letter {
    from: "a@example.com",
    to: "b@example.com",
    envid: Some("0123456789abcdef0123456789abcdef"),
    bytes: b"Subject: x\r\n\r\n.hi\r\n",
    file_name: "x.eml",
};

/// Sends one letter to a server with this script.
async fn outcome(at: &'static str, does: Does) -> Answer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server =
        tokio::spawn(async move { serve(listener.accept().await.unwrap().0, at, does).await });
    let patience = if matches!(does, Does::Hangs) {
        Duration::from_millis(300)
    } else {
        PATIENCE
    };
    let mut sender = smtp(port, patience);
    let outcome = sender.send(&LETTER).await;
    sender.close().await;
    drop(sender);
    server.await.unwrap();
    outcome
}

#[tokio::test]
async fn every_step_and_answer_has_its_outcome() {
    use Outcome::{Bounced, Deferred, Refused, Sent, Unknown};
    for (at, does, expected) in [
        ("NEVER", Does::Drops, Sent),
        ("CONNECT", Does::Says("421 too many"), Deferred),
        ("CONNECT", Does::Says("554 go away"), Refused),
        ("CONNECT", Does::Drops, Deferred),
        ("CONNECT", Does::Hangs, Deferred),
        ("EHLO", Does::Drops, Deferred),
        ("AUTH", Does::Says("535 bad password"), Refused),
        ("AUTH", Does::Says("454 later"), Deferred),
        ("MAIL", Does::Says("553 not your address"), Refused),
        ("MAIL", Does::Says("451 later"), Deferred),
        ("RCPT", Does::Says("550 no such user"), Bounced),
        ("RCPT", Does::Says("450 greylisted"), Deferred),
        ("RCPT", Does::Drops, Deferred),
        ("RCPT", Does::Hangs, Deferred),
        ("DATA", Does::Says("554 no"), Bounced),
        ("DATA", Does::Says("451 later"), Deferred),
        ("DATA", Does::Drops, Deferred),
        ("MESSAGE", Does::Says("552 too big"), Bounced),
        ("MESSAGE", Does::Says("452 disk full"), Deferred),
        ("MESSAGE", Does::Says("hello?"), Unknown),
        ("MESSAGE", Does::Drops, Unknown),
        ("MESSAGE", Does::Hangs, Unknown),
    ] {
        let Answer { outcome, note, .. } = outcome(at, does).await;
        assert_eq!(outcome, expected, "{at}: {note}");
        if let Does::Says(said) = does
            && expected != Unknown
        {
            assert!(
                note.contains(said.split(' ').next_back().unwrap()),
                "{at}: {note}"
            );
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_defers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let answer = smtp(port, PATIENCE).send(&LETTER).await;
    assert_eq!(
        (answer.outcome, answer.about),
        (Outcome::Deferred, About::Server)
    );
    assert!(answer.note.contains("cannot be reached"), "{}", answer.note);
}

#[tokio::test]
async fn a_server_without_starttls_is_refused_before_anything_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        serve(listener.accept().await.unwrap().0, "NEVER", Does::Drops).await
    });
    let settings = Smtp {
        security: Security::Starttls,
        ..plain(port, PATIENCE)
    };
    let mut sender = Sender::new(&by(Transport::Smtp(settings)), None).unwrap();
    let answer = sender.send(&LETTER).await;
    assert_eq!(answer.outcome, Outcome::Refused, "{}", answer.note);
    assert!(answer.note.contains("STARTTLS"), "{}", answer.note);
    drop(sender);
    assert_eq!(server.await.unwrap().messages, Vec::<String>::new());
}

#[tokio::test]
async fn one_connection_carries_many_messages_and_a_dead_one_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        // The first connection is closed after its message, as servers do with what lies idle.
        let first = serve(listener.accept().await.unwrap().0, "NEVER", Does::Leaves).await;
        let second = serve(listener.accept().await.unwrap().0, "NEVER", Does::Drops).await;
        (first, second)
    });
    let mut sender = smtp(port, PATIENCE);
    for _ in 0..3 {
        let answer = sender.send(&LETTER).await;
        assert_eq!(answer.outcome, Outcome::Sent, "{}", answer.note);
    }
    sender.close().await;
    drop(sender);
    let (first, second) = server.await.unwrap();
    assert_eq!((first.messages.len(), second.messages.len()), (1, 2));
    // The leading dot was doubled on the way and nothing else changed.
    let message = &second.messages[0];
    assert!(message.starts_with("Subject: x\n\n..hi\n"), "{message}");
}

#[tokio::test]
async fn a_refused_recipient_leaves_the_connection_to_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let says = Does::Says("550 5.1.1 no such user");
        serve(listener.accept().await.unwrap().0, "RCPT TO:<bad@", says).await
    });
    let mut sender = smtp(port, PATIENCE);
    let bad = Letter {
        to: "bad@example.com",
        ..LETTER
    };
    let answer = sender.send(&bad).await;
    assert_eq!(
        (answer.outcome, answer.about),
        (Outcome::Bounced, About::Address)
    );
    assert_eq!(sender.send(&LETTER).await.outcome, Outcome::Sent);
    sender.close().await;
    drop(sender);
    let heard = server.await.unwrap();
    assert_eq!(heard.messages.len(), 1, "on the same connection");
    assert!(heard.commands.contains(&"RSET".to_owned()), "{heard:?}");
}

#[tokio::test]
async fn a_server_says_its_limit_and_is_asked_for_reports_only_if_it_offers_them() {
    for (offer, outcome, asked) in [
        (
            "250-test\r\n250-SIZE 10\r\n250 AUTH PLAIN",
            Outcome::Bounced,
            "",
        ),
        (
            "250-test\r\n250-SIZE\r\n250 AUTH PLAIN",
            Outcome::Sent,
            "MAIL FROM:<a@example.com> SIZE=19",
        ),
        (
            "250-test\r\n250-DSN\r\n250 AUTH PLAIN",
            Outcome::Sent,
            "MAIL FROM:<a@example.com> RET=HDRS ENVID=0123456789abcdef0123456789abcdef",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            serve(
                listener.accept().await.unwrap().0,
                "EHLO",
                Does::Says(offer),
            )
            .await
        });
        let mut sender = smtp(port, PATIENCE);
        let answer = sender.send(&LETTER).await;
        assert_eq!(answer.outcome, outcome, "{}", answer.note);
        sender.close().await;
        drop(sender);
        let heard = server.await.unwrap();
        let named = heard.commands.iter().find(|line| line.starts_with("MAIL"));
        assert_eq!(named.map_or("", String::as_str), asked, "{offer}");
        if outcome == Outcome::Bounced {
            assert!(answer.note.contains("takes 10 (SIZE)"), "{}", answer.note);
        }
    }
}

/// A message that is larger than every buffer on the way cannot have arrived if nobody read it: it is not unknown.
#[tokio::test]
async fn a_server_that_stops_reading_has_not_got_a_large_message() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        serve(listener.accept().await.unwrap().0, "NEVER", Does::Stalls).await
    });
    let bytes = "x\r\n".repeat(8 << 20);
    let mut settings = by(Transport::Smtp(plain(port, Duration::from_secs(1))));
    settings.max_size = u64::MAX;
    let mut sender = Sender::new(&settings, None).unwrap();
    let large = Letter {
        bytes: bytes.as_bytes(),
        ..LETTER
    };
    let answer = sender.send(&large).await;
    assert_eq!(answer.outcome, Outcome::Deferred, "{}", answer.note);
    assert!(
        answer.note.contains("it has not arrived"),
        "{}",
        answer.note
    );
    server.await.unwrap();
}

#[test]
fn a_draft_is_unsent_and_nobodys() {
    let head = draft_head(&mailbox("王总", "boss@example.com"), "经营日报").unwrap();
    assert!(head.starts_with("X-Unsent: 1\r\nTo: "), "{head}");
    for field in ["From:", "Message-ID:", "Date:", "List-Unsubscribe:"] {
        assert!(!head.contains(field), "{head}");
    }
}
