//! One POST over HTTP, blocking, with a limit on time and size; what went wrong is told without the address.

use chenbao_model::Diagnostic;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::time::Duration;
use ureq::{Error, Timeout};

/// Answers of robots are a line; more is not read.
const ANSWER: u64 = 64 * 1024;

/// A call without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// Nothing had left: the sentence says why.
    Before(&'static str),
    /// The message may have arrived.
    After(&'static str),
    /// Nothing left, and trying again does not help before somebody mends it.
    Ours(&'static str),
}

/// Sends `body` and returns the status and the text of the answer, whatever the status.
pub(super) fn post(url: &str, body: &str, within: Duration) -> Result<(u16, String), Lost> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(within))
        .timeout_connect(Some(within / 2))
        .http_status_as_error(false)
        // A redirect would carry the message, and its signature, to somebody else.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into();
    let mut answer = agent
        .post(url)
        .header("Content-Type", "application/json; charset=utf-8")
        .send(body)
        .map_err(|why| lost(&why))?;
    let status = answer.status().as_u16();
    let text = answer
        .body_mut()
        .with_config()
        .limit(ANSWER)
        .read_to_string()
        .map_err(|_| Lost::After("the answer broke off"))?;
    Ok((status, text))
}

fn lost(why: &Error) -> Lost {
    match why {
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            Lost::Before("the connection was not made in time")
        }
        Error::Timeout(_) => Lost::After("no answer came in time"),
        Error::HostNotFound => Lost::Before("the host's name is not known"),
        Error::ConnectionFailed => Lost::Before("no connection could be made"),
        Error::Io(io) => of_io(io.kind()),
        Error::Tls(_) | Error::Rustls(_) => Lost::Ours("the server's certificate is not trusted"),
        Error::BadUri(_) | Error::Http(_) | Error::RequireHttpsOnly(_) => {
            Lost::Ours("the url is not an address that can be called")
        }
        Error::InvalidProxyUrl | Error::ConnectProxyFailed(_) => {
            Lost::Before("the proxy does not let it through")
        }
        _ => Lost::After("the connection broke before an answer came"),
    }
}

fn of_io(kind: ErrorKind) -> Lost {
    match kind {
        ErrorKind::ConnectionRefused => Lost::Before("the connection was refused"),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            Lost::Before("the host cannot be reached")
        }
        // rustls tells of a certificate so.
        ErrorKind::InvalidData => Lost::Ours("the server's certificate is not trusted"),
        _ => Lost::After("the connection broke before an answer came"),
    }
}

/// Refuses an address whose key would travel in the open.
pub(super) fn protected(url: &str) -> Result<(), Diagnostic> {
    let host = |rest: &str| {
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        name.trim_matches(['[', ']']).to_owned()
    };
    let open = url.strip_prefix("http://").map(host);
    match open {
        None if url.starts_with("https://") => Ok(()),
        Some(host) if is_loopback(&host) => Ok(()),
        Some(_) => Err(Diagnostic::error(
            "a secret url begins with http://: its key would travel unprotected",
        )
        .hint("write https://")),
        None => Err(
            Diagnostic::error("a secret url does not begin with https://")
                .hint("copy the whole address that the platform shows"),
        ),
    }
}

fn is_loopback(host: &str) -> bool {
    let ip = host.parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// The parts of an address that give it away: values of its query, and long parts of its path.
pub(super) fn keys(url: &str) -> Vec<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (_, path) = rest.split_once('/').unwrap_or_default();
    path.split(['/', '?', '&', '='])
        .filter(|part| part.len() >= 16)
        .collect()
}

/// A text as the value of a query.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
