//! Signatures against values computed elsewhere, sizes with the longest texts, and every answer's meaning.

use super::{Card, Outcome, Robot, answer, http, payload};
use crate::config::meant::Platform;
use crate::config::{Secret, SecretRef};
use jiff::Timestamp;
use serde_json::Value;

const ALL: [Platform; 3] = [Platform::Feishu, Platform::Dingtalk, Platform::Wecom];

fn secret(text: &str) -> Secret {
    SecretRef::Env("X".into())
        .fetch_with(|_| Some(text.to_owned()), |_| Ok(String::new()))
        .unwrap_or_else(|problem| panic!("{problem}"))
}

fn robot(platform: Platform) -> Robot {
    let url = secret("https://robot.example/send?access_token=0123456789abcdef0123");
    Robot::new(platform, url, Some(secret("SECtest"))).unwrap()
}

fn noon() -> Timestamp {
    Timestamp::from_second(1_795_276_800).unwrap()
}

fn card(lines: Vec<String>, link: bool) -> Card {
    Card {
        title: "[晨报] 经营日报".into(),
        lines,
        link: link.then(|| "https://reports.example.com/daily/2026-11-21/boss".into()),
        open: "打开报告".into(),
    }
}

/// Both values were computed with Python's hmac from the platforms' rules.
#[test]
fn each_platform_signs_in_its_own_place() {
    let stored = payload(Platform::Feishu, &card(vec!["一".into()], true));
    let (url, body) = robot(Platform::Feishu).signed(&stored, noon()).unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert!(!url.contains("sign="));
    assert_eq!(body["timestamp"], "1795276800");
    assert_eq!(body["sign"], "zlrzmPmW3Xu5K7DkcGQtaE4lJ3CY/XTMfl6CpajKI94=");

    let (url, body) = robot(Platform::Dingtalk).signed("{}", noon()).unwrap();
    assert_eq!(body, "{}");
    let end = "&timestamp=1795276800000&sign=Z93Is%2BxzRAYaOaJfYJpR%2BNB8fav0KKM4Q16hmj6LnGI%3D";
    assert!(url.ends_with(end), "{url}");

    let (url, body) = robot(Platform::Wecom).signed("{}", noon()).unwrap();
    assert!(url.ends_with("0123") && body == "{}");
}

#[test]
fn a_message_fits_whatever_is_in_it() {
    let texts = [
        vec!["汉".repeat(30_000)],
        vec!["\"\\\u{7}".repeat(9_000)],
        (0..4_000).map(|n| format!("第 {n} 行")).collect(),
        (0..9_000).map(|_| "a".to_owned()).collect(),
    ];
    for platform in ALL {
        for lines in &texts {
            for link in [true, false] {
                let written = payload(platform, &card(lines.clone(), link));
                let value: Value = serde_json::from_str(&written).unwrap();
                let (size, most) = match platform {
                    Platform::Feishu | Platform::Dingtalk => (written.len(), 20_000),
                    Platform::Wecom => {
                        (value["markdown"]["content"].as_str().unwrap().len(), 4_096)
                    }
                };
                assert!(size <= most, "{platform:?}: {size}");
                assert!(size > 1_000, "{platform:?}: cut more than needed: {size}");
                assert!(written.contains("经营日报"));
            }
        }
        let short = payload(platform, &card(vec!["用户支付金额 ¥128.4 万".into()], true));
        assert!(short.contains("用户支付金额 ¥128.4 万"), "{short}");
        assert!(short.contains("reports.example.com"), "{short}");
        assert!(!short.contains('…'), "{short}");
    }
}

#[test]
fn a_title_of_a_product_is_no_markup() {
    let bad = "<@all> @所有人 [点我](http://evil.example) **x** <at id=all></at>".to_owned();
    for platform in [Platform::Dingtalk, Platform::Wecom] {
        let written = payload(platform, &card(vec![bad.clone()], true));
        for markup in ["<@", "@所有人", "[点我]", "**x**", "<at"] {
            assert!(
                !written.contains(markup),
                "{platform:?} {markup}: {written}"
            );
        }
    }
    let written = payload(Platform::Feishu, &card(vec![bad], true));
    let value: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(value["card"]["elements"][0]["text"]["tag"], "plain_text");
}

