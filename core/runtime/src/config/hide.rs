//! Hiding: every secret that this process has fetched is known here, so that no text from outside leaves with one in it.
//!
//! A mail server echoes a password, a plugin logs the address that it was given, a database names the URL that it could not open:
//! whoever takes in such text hides the secrets in it at once, and the log hides them once more.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{PoisonError, RwLock};

/// What stands in the place of a secret.
const HIDDEN: &str = "***";
/// A shorter text cannot be told from ordinary words and figures, so it is not looked for.
pub const SHORTEST: usize = 4;
/// Shorter parts of an address are names and options, not secrets.
const SHORTEST_PART: usize = 8;
/// Shorter segments of a web address are words, not tokens.
const SHORTEST_SEGMENT: usize = 16;
/// Names of the values in an address that are secrets.
const TELLING: &[&str] = &["token", "key", "secret", "sign", "pass", "auth", "code"];

/// Everything that is looked for, the longest first.
static KNOWN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// The text with every known secret in it hidden, in clear, escaped, URL-encoded, base64 and hex alike.
#[must_use]
pub fn hide(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let mut hidden = Cow::Borrowed(text);
    for form in known.iter() {
        if hidden.contains(form.as_str()) {
            hidden = Cow::Owned(hidden.replace(form.as_str(), HIDDEN));
        }
    }
    // What servers and plugins say goes into a ledger, and PostgreSQL takes no NUL.
    if hidden.contains('\0') {
        hidden = Cow::Owned(hidden.replace('\0', "\u{fffd}"));
    }
    hidden
}

/// Hides this secret from now on.
pub(super) fn remember(secret: &str) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let new = forms(secret)
        .into_iter()
        .filter(|form| !known.contains(form));
    let new: Vec<String> = new.collect();
    if !new.is_empty() {
        known.extend(new);
        known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    }
}

/// A secret, the secrets inside it, and how each looks in other clothes.
fn forms(secret: &str) -> BTreeSet<String> {
    let mut plain: BTreeSet<String> = BTreeSet::from([secret.to_owned()]);
    plain.extend(parts_of_url(secret));
    if secret.contains('\n') {
        let lines = secret.lines().map(str::trim);
        plain.extend(
            lines
                .filter(|line| line.len() >= SHORTEST_PART)
                .map(str::to_owned),
        );
    }
    let mut forms = BTreeSet::new();
    for one in plain.into_iter().filter(|one| one.len() >= SHORTEST) {
        forms.extend(encoded(&one));
        forms.insert(one);
    }
    forms
}

/// The password of an address, the telling values of its query, and the long segments of a web address: robots and pings
/// carry their token there.
fn parts_of_url(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = before.split_once('/').unwrap_or((before, ""));
    if let Some((user, _)) = authority.rsplit_once('@')
        && let Some((_, password)) = user.split_once(':')
    {
        parts.push(password.to_owned());
    }
    let query = query.split('#').next().unwrap_or_default();
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let name = name.to_ascii_lowercase();
        let telling = TELLING.iter().any(|word| name.contains(word));
        if telling && value.len() >= SHORTEST_PART || name.contains("pass") {
            parts.push(value.to_owned());
        }
    }
    if scheme.starts_with("http") {
        let long = path
            .split('/')
            .filter(|segment| segment.len() >= SHORTEST_SEGMENT);
        parts.extend(long.map(str::to_owned));
    }
    let clear: Vec<String> = parts.iter().filter_map(|part| decoded(part)).collect();
    parts.extend(clear);
    parts
}

/// A percent-encoded text in clear, if it says something else.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok().filter(|clear| clear != text)
}

