//! Robots of 飞书, 钉钉 and 企业微信: one HTTP call per message, signed as the platform wants it. The only user of ureq.
//!
//! [`payload()`] makes the stored message, cut to the platform's size; [`Robot::send`] adds the signature, which holds an hour, and says
//! what became of it. The URL holds the key, so it never reaches a note, a log or an error.

mod answer;
mod http;
mod payload;
#[cfg(test)]
mod tests;

pub use answer::Outcome;
pub use payload::{Card, payload};

use crate::config::Secret;
use crate::config::meant::Platform;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chenbao_model::Diagnostic;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use std::fmt;
use std::time::Duration;

/// A call that takes longer is given up: three lines of text do not.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How many messages a platform takes from one robot within a minute.
#[must_use]
pub fn per_minute(platform: Platform) -> u32 {
    match platform {
        Platform::Feishu => 100,
        Platform::Dingtalk | Platform::Wecom => 20,
    }
}

/// A robot in a group, ready to speak.
pub struct Robot {
    platform: Platform,
    url: Secret,
    secret: Option<Secret>,
}

impl fmt::Debug for Robot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Robot({:?})", self.platform)
    }
}

impl Robot {
    /// A robot by its fetched secrets. Nothing is called yet.
    ///
    /// # Errors
    /// The URL would carry its key over an open line.
    pub fn new(
        platform: Platform,
        url: Secret,
        secret: Option<Secret>,
    ) -> Result<Self, Diagnostic> {
        http::protected(url.expose())?;
        Ok(Self {
            platform,
            url,
            secret,
        })
    }

    /// Sends a stored message and says what became of it, and what the platform said.
    pub async fn send(&self, stored: &str, now: Timestamp) -> (Outcome, String) {
        let (url, body) = match self.signed(stored, now) {
            Ok(signed) => signed,
            Err(why) => return (Outcome::Bounced, why),
        };
        let platform = self.platform;
        let call = tokio::task::spawn_blocking(move || http::post(&url, &body, TIMEOUT));
        let (outcome, note) = match call.await {
            Ok(Ok((status, text))) => answer::judge(platform, status, &text),
            Ok(Err(lost)) => answer::lost(&lost),
            Err(_) => (
                Outcome::Unknown,
                "the call ended without an answer".to_owned(),
            ),
        };
        (outcome, self.without_secrets(&note))
    }

    /// Where the message goes and how it is written there: 飞书 signs in the body, 钉钉 in the address, 企业微信 not at all.
    fn signed(&self, stored: &str, now: Timestamp) -> Result<(String, String), String> {
        let url = self.url.expose();
        let Some(secret) = &self.secret else {
            return Ok((url.to_owned(), stored.to_owned()));
        };
        let secret = secret.expose();
        match self.platform {
            Platform::Feishu => {
                let mut body: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(stored)
                        .map_err(|_| "the stored message is not what was written".to_owned())?;
                let seconds = now.as_second().to_string();
                let sign = sign(format!("{seconds}\n{secret}").as_bytes(), b"");
                body.insert("timestamp".to_owned(), seconds.into());
                body.insert("sign".to_owned(), sign.into());
                Ok((url.to_owned(), serde_json::Value::Object(body).to_string()))
            }
            Platform::Dingtalk => {
                let ms = now.as_millisecond().to_string();
                let sign = sign(secret.as_bytes(), format!("{ms}\n{secret}").as_bytes());
                let mark = if url.contains('?') { '&' } else { '?' };
                let url = format!("{url}{mark}timestamp={ms}&sign={}", http::escaped(&sign));
                Ok((url, stored.to_owned()))
            }
            Platform::Wecom => Ok((url.to_owned(), stored.to_owned())),
        }
    }

    /// What a platform or a library says may repeat the address.
    fn without_secrets(&self, note: &str) -> String {
        let mut note = note.replace(self.url.expose(), "***");
        for part in http::keys(self.url.expose()) {
            note = note.replace(part, "***");
        }
        match &self.secret {
            Some(secret) => note.replace(secret.expose(), "***"),
            None => note,
        }
    }
}

fn sign(key: &[u8], message: &[u8]) -> String {
    // HMAC takes a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
    mac.update(message);
    BASE64.encode(mac.finalize().into_bytes())
}

/// Calls a dead-man's address (`healthchecks`-style): the address itself says that all is well, with `/fail` behind it that it is not.
///
/// # Errors
/// It was not reached, or did not take the call; the message does not hold the address.
pub async fn ping(url: Secret, well: bool, text: String) -> Result<(), String> {
    http::protected(url.expose()).map_err(|problem| problem.to_string())?;
    let address = match well {
        true => url.expose().to_owned(),
        false => format!("{}/fail", url.expose().trim_end_matches('/')),
    };
    let call = tokio::task::spawn_blocking(move || http::post(&address, &text, TIMEOUT));
    match call.await {
        Ok(Ok((status, _))) if status < 300 => Ok(()),
        Ok(Ok((status, _))) => Err(format!("the dead-man's address answers {status}")),
        Ok(Err(lost)) => Err(answer::lost(&lost).1),
        Err(_) => Err("the call ended without an answer".to_owned()),
    }
}
