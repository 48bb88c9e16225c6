//! A mail server: one connection, one message per recipient, each step under one timeout, so that the step that failed is known.

use super::Letter;
use super::outcome::{Answer, Failure, Step, classify};
use crate::config::Secret;
use crate::config::meant::{Security, Smtp as Settings};
use chenbao_model::Diagnostic;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailParameter, RcptParameter};
use lettre::transport::smtp::response::Response;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A message is written in pieces of this size, so that it is known whether all of it has left.
const PIECE: usize = 16 * 1024;

/// A server and, between messages, the connection to it.
pub(super) struct Smtp {
    host: String,
    port: u16,
    security: Security,
    tls: TlsParameters,
    login: Option<Credentials>,
    timeout: Duration,
    open: Option<Open>,
}

/// A connection, and what the server offers on it.
struct Open {
    connection: AsyncSmtpConnection,
    /// Reports on deliveries (RFC 3461).
    dsn: bool,
    /// Largest message that it takes; zero: no limit that it tells (RFC 1870).
    size: Option<usize>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Smtp({}:{})", self.host, self.port)
    }
}

impl Smtp {
    pub(super) fn new(settings: &Settings, password: Option<&Secret>) -> Result<Self, Diagnostic> {
        let login = settings.login.as_ref().zip(password);
        Ok(Self {
            host: settings.host.clone(),
            port: settings.port,
            security: settings.security,
            tls: tls(settings)?,
            login: login.map(|((user, _), password)| {
                Credentials::new(user.clone(), password.expose().to_owned())
            }),
            timeout: settings.timeout,
            open: None,
        })
    }

    pub(super) async fn send(&mut self, letter: &Letter<'_>) -> Answer {
        let mut step = Step::Connect;
        let whole = AtomicBool::new(false);
        let within = self.timeout;
        let talk = self.talk(letter, &mut step, &whole);
        let failure = match tokio::time::timeout(within, talk).await {
            Ok(Ok(said)) => return Answer::sent(said),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Silent(within),
        };
        if step == Step::Body && whole.load(Ordering::Relaxed) {
            step = Step::End;
        }
        let answer = classify(step, &failure);
        match failure {
            // The connection is fine: the next message may go on with it.
            Failure::Said { code, .. } if code != 421 && step >= Step::Sender => self.reset().await,
            _ => self.open = None,
        }
        answer
    }

    /// Connects and signs in as for a message, and says goodbye.
    pub(super) async fn probe(&mut self) -> Answer {
        let mut step = Step::Connect;
        let connected = tokio::time::timeout(self.timeout, self.connect(&mut step)).await;
        let failure = match connected {
            Ok(Ok(open)) => {
                self.open = Some(open);
                self.close().await;
                return Answer::sent("the server answers".to_owned());
            }
            Ok(Err(why)) => failed(&why),
            Err(_) => Failure::Silent(self.timeout),
        };
        classify(step, &failure)
    }

    pub(super) async fn close(&mut self) {
        if let Some(mut open) = self.open.take() {
            // A server that does not answer our goodbye is closed all the same.
            let goodbye = tokio::time::timeout(Duration::from_secs(2), open.connection.quit());
            drop(goodbye.await);
        }
    }

    /// The whole conversation; `step` always says how far it came, also when this future is dropped by the timeout, and
    /// `whole` that the message has left to its last byte.
    async fn talk(
        &mut self,
        letter: &Letter<'_>,
        step: &mut Step,
        whole: &AtomicBool,
    ) -> Result<String, Failure> {
        let address = |text: &str| {
            let read = text.parse::<Address>();
            read.map_err(|why| Failure::Ours(format!("`{text}` is not an address: {why}")))
        };
        *step = Step::Recipient;
        let to = address(letter.to)?;
        *step = Step::Sender;
        let from = address(letter.from)?;
        let open = self.begin(&from, letter, step).await?;
        *step = Step::Recipient;
        let report = letter.envid.filter(|_| open.dsn);
        let notify = report.map(|_| RcptParameter::Other {
            keyword: "NOTIFY".to_owned(),
            value: Some("SUCCESS,FAILURE,DELAY".to_owned()),
        });
        let rcpt = Rcpt::new(to, notify.into_iter().collect());
        said(open.connection.command(rcpt).await)?;
        *step = Step::Data;
        said(open.connection.command(Data).await)?;
        *step = Step::Body;
        let mut pieces = letter.bytes.chunks(PIECE);
        // The piece after the last is asked for when the last has been written.
        let pieces = std::iter::from_fn(|| {
            let piece = pieces.next();
            whole.store(piece.is_none(), Ordering::Relaxed);
            piece
        });
        let answer = said(open.connection.message_iter(pieces).await)?;
        Ok(format!(
            "{} {}",
            answer.code(),
            answer.message().collect::<Vec<_>>().join(" ")
        ))
    }