/// What a secret looks like after the usual encodings.
fn encoded(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap_or_default();
    let escaped = json.trim_start_matches('"').trim_end_matches('"');
    let debug: String = secret.escape_debug().collect();
    let mut hex = String::new();
    for byte in secret.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    let mut all = vec![escaped.to_owned(), debug, hex.to_uppercase(), hex.clone()];
    let pairs = hex.as_bytes().chunks(2).map(String::from_utf8_lossy);
    let every_byte: String = pairs.map(|pair| format!("%{pair}")).collect();
    all.push(every_byte.to_uppercase());
    all.push(every_byte);
    for spared in ["-_.~", "-_.!~*'()"] {
        let percent = percent(secret, spared);
        all.push(percent.replace("%20", "+"));
        all.push(lower_hex(&percent));
        all.push(percent);
    }
    for shift in 0..3 {
        all.extend(base64_at(secret, shift));
    }
    all.retain(|form| form.len() >= SHORTEST);
    all
}

fn percent(text: &str, spared: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || spared.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// `%2F` as `%2f`.
fn lower_hex(percent: &str) -> String {
    let mut parts = percent.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        out.push('%');
        out.push_str(&hex.to_ascii_lowercase());
        out.push_str(rest);
    }
    out
}

/// The secret inside a longer text in base64, so many bytes after a multiple of three: the characters that are its own.
fn base64_at(secret: &str, shift: usize) -> Vec<String> {
    let mut bytes = vec![0_u8; shift];
    bytes.extend_from_slice(secret.as_bytes());
    let first = if shift == 0 { 0 } else { shift + 1 };
    let own = |text: String| -> Option<String> {
        // The last character may hold bits of what follows.
        let end = if bytes.len().is_multiple_of(3) {
            text.len()
        } else {
            text.len() - 1
        };
        let inner = text.get(first..end)?;
        (inner.len() >= 6).then(|| inner.to_owned())
    };
    [
        STANDARD_NO_PAD.encode(&bytes),
        URL_SAFE_NO_PAD.encode(&bytes),
    ]
    .into_iter()
    .filter_map(own)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_dress() {
        let secret = "Ge/heim +\"密码\"?";
        remember(secret);
        let login = STANDARD_NO_PAD.encode(format!("\0chenbao\0{secret}"));
        let said = [
            format!("535 {secret} is wrong"),
            format!("AUTH PLAIN {login}"),
            format!("LOGIN {}", STANDARD_NO_PAD.encode(secret)),
            format!("url={}", percent(secret, "-_.~")),
            format!("url={}", percent(secret, "")),
            format!(
                "url={}",
                secret
                    .bytes()
                    .map(|b| format!("%{b:02X}"))
                    .collect::<String>()
            ),
            format!("url={}", lower_hex(&percent(secret, "-_.~"))),
            format!("{secret:?}"),
            serde_json::json!({ "password": secret }).to_string(),
        ];
        for text in said {
            let hidden = hide(&text);
            assert!(hidden.contains(HIDDEN), "{text}");
            for clear in ["heim", "密码", "aGVpbS", "%E5%AF%86", "%e5%af%86"] {
                assert!(!hidden.contains(clear), "{hidden}");
            }
        }
    }

    #[test]
    fn an_address_hides_what_is_secret_in_it_and_shows_the_rest() {
        remember("postgres://chenbao:p%40ss-wort@db.example.com/reports?sslmode=require");
        assert_eq!(
            hide("cannot log in to db.example.com/reports with p@ss-wort or p%40ss-wort"),
            "cannot log in to db.example.com/reports with *** or ***"
        );
        remember("https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdef");
        assert_eq!(
            hide("POST /robot/send?access_token=0123456789abcdef: refused"),
            "POST /robot/send?access_token=***: refused"
        );
        remember("https://ping.example.com/7c1c41f8-5f5d-4a0e-9d4f-000000000001/start");
        assert_eq!(
            hide("7c1c41f8-5f5d-4a0e-9d4f-000000000001 is unknown at ping.example.com"),
            "*** is unknown at ping.example.com"
        );
    }

    #[test]
    fn a_text_without_secrets_is_left_alone() {
        remember("abc");
        assert_eq!(hide("abc of the alphabet"), "abc of the alphabet");
        assert_eq!(hide("no such\0user"), "no such\u{fffd}user");
    }

    #[test]
    fn every_line_of_a_key_is_hidden() {
        remember("-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----");
        assert_eq!(hide("it reads MIIEvQIBADANBg"), "it reads ***");
    }
}
