//! What a robot's answer means: a 200 with a code in it is a failure, and each platform has codes of its own.

use super::http::Lost;
use crate::config::meant::Platform;
use serde_json::Value;

/// What became of a message to a robot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The platform took it.
    Sent,
    /// Not now: too often, or not reached.
    Deferred,
    /// The platform refuses us: signature, key, keyword, address. Trying again helps once the settings are right.
    Refused,
    /// This message is refused for good.
    Bounced,
    /// The connection was lost after the message began to leave: it may have arrived.
    Unknown,
}

/// A call without an answer.
pub(super) fn lost(lost: &Lost) -> (Outcome, String) {
    let (outcome, why) = match lost {
        Lost::Before(why) => (Outcome::Deferred, why),
        Lost::After(why) => (Outcome::Unknown, why),
        Lost::Ours(why) => (Outcome::Refused, why),
    };
    (outcome, (*why).to_owned())
}

/// An answer.
pub(super) fn judge(platform: Platform, status: u16, text: &str) -> (Outcome, String) {
    let answer: Option<Value> = serde_json::from_str(text).ok();
    let code = answer.as_ref().and_then(|answer| code(platform, answer));
    match (status, code) {
        (429 | 503, _) => (
            Outcome::Deferred,
            format!("HTTP {status}: too many calls, or closed for the moment"),
        ),
        (_, Some(0)) if status < 300 => (Outcome::Sent, "ok".to_owned()),
        (_, Some(code)) => {
            let said = answer.as_ref().map(said).unwrap_or_default();
            let (outcome, why) = of_code(platform, code, &said);
            (outcome, format!("{code} {said}: {why}"))
        }
        (300..=499, None) => (
            Outcome::Refused,
            format!("HTTP {status}: the url is not that of a robot"),
        ),
        _ => (
            Outcome::Unknown,
            format!("HTTP {status} without a code: it may have arrived"),
        ),
    }
}

/// The code of an answer; 飞书 says it under two names.
fn code(platform: Platform, answer: &Value) -> Option<i64> {
    let names: &[&str] = match platform {
        Platform::Feishu => &["code", "StatusCode"],
        Platform::Dingtalk | Platform::Wecom => &["errcode"],
    };
    names.iter().find_map(|name| answer.get(name)?.as_i64())
}

/// What it says beside the code, cut: an error page is not for a ledger.
fn said(answer: &Value) -> String {
    let texts = ["msg", "StatusMessage", "errmsg"];
    let said = texts.iter().find_map(|name| answer.get(name)?.as_str());
    said.unwrap_or_default().chars().take(200).collect()
}

const OFTEN: &str = "too many messages, tried again later";
const SIGNATURE: &str =
    "the signature is not accepted: check `secret`, and that this machine's clock is right";
const KEYWORD: &str = "the robot wants a keyword that the message does not have: choose signature (加签) as its security, or the keyword 晨报";
const ADDRESS: &str = "this machine's address is not on the robot's list";
const KEY: &str = "there is no such robot any more: check `url`";
const MESSAGE: &str = "the platform does not take this message";

fn of_code(platform: Platform, code: i64, said: &str) -> (Outcome, &'static str) {
    match (platform, code) {
        (Platform::Feishu, 11232 | 9499)
        | (Platform::Dingtalk, 130_101 | 410_100 | 90030)
        | (Platform::Wecom, 45009 | 45033) => (Outcome::Deferred, OFTEN),
        (Platform::Wecom | Platform::Dingtalk, -1) => (Outcome::Deferred, "the platform is busy"),
        (Platform::Feishu, 19021) => (Outcome::Refused, SIGNATURE),
        (Platform::Feishu, 19022) => (Outcome::Refused, ADDRESS),
        (Platform::Feishu, 19024) => (Outcome::Refused, KEYWORD),
        (Platform::Feishu, 19001) | (Platform::Dingtalk, 300_001 | 300_005 | 40035 | 400_013) => {
            (Outcome::Refused, KEY)
        }
        // One code for three reasons; the text tells them apart.
        (Platform::Dingtalk, 310_000) if said.contains("sign") || said.contains("timestamp") => {
            (Outcome::Refused, SIGNATURE)
        }
        (Platform::Dingtalk, 310_000) if said.contains("whitelist") => (Outcome::Refused, ADDRESS),
        (Platform::Dingtalk, 310_000) => (Outcome::Refused, KEYWORD),
        (Platform::Wecom, 93000 | 93004 | 93008) => (Outcome::Refused, KEY),
        _ => (Outcome::Bounced, MESSAGE),
    }
}
