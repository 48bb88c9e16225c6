//! A mail server: one connection, one message per recipient, each step under one timeout, so that the step that failed is known.

use super::Letter;
use super::outcome::{Failure, Outcome, Step, classify};
use crate::config::Secret;
use crate::config::meant::{Security, Smtp as Settings};
use chenbao_model::Diagnostic;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use std::fmt;
use std::time::Duration;

/// A server and, between messages, the connection to it.
pub(super) struct Smtp {
    host: String,
    port: u16,
    security: Security,
    tls: TlsParameters,
    login: Option<Credentials>,
    timeout: Duration,
    open: Option<AsyncSmtpConnection>,
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

    pub(super) async fn send(&mut self, letter: &Letter<'_>) -> (Outcome, String) {
        let mut step = Step::Connect;
        let within = self.timeout;
        match tokio::time::timeout(within, self.talk(letter, &mut step)).await {
            Ok(Ok((connection, said))) => {
                self.open = Some(connection);
                (Outcome::Sent, said)
            }
            Ok(Err((failure, why))) => (classify(step, failure), format!("{step}: {why}")),
            Err(_) => (
                classify(step, Failure::Lost),
                format!("{step}: no answer within {} s", within.as_secs_f32()),
            ),
        }
    }

    pub(super) async fn close(&mut self) {
        if let Some(mut connection) = self.open.take() {
            // A server that does not answer our goodbye is closed all the same.
            let goodbye = tokio::time::timeout(Duration::from_secs(2), connection.quit());
            drop(goodbye.await);
        }
    }

    /// The whole conversation; `step` always says how far it came, also when this future is dropped by the timeout.
    async fn talk(
        &mut self,
        letter: &Letter<'_>,
        step: &mut Step,
    ) -> Result<(AsyncSmtpConnection, String), (Failure, String)> {
        let address = |text: &str| {
            text.parse::<Address>().map_err(|why| {
                (
                    Failure::Permanent,
                    format!("`{text}` is not an address: {why}"),
                )
            })
        };
        *step = Step::Recipient;
        let to = address(letter.to)?;
        *step = Step::Sender;
        let from = address(letter.from)?;
        let mut connection = match self.kept().await {
            Some(connection) => connection,
            None => self.connect(step).await.map_err(|why| failed(&why))?,
        };
        *step = Step::Sender;
        connection
            .command(Mail::new(Some(from), vec![]))
            .await
            .map_err(|why| failed(&why))?;
        *step = Step::Recipient;
        connection
            .command(Rcpt::new(to, vec![]))
            .await
            .map_err(|why| failed(&why))?;
        *step = Step::Data;
        connection.command(Data).await.map_err(|why| failed(&why))?;
        *step = Step::Message;
        let said = connection
            .message(letter.bytes)
            .await
            .map_err(|why| failed(&why))?;
        let said = format!(
            "{} {}",
            said.code(),
            said.message().collect::<Vec<_>>().join(" ")
        );
        Ok((connection, said))
    }

    /// The connection of the message before, if the server still answers on it.
    async fn kept(&mut self) -> Option<AsyncSmtpConnection> {
        let mut connection = self.open.take()?;
        let answers = connection.test_connected().await;
        answers.then_some(connection)
    }

    async fn connect(&self, step: &mut Step) -> Result<AsyncSmtpConnection, Error> {
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
        Ok(connection)
    }
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
fn failed(why: &Error) -> (Failure, String) {
    let failure = if why.is_transient() {
        Failure::Transient
    } else if why.is_permanent() {
        Failure::Permanent
    } else if why.is_client() || why.is_tls() || is_certificate(why) {
        Failure::Ours
    } else {
        Failure::Lost
    };
    let mut said = why.to_string();
    let mut source = std::error::Error::source(why);
    while let Some(deeper) = source {
        let words = deeper.to_string();
        if !said.contains(&words) {
            said = format!("{said}: {words}");
        }
        source = deeper.source();
    }
    (failure, said)
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
