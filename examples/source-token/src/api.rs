//! The API: pages of changes, a bearer token that runs out, a refresh token that works once, and 429.

use crate::Options;
use chenbao_plugin::{Error, ErrorCode, Level, Result, Secret, SourceCx, bad_data, io};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

/// The secret: both tokens as JSON. It stands in a file, because it changes.
const TOKEN: &str = "token";
/// State: a digest of the refresh token that was used last.
const SPENT: &str = "spent";
/// No call takes longer.
const CALL: Duration = Duration::from_secs(30);
/// How often a wait looks whether it should stop.
const SLICE: Duration = Duration::from_millis(50);

/// One order line as the API tells it.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) line_id: String,
    pub(crate) ordered_at: String,
    #[serde(default)]
    pub(crate) paid_at: Option<String>,
    pub(crate) pay_amount: String,
    pub(crate) qty: String,
    pub(crate) status: String,
}

/// One page of changes.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) orders: Vec<Order>,
    /// Where the next page begins.
    pub(crate) cursor: String,
    pub(crate) more: bool,
    /// The API's own clock, RFC 3339.
    pub(crate) as_of: String,
    /// The last day whose orders are all there.
    #[serde(default)]
    pub(crate) complete_until: Option<String>,
}

/// What the secret holds; `access` is empty until the first refresh.
#[derive(Debug, Serialize, Deserialize)]
struct Tokens {
    refresh: String,
    #[serde(default)]
    access: String,
}

/// A client for the time of one call.
pub(crate) struct Api<'a> {
    options: &'a Options,
    cx: &'a SourceCx,
    agent: Agent,
}

impl<'a> Api<'a> {
    pub(crate) fn new(options: &'a Options, cx: &'a SourceCx) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(CALL))
            .build();
        Self {
            options,
            cx,
            agent: config.into(),
        }
    }

    /// The page after a cursor. A bearer token that has run out is replaced, once.
    pub(crate) fn page(&mut self, cursor: Option<&str>, size: u32) -> Result<Page> {
        let (secret, tokens) = self.tokens()?;
        let mut access = tokens.access.clone();
        if access.is_empty() {
            access = self.refresh(&secret, &tokens)?;
        }
        let mut answer = self.get(cursor, size, &access)?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            let (secret, tokens) = self.tokens()?;
            access = self.refresh(&secret, &tokens)?;
            answer = self.get(cursor, size, &access)?;
        }
        if answer.status() != StatusCode::OK {
            return Err(refused("orders", &answer));
        }
        read(&mut answer)
    }

    fn tokens(&self) -> Result<(Secret, Tokens)> {
        let secret = self.cx.secret(TOKEN)?;
        let tokens = serde_json::from_str(secret.expose()).map_err(|_| {
            Error::new(
                ErrorCode::Auth,
                "the secret `token` is not {\"refresh\": \"...\"}; put the refresh token there as JSON",
            )
        })?;
        Ok((secret, tokens))
    }

    fn get(&self, cursor: Option<&str>, size: u32, access: &str) -> Result<Response<Body>> {
        let url = format!("{}/orders", self.options.url);
        self.patiently(|| {
            let request = self
                .agent
                .get(&url)
                .query("after", cursor.unwrap_or_default())
                .query("limit", size.to_string())
                .header("authorization", format!("Bearer {access}"));
            request.call()
        })
    }

    /// Uses the refresh token, which works once, and keeps what it brings before anything else happens.
    fn refresh(&self, secret: &Secret, tokens: &Tokens) -> Result<String> {
        let digest = Sha256::digest(tokens.refresh.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let before = self.cx.state(SPENT)?;
        if before.as_ref() == Some(&digest) {
            return Err(Error::new(
                ErrorCode::Auth,
                "the refresh token was used, and its successor did not arrive; it is not tried again: \
                 authorise Chenbao anew and put the new token into the secret `token`",
            ));
        }
        self.cx.swap_state(SPENT, before.as_deref(), &digest)?;
        let url = format!("{}/token", self.options.url);
        let body = serde_json::json!({ "refresh_token": tokens.refresh }).to_string();
        // No second try here: an answer that is lost may have been a yes.
        let mut answer = self
            .agent
            .post(&url)
            .content_type("application/json")
            .send(&body)
            .map_err(|why| io(format!("the token could not be refreshed: {why}")))?;
        match answer.status() {
            StatusCode::OK => {}
            // The API says that it did nothing.
            StatusCode::TOO_MANY_REQUESTS => {
                let unused = before.unwrap_or_else(|| "none".to_owned());
                self.cx.swap_state(SPENT, Some(&digest), &unused)?;
                return Err(refused("token", &answer));
            }
            _ => return Err(refused("token", &answer)),
        }
        let new: NewTokens = read(&mut answer)?;
        let kept = Tokens {
            refresh: new.refresh_token,
            access: new.access_token.clone(),
        };
        let kept = serde_json::to_string(&kept).map_err(|why| bad_data(why.to_string()))?;
        self.cx.replace_secret(TOKEN, secret, &kept)?;
        Ok(new.access_token)
    }

    /// Asks again after 429 as the API advises, if that is soon enough; otherwise the scheduler hears the advice.
    fn patiently(
        &self,
        call: impl Fn() -> std::result::Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>> {
        let mut left = Duration::from_secs(self.options.wait_seconds);
        loop {
            let answer = call().map_err(|why| io(format!("the API does not answer: {why}")))?;
            if answer.status() != StatusCode::TOO_MANY_REQUESTS {
                return Ok(answer);
            }
            let advised = advice(&answer);
            let Some(rest) = left.checked_sub(advised.max(SLICE)) else {
                return Err(refused("orders", &answer));
            };
            left = rest;
            let told = format!("429: asked again in {} s", advised.as_secs());
            self.cx.log(Level::Info, &told);
            self.wait(advised)?;
        }
    }

    fn wait(&self, time: Duration) -> Result<()> {
        let mut left = time;
        while !left.is_zero() {
            self.cx.checkpoint()?;
            std::thread::sleep(left.min(SLICE));
            left = left.saturating_sub(SLICE);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct NewTokens {
    access_token: String,
    refresh_token: String,
}

fn read<T: serde::de::DeserializeOwned>(answer: &mut Response<Body>) -> Result<T> {
    let text = answer
        .body_mut()
        .read_to_string()
        .map_err(|why| io(format!("the answer broke off: {why}")))?;
    serde_json::from_str(&text)
        .map_err(|why| bad_data(format!("the answer is not as promised: {why}")))
}

/// Seconds of `Retry-After`; one where there is none.
fn advice(answer: &Response<Body>) -> Duration {
    let header = answer.headers().get("retry-after");
    let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(1))
}

/// An answer that is no yes, with what the scheduler needs to know.
fn refused(what: &str, answer: &Response<Body>) -> Error {
    let status = answer.status();
    let told = format!("/{what} answered {status}");
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            let wait = i64::try_from(advice(answer).as_millis()).unwrap_or(i64::MAX);
            Error::new(ErrorCode::RateLimited, told).retry_after(wait)
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
            Error::new(ErrorCode::Auth, told)
        }
        status if status.is_server_error() => io(told),
        _ => bad_data(told),
    }
}
