//! What a mail costs: encoding the body that an audience shares, a head for each recipient, and the file on disk.
//!
//! `cargo run --example mail_cost -- REPORTS_DIR`, where REPORTS_DIR holds a report's `.html`, `.txt` and `.pdf`, as
//! `chenbao demo` leaves them in `demo/reports/daily/<period>`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement for people, stopped by whatever goes wrong"
)]

use chenbao::config::meant::{Mail, Mailbox, Transport};
use chenbao::mail::{self, Body, Head, Letter, Sender};
use chenbao_model::Artifact;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const TIMES: u32 = 500;

fn main() {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        println!("usage: mail_cost REPORTS_DIR");
        return;
    };
    let (text, html) = (one(&folder, "txt"), one(&folder, "html"));
    let (text, html) = (
        String::from_utf8(text).unwrap(),
        String::from_utf8(html).unwrap(),
    );
    let papers = [Artifact::new(
        "经营日报.pdf",
        "application/pdf",
        one(&folder, "pdf"),
    )];
    let parts = Body {
        text: &text,
        html: &html,
        pictures: &[],
        papers: &papers,
    };
    let body = mail::body(&parts).unwrap();
    timed("the body that an audience shares", || {
        mail::body(&parts).unwrap();
    });
    let from = mailbox("chenbao@example.com");
    let to = mailbox("boss@example.com");
    let head = || {
        mail::head(&Head {
            from: &from,
            to: &to,
            reply_to: &from,
            subject: "经营日报 2026-11-21",
            message_id: "chenbao.0@example.com",
            date: "2026-11-22T00:00:00Z".parse().unwrap(),
            unsubscribe: None,
        })
        .unwrap()
    };
    timed("the head of a recipient", || drop(head()));
    let mut message = head().into_bytes();
    message.extend_from_slice(&body);
    println!("{:<40}{:>10} bytes", "the message", message.len());
    on_disk(&message, from);
}

/// The message in a folder: written aside, synced, renamed.
fn on_disk(message: &[u8], from: Mailbox) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Mail::by(from, Transport::Folder(folder.path().to_path_buf()));
    let mut sender = Sender::new(&settings, None).unwrap();
    let letter = Letter {
        from: "chenbao@example.com",
        to: "boss@example.com",
        envid: None,
        bytes: message,
        file_name: "mail.eml",
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    timed("the message in a folder, synced", || {
        runtime.block_on(sender.send(&letter));
    });
}

fn timed(what: &str, mut work: impl FnMut()) {
    let mut took: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    println!(
        "{what:<40}{:>10.3} ms (median of {TIMES})",
        median.as_secs_f64() * 1000.0
    );
}

fn mailbox(address: &str) -> Mailbox {
    Mailbox {
        name: None,
        address: address.to_owned(),
    }
}

/// The first file of that kind.
fn one(folder: &Path, extension: &str) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap().flatten();
    let found = files
        .map(|file| file.path())
        .find(|path| path.extension().is_some_and(|ext| ext == extension));
    std::fs::read(found.unwrap()).unwrap()
}
