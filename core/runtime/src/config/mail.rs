//! `[mail]`: how messages leave, how fast, what comes back, and which addresses are left alone.

use super::meant::{Bounces, Mail, Quarantine, Rates, Security, Smtp, Transport};
use super::resolve::{path, secret};
use super::values::{address, domain_name, duration, mailbox, parsed, size, word, words};
use super::written::{Read, Table, Value};
use crate::policy::Rate;
use chenbao_model::Diagnostic;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Folder,
    Smtp,
}

pub(super) fn mail(table: Table<'_>, folder: &Path) -> Option<Mail> {
    let leaves = table.read("transport", |v| {
        word(v, &[("folder", Leaves::Folder), ("smtp", Leaves::Smtp)])
    });
    let from = table.need("from", "\"晨报 <chenbao@example.com>\"", mailbox);
    let dir = table
        .read("folder", |v| path(v, folder))
        .unwrap_or_else(|| folder.join("outbox"));
    let max_size = table.read("max_size", size);
    let smtp = smtp(&table, leaves == Some(Leaves::Smtp), folder);
    let rates = rates(table.section("rate"));
    let quarantine = quarantine(table.section("quarantine"));
    let bounces = table
        .maybe_section("bounces")
        .and_then(|section| bounces(section, folder));
    table.end();
    let transport = match leaves {
        Some(Leaves::Smtp) => Transport::Smtp(smtp?),
        _ => Transport::Folder(dir),
    };
    let usual = Mail::by(from?, transport);
    Some(Mail {
        max_size: max_size.unwrap_or(usual.max_size),
        rates,
        quarantine,
        bounces,
        ..usual
    })
}

fn rates(table: Table<'_>) -> Rates {
    let usual = Rates::default();
    let default = table.read("default", rate).unwrap_or(usual.default);
    let connections = table.read("connections", connections);
    let written = table.section("domains").entries();
    let mut domains = BTreeMap::new();
    for (name, value) in &written {
        let read = domain_name(name).and_then(|name| rate(value).map(|rate| (name, rate)));
        domains.extend(value.told(read));
    }
    table.end();
    Rates {
        default,
        domains,
        connections: connections.unwrap_or(usual.connections),
    }
}

/// `60/m`, or `none` for no limit.
fn rate(value: &Value<'_>) -> Read<Option<Rate>> {
    match value.text()? {
        "none" => Ok(None),
        _ => parsed(value).map(Some).map_err(|problem: Diagnostic| {
            problem.hint("write 60/m for 60 messages a minute, 10/s, 500/h, or none")
        }),
    }
}

fn connections(value: &Value<'_>) -> Read<u16> {
    let number = value.integer()?;
    let connections = u16::try_from(number).ok();
    connections
        .filter(|count| (1..=50).contains(count))
        .ok_or_else(|| {
            Diagnostic::error(format!("{number} is no number of connections"))
                .hint("write a whole number from 1 to 50")
        })
}

fn quarantine(table: Table<'_>) -> Quarantine {
    let usual = Quarantine::default();
    let errors = table.read("errors", small).unwrap_or(usual.errors);
    let days = table.read("days", small).unwrap_or(usual.days);
    table.end();
    Quarantine { errors, days }
}

fn small(value: &Value<'_>) -> Read<u16> {
    let number = value.integer()?;
    u16::try_from(number)
        .ok()
        .filter(|number| *number <= 1000)
        .ok_or_else(|| {
            Diagnostic::error(format!("{number} is not a number from 0 to 1000"))
                .hint("errors = 0 never quarantines an address")
        })
}

fn bounces(table: Table<'_>, folder: &Path) -> Option<Bounces> {
    let path = table.need("path", "\"/var/mail/bounces\"", |v| path(v, folder));
    let return_path = table.read("return_path", address);
    table.end();
    Some(Bounces {
        path: path?,
        return_path,
    })
}

/// The keys of a mail server. Without `wanted` they are checked, but none is needed.
fn smtp(table: &Table<'_>, wanted: bool, folder: &Path) -> Option<Smtp> {
    let host = if wanted {
        table.need("host", "\"smtp.example.com\"", words)
    } else {
        table.read("host", words)
    };
    let security = [
        ("starttls", Security::Starttls),
        ("tls", Security::Tls),
        ("none", Security::None),
    ];
    let security = table
        .read("security", |v| word(v, &security))
        .unwrap_or(Security::Starttls);
    let port = table.read("port", port).unwrap_or(match security {
        Security::Starttls => 587,
        Security::Tls => 465,
        Security::None => 25,
    });
    let user = table.read("user", words);
    let password = table.read("password", |v| secret(v, folder));
    let ca = table.read("ca", |v| path(v, folder));
    let timeout = table
        .read("timeout", send_timeout)
        .unwrap_or(Duration::from_secs(60));
    let host = host?;
    if wanted && security == Security::None && !is_loopback(&host) {
        let problem = Diagnostic::error(format!("mail to `{host}` would travel unprotected"));
        table.problem(problem.hint(
            "write security = \"starttls\" or \"tls\"; \"none\" is for a server on this machine",
        ));
    }
    let login = match (user, password) {
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        _ if !wanted => None,
        (user, _) => {
            let missing = if user.is_some() { "password" } else { "user" };
            table.problem(
                Diagnostic::error(format!("`mail.{missing}` is missing"))
                    .hint("a login has a user and a password = \"env:NAME\"; leave out both where the server wants none"),
            );
            None
        }
    };
    Some(Smtp {
        host,
        port,
        security,
        login,
        ca,
        timeout,
    })
}

/// A send that takes longer than a sender may hold a message would look like a sender that died.
fn send_timeout(value: &Value<'_>) -> Read<Duration> {
    let timeout = duration(value)?;
    if timeout <= Duration::from_secs(300) {
        Ok(timeout)
    } else {
        Err(Diagnostic::error("a send may take five minutes at most")
            .hint("write timeout = \"5m\" or less"))
    }
}

fn port(value: &Value<'_>) -> Read<u16> {
    let number = value.integer()?;
    u16::try_from(number)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| {
            Diagnostic::error(format!("{number} is not a port"))
                .hint("write a number from 1 to 65535")
        })
}

/// Whether mail to a host stays on this machine.
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}
