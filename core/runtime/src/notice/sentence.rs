//! Sentences about the machinery itself, in the project's language.

fn chinese(lang: &str) -> bool {
    lang.starts_with("zh")
}

/// Nobody has begun what was due.
#[must_use]
pub fn not_begun(due: &str, lang: &str) -> String {
    match chinese(lang) {
        true => format!("应于 {due} 送出，至今没有任何进程开始做"),
        false => format!("it was due at {due}, and no process has begun it"),
    }
}

/// Somebody has begun it and has not finished.
#[must_use]
pub fn not_made(due: &str, lang: &str) -> String {
    match chinese(lang) {
        true => format!("应于 {due} 送出，已经开始但还没有做完"),
        false => format!("it was due at {due}; it has begun and is not finished"),
    }
}

/// It could not be made.
#[must_use]
pub fn could_not(due: &str, why: &str, lang: &str) -> String {
    match chinese(lang) {
        true => format!("应于 {due} 送出，没有做成：{why}"),
        false => format!("it was due at {due} and could not be made: {why}"),
    }
}

/// It is made, and so many of all its messages have not left.
#[must_use]
pub fn waiting(due: &str, (waiting, all): (u32, u32), lang: &str) -> String {
    match chinese(lang) {
        true => format!("应于 {due} 送出，{all} 封中还有 {waiting} 封没有发出"),
        false => format!("it was due at {due}; {waiting} of its {all} messages have not left"),
    }
}

/// It is made, and not one of its messages reached anybody: refused, given up, or kept back.
#[must_use]
pub fn nobody_got_it(due: &str, all: u32, lang: &str) -> String {
    match chinese(lang) {
        true => format!("应于 {due} 送出，{all} 封全部被退回或被拦下，没有一个人收到"),
        false => {
            format!(
                "it was due at {due}; all {all} messages were refused or kept back, nobody has it"
            )
        }
    }
}

/// No `serve` has been seen since then.
#[must_use]
pub fn nobody_serves(since: &str, node: Option<&str>, lang: &str) -> String {
    match (node, chinese(lang)) {
        (Some(node), true) => format!("{since} 之后没有见到任何 chenbao serve；最后一个是 {node}"),
        (Some(node), false) => {
            format!("no chenbao serve has been seen since {since}; the last one was {node}")
        }
        (None, true) => format!("自 {since} 起一直没有 chenbao serve 在运行"),
        (None, false) => format!("no chenbao serve has run since {since}"),
    }
}

/// The ledger did not answer between these two moments.
#[must_use]
pub fn ledger_was_away((since, until): (&str, &str), why: &str, lang: &str) -> String {
    match chinese(lang) {
        true => {
            format!("{since} 到 {until} 之间台账没有回应，其间没有生成也没有发出任何东西：{why}")
        }
        false => format!(
            "the ledger did not answer from {since} to {until}; nothing was made or sent meanwhile: {why}"
        ),
    }
}
