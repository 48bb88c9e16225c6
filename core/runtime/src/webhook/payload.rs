//! The stored message of a robot: a title, a few lines and a link, in the platform's own form and within its size.
//!
//! Nothing of a report's words is markup: a product's title must neither call everybody (`@所有人`) nor make a link.

use crate::config::meant::Platform;
use serde_json::{Value, json};

/// What a robot says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Title: report and day.
    pub title: String,
    /// Lines below it.
    pub lines: Vec<String>,
    /// Where the whole report is.
    pub link: Option<String>,
    /// What stands on the link.
    pub open: String,
}

/// Bytes of a whole request for 飞书 (20 KB) and 钉钉 (20,000), with room for a signature; of the content for 企业微信 (4,096).
fn limit(platform: Platform) -> usize {
    match platform {
        Platform::Feishu | Platform::Dingtalk => 19_500,
        Platform::Wecom => 4_096,
    }
}

/// The message as it is stored and sent, cut to what the platform takes.
#[must_use]
pub fn payload(platform: Platform, card: &Card) -> String {
    let mut card = card.clone();
    loop {
        let (written, size) = write(platform, &card);
        if size <= limit(platform) {
            return written;
        }
        shorten(&mut card, size - limit(platform));
    }
}

/// A title of more bytes is cut before a line is.
const TITLE: usize = 300;

/// Takes about so many bytes away, so that every pass makes it shorter: an endless title first, then the longest line, then the last
/// lines, then an address that fills a message alone. What remains of the title stays.
fn shorten(card: &mut Card, by: usize) {
    if card.title.len() > TITLE {
        cut(&mut card.title, TITLE);
        return;
    }
    let longest = card.lines.iter_mut().max_by_key(|line| line.len());
    if let Some(line) = longest.filter(|line| line.len() > 8) {
        let keep = line.len().saturating_sub(by + 4).max(line.len() / 2);
        cut(line, keep);
        return;
    }
    let mut gone = 0;
    while gone < by
        && let Some(line) = card.lines.pop()
    {
        // As much as it may be once written, so that too little goes rather than too much.
        gone += line.len() * 6 + 4;
    }
    if gone == 0 {
        card.link = None;
    }
}

/// Keeps at most so many bytes, at a character's end.
fn cut(text: &mut String, keep: usize) {
    let whole = |(at, c): &(usize, char)| at + c.len_utf8() <= keep;
    let kept = text.char_indices().take_while(whole).map(|(_, c)| c);
    let mut kept: String = kept.collect();
    kept.push('…');
    *text = kept;
}

/// The body, and the bytes that the platform counts.
fn write(platform: Platform, card: &Card) -> (String, usize) {
    let (body, counted) = match platform {
        Platform::Feishu => (feishu(card), None),
        Platform::Dingtalk => (dingtalk(card), None),
        Platform::Wecom => {
            let content = markdown(card, Platform::Wecom);
            let size = content.len();
            let body = json!({"msgtype": "markdown", "markdown": {"content": content}});
            (body, Some(size))
        }
    };
    let written = body.to_string();
    let size = counted.unwrap_or(written.len());
    (written, size)
}

fn feishu(card: &Card) -> Value {
    let mut elements = vec![json!({
        "tag": "div", "text": {"tag": "plain_text", "content": card.lines.join("\n")},
    })];
    if let Some(link) = &card.link {
        elements.push(json!({"tag": "action", "actions": [{
            "tag": "button", "type": "primary", "url": link, "text": {"tag": "plain_text", "content": card.open},
        }]}));
    }
    json!({"msg_type": "interactive", "card": {
        "config": {"wide_screen_mode": true},
        "header": {"template": "blue", "title": {"tag": "plain_text", "content": card.title}},
        "elements": elements,
    }})
}

fn dingtalk(card: &Card) -> Value {
    match &card.link {
        Some(link) => json!({"msgtype": "actionCard", "actionCard": {
            "title": card.title, "text": markdown(card, Platform::Dingtalk), "singleTitle": card.open, "singleURL": link,
        }}),
        None => json!({"msgtype": "text", "at": {"isAtAll": false}, "text": {
            "content": format!("{}\n{}", card.title, card.lines.join("\n")),
        }}),
    }
}

/// Title and lines; 企业微信 has the link among them, 钉钉 beside them.
fn markdown(card: &Card, platform: Platform) -> String {
    let mut text = format!("**{}**", plain(&card.title));
    for line in &card.lines {
        text.push_str("\n\n");
        text.push_str(&plain(line));
    }
    if let (Platform::Wecom, Some(link)) = (platform, &card.link) {
        text.push_str(&format!("\n\n[{}]({link})", plain(&card.open)));
    }
    text
}

/// Words that no Markdown reads anything into: its signs become their full-width twins, which look the same to a reader.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '*' => '＊',
            '_' => '＿',
            '`' => '｀',
            '[' => '［',
            ']' => '］',
            '<' => '＜',
            '>' => '＞',
            '#' => '＃',
            '@' => '＠',
            other => other,
        })
        .collect()
}