/// Platform, answer, what it means, and a word of the sentence.
const ANSWERS: [(Platform, &str, Outcome, &str); 17] = [
    (
        Platform::Feishu,
        r#"{"code":0,"msg":"success"}"#,
        Outcome::Sent,
        "ok",
    ),
    (
        Platform::Feishu,
        r#"{"StatusCode":0,"StatusMessage":"success"}"#,
        Outcome::Sent,
        "ok",
    ),
    (
        Platform::Feishu,
        r#"{"code":11232,"msg":"frequency limited"}"#,
        Outcome::Deferred,
        "too many",
    ),
    (
        Platform::Feishu,
        r#"{"code":9499,"msg":"too many request"}"#,
        Outcome::Deferred,
        "too many",
    ),
    (
        Platform::Feishu,
        r#"{"code":19021,"msg":"sign match fail"}"#,
        Outcome::Refused,
        "signature",
    ),
    (
        Platform::Feishu,
        r#"{"code":19024,"msg":"Key Words Not Found"}"#,
        Outcome::Refused,
        "keyword",
    ),
    (
        Platform::Feishu,
        r#"{"code":19036,"msg":"parse card json err"}"#,
        Outcome::Bounced,
        "19036",
    ),
    (
        Platform::Dingtalk,
        r#"{"errcode":0,"errmsg":"ok"}"#,
        Outcome::Sent,
        "ok",
    ),
    (
        Platform::Dingtalk,
        r#"{"errcode":130101,"errmsg":"send too fast"}"#,
        Outcome::Deferred,
        "too many",
    ),
    (
        Platform::Dingtalk,
        r#"{"errcode":310000,"errmsg":"sign not match"}"#,
        Outcome::Refused,
        "signature",
    ),
    (
        Platform::Dingtalk,
        r#"{"errcode":310000,"errmsg":"keywords not in content"}"#,
        Outcome::Refused,
        "keyword",
    ),
    (
        Platform::Dingtalk,
        r#"{"errcode":310000,"errmsg":"ip X not in whitelist"}"#,
        Outcome::Refused,
        "list",
    ),
    (
        Platform::Dingtalk,
        r#"{"errcode":300005,"errmsg":"token is not exist"}"#,
        Outcome::Refused,
        "no such robot",
    ),
    (
        Platform::Wecom,
        r#"{"errcode":0,"errmsg":"ok"}"#,
        Outcome::Sent,
        "ok",
    ),
    (
        Platform::Wecom,
        r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#,
        Outcome::Deferred,
        "too many",
    ),
    (
        Platform::Wecom,
        r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#,
        Outcome::Refused,
        "no such robot",
    ),
    (
        Platform::Wecom,
        r#"{"errcode":40058,"errmsg":"markdown.content exceed max length"}"#,
        Outcome::Bounced,
        "40058",
    ),
];

#[test]
fn a_code_in_a_200_is_a_failure_of_its_own_kind() {
    for (platform, text, outcome, words) in ANSWERS {
        let (is, note) = answer::judge(platform, 200, text);
        assert_eq!(is, outcome, "{platform:?} {text}");
        assert!(note.contains(words), "{note}");
    }
    let judge = |status, text| answer::judge(Platform::Feishu, status, text).0;
    assert_eq!(judge(429, ""), Outcome::Deferred);
    assert_eq!(judge(400, r#"{"code":11232}"#), Outcome::Deferred);
    assert_eq!(judge(404, "<html>"), Outcome::Refused);
    assert_eq!(judge(502, "<html>"), Outcome::Unknown);
    assert_eq!(judge(200, "hello"), Outcome::Unknown);
}

#[test]
fn an_address_is_protected_and_never_repeated() {
    assert!(http::protected("https://open.feishu.cn/x").is_ok());
    assert!(http::protected("http://127.0.0.1:8080/x").is_ok());
    assert!(http::protected("http://[::1]:8080/x").is_ok());
    for open in [
        "http://open.feishu.cn/x",
        "http://127.0.0.1@evil.example/x",
        "ftp://x",
    ] {
        let problem = http::protected(open).unwrap_err().to_string();
        assert!(!problem.contains("/x"), "{problem}");
    }
    let said = "no token 0123456789abcdef0123 at https://robot.example/send?access_token=0123456789abcdef0123, SECtest";
    let note = robot(Platform::Wecom).without_secrets(said);
    assert_eq!(note, "no token *** at ***, ***");
}

#[tokio::test]
async fn nobody_there_is_tried_again_later() {
    // The port was free a moment ago, and nobody listens on it.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    let url = secret(&format!("http://127.0.0.1:{port}/hook"));
    let robot = Robot::new(Platform::Wecom, url, None).unwrap();
    let (outcome, note) = robot.send("{}", noon()).await;
    assert_eq!(
        (outcome, note.as_str()),
        (Outcome::Deferred, "the connection was refused")
    );
}