    /// Names the sender, on the connection of the message before if it still lives, else on a new one.
    async fn begin(
        &mut self,
        from: &Address,
        letter: &Letter<'_>,
        step: &mut Step,
    ) -> Result<&mut Open, Failure> {
        if let Some(mut open) = self.open.take() {
            match open.mail_from(from, letter).await {
                // The server has closed what lay idle.
                Err(Failure::Lost(_) | Failure::Said { code: 421, .. }) => {}
                begun => {
                    let open = self.open.insert(open);
                    return begun.map(|()| open);
                }
            }
        }
        let open = self.connect(step).await.map_err(|why| failed(&why))?;
        let open = self.open.insert(open);
        *step = Step::Sender;
        open.mail_from(from, letter).await?;
        Ok(open)
    }

    async fn connect(&self, step: &mut Step) -> Result<Open, Error> {
        *step = Step::Connect;
        let name = ClientId::default();
        let first = (self.security == Security::Tls).then(|| self.tls.clone());
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &name, first, None)
                .await?;
        if self.security == Security::Starttls {
            *step = Step::Starttls;
            connection.starttls(self.tls.clone(), &name).await?;
        }
        if let Some(login) = &self.login {
            *step = Step::Login;
            connection
                .auth(&[Mechanism::Plain, Mechanism::Login], login)
                .await?;
        }
        *step = Step::Sender;
        // The library keeps only what it uses of the first answer to EHLO, so it is asked for once more.
        let offered = connection.command(Ehlo::new(name)).await?;
        Ok(Open::new(connection, &offered))
    }

    /// Takes back what was said of a message that was refused; a connection that cannot is closed.
    async fn reset(&mut self) {
        let Some(open) = &mut self.open else { return };
        let reset = tokio::time::timeout(self.timeout, open.connection.command("RSET\r\n"));
        if !matches!(reset.await, Ok(Ok(_))) {
            self.open = None;
        }
    }
}

impl Open {
    fn new(connection: AsyncSmtpConnection, offered: &Response) -> Self {
        let offer = |keyword: &str| {
            let mut lines = offered.message().map(str::split_whitespace);
            lines.find_map(|mut words| {
                let is = words
                    .next()
                    .is_some_and(|word| word.eq_ignore_ascii_case(keyword));
                is.then(|| words.next().unwrap_or_default().to_owned())
            })
        };
        Self {
            dsn: offer("DSN").is_some(),
            size: offer("SIZE").map(|limit| limit.parse().unwrap_or(0)),
            connection,
        }
    }

    async fn mail_from(&mut self, from: &Address, letter: &Letter<'_>) -> Result<(), Failure> {
        let size = letter.bytes.len();
        if let Some(limit) = self.size.filter(|limit| (1..size).contains(limit)) {
            return Err(Failure::Said {
                code: 552,
                text: format!("5.3.4 it has {size} bytes, the server takes {limit} (SIZE)"),
            });
        }
        let mut parameters: Vec<MailParameter> = self
            .size
            .iter()
            .map(|_| MailParameter::Size(size))
            .collect();
        if let Some(envid) = letter.envid.filter(|_| self.dsn) {
            let words = [("RET", "HDRS"), ("ENVID", envid)];
            parameters.extend(words.map(|(keyword, value)| MailParameter::Other {
                keyword: keyword.to_owned(),
                value: Some(value.to_owned()),
            }));
        }
        let mail = Mail::new(Some(from.clone()), parameters);
        said(self.connection.command(mail).await).map(|_| ())
    }
}

fn said(answer: Result<Response, Error>) -> Result<Response, Failure> {
    answer.map_err(|why| failed(&why))
}

fn tls(settings: &Settings) -> Result<TlsParameters, Diagnostic> {
    let problem =
        |what: String| Diagnostic::error(what).hint("check mail.ca and the system's certificates");
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca {
        let shown = path.display();
        let pem = std::fs::read(path)
            .map_err(|why| problem(format!("the certificate {shown} cannot be read: {why}")))?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|why| problem(format!("{shown} is not a PEM certificate: {why}")))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder
        .build_rustls()
        .map_err(|why| problem(format!("TLS cannot be set up: {why}")))
}

/// Why a command failed, and what was said.
fn failed(why: &Error) -> Failure {
    let mut words = Vec::new();
    let mut source = std::error::Error::source(why);
    while let Some(deeper) = source {
        let text = deeper.to_string();
        if !words.iter().any(|said: &String| said.contains(&text)) {
            words.push(text);
        }
        source = deeper.source();
    }
    let text = words.join(": ");
    // What the libraries say of a connection that is simply gone.
    let closed = ["incomplete response", "close_notify"];
    if closed.iter().any(|known| text.contains(known)) {
        return Failure::Lost("the connection was closed".to_owned());
    }
    if let Some(code) = why.status() {
        return Failure::Said {
            code: code.into(),
            text,
        };
    }
    let text = if text.is_empty() {
        why.to_string()
    } else {
        text
    };
    match why.is_client() || why.is_tls() || is_certificate(why) {
        true => Failure::Ours(text),
        false => Failure::Lost(text),
    }
}

/// Whether a broken connection was in truth a certificate that we do not trust: rustls reports it as an I/O error.
fn is_certificate(why: &Error) -> bool {
    let mut source = std::error::Error::source(why);
    while let Some(deeper) = source {
        let invalid = deeper
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::InvalidData);
        if invalid {
            return true;
        }
        source = deeper.source();
    }
    false
}
