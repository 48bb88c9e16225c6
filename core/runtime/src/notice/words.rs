//! The words of notices: what each kind is called, what the owner can do, and one message made of many, in the project's language.

use super::{About, Notice};
use crate::config::meant::Project;
use crate::ledger;
use crate::webhook::Card;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// So many notices of one kind are told in full; of more, the names are listed.
const FULL: usize = 5;
/// So many names are listed; of more, the number is told.
const NAMED: usize = 20;
/// So many sentences of one notice are told.
const LINES: usize = 12;

/// What kind of trouble a notice tells. The order is the order in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A delivery time passed and the report is not out.
    Overdue,
    /// No process serves.
    Silent,
    /// An issue could not be made.
    Failed,
    /// The delivery time cannot be met in full.
    Late,
    /// An issue goes out with something missing.
    Partial,
    /// It is not known whether a message arrived.
    Unknown,
    /// The mail server refuses us, not a recipient.
    MailBroken,
    /// A robot refuses us.
    RobotBroken,
    /// A folder that people share cannot be written.
    FolderBroken,
    /// The serving process could not do something, and no message, server or disk is to blame.
    Stuck,
    /// A disk is full or cannot be written.
    Disk,
    /// The ledger did not answer.
    Ledger,
    /// A file of the lake or the archive is not what was written.
    Damaged,
    /// A plugin crashed so often in a row that it is left alone.
    PluginHeld,
    /// A configuration or template broke; the last that worked is in use.
    Fallback,
    /// Due times that the misfire policy left out.
    Missed,
    /// A message to a recipient was refused for good.
    Bounced,
    /// A recipient gets nothing any more, after repeated refusals.
    Quarantined,
    /// A recipient asked to get nothing any more.
    Unsubscribed,
    /// The mailbox of bounces cannot be read.
    Deaf,
    /// Policy removed something.
    Retention,
}

impl Kind {
    /// All kinds, in the order of a message.
    pub const ALL: [Self; 21] = [
        Self::Overdue,
        Self::Silent,
        Self::Failed,
        Self::Late,
        Self::Partial,
        Self::Unknown,
        Self::MailBroken,
        Self::RobotBroken,
        Self::FolderBroken,
        Self::Stuck,
        Self::Disk,
        Self::Ledger,
        Self::Damaged,
        Self::PluginHeld,
        Self::Fallback,
        Self::Missed,
        Self::Bounced,
        Self::Quarantined,
        Self::Unsubscribed,
        Self::Deaf,
        Self::Retention,
    ];

    /// The word in the ledger, and the title in Chinese and English.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Overdue => ("overdue", "到点未送达", "overdue"),
            Self::Silent => ("silent", "服务没有运行", "nobody serves"),
            Self::Failed => ("failed", "未生成", "not made"),
            Self::Late => ("late", "将无法按时送全", "will not be whole in time"),
            Self::Partial => ("partial", "部分", "incomplete"),
            Self::Unknown => ("unknown", "是否送达未知", "delivery unknown"),
            Self::MailBroken => ("mail-broken", "邮件发不出去", "mail cannot be sent"),
            Self::RobotBroken => ("robot-broken", "群机器人不可用", "robot refuses"),
            Self::FolderBroken => (
                "folder-broken",
                "文件夹写不进去",
                "folder cannot be written",
            ),
            Self::Stuck => ("stuck", "程序出错", "chenbao met a mistake"),
            Self::Disk => ("disk", "磁盘有问题", "disk trouble"),
            Self::Ledger => ("ledger", "台账曾不可用", "ledger was away"),
            Self::Damaged => ("damaged", "文件损坏", "damaged file"),
            Self::PluginHeld => ("plugin-held", "插件已停用", "plugin left alone"),
            Self::Fallback => (
                "fallback",
                "配置或模板有误，沿用上一版",
                "fell back to the last that worked",
            ),
            Self::Missed => ("missed", "漏发", "missed"),
            Self::Bounced => ("bounced", "退信", "bounced"),
            Self::Quarantined => ("quarantined", "暂停投递", "quarantined"),
            Self::Unsubscribed => ("unsubscribed", "已退订", "unsubscribed"),
            Self::Deaf => ("deaf", "退信读不到", "bounces cannot be read"),
            Self::Retention => ("retention", "按策略清理", "removed by policy"),
        }
    }

    /// The word in the ledger.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.words().0
    }

    /// What people call it.
    #[must_use]
    pub fn title(self, lang: &str) -> &'static str {
        let (_, zh, en) = self.words();
        if chinese(lang) { zh } else { en }
    }

    /// Whether the owner hears it at once, and through the second channel too.
    #[must_use]
    pub fn urgent(self) -> bool {
        self <= Self::Fallback
    }

    /// The kind with this word in the ledger.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Whether a language tag is Chinese; everything else reads English.
fn chinese(lang: &str) -> bool {
    lang.starts_with("zh")
}

/// What the owner can do, with the command where there is one.
pub(super) fn todo(notice: &Notice, lang: &str) -> String {
    let (zh, en) = advice(notice);
    if chinese(lang) { zh } else { en }
}

fn advice(notice: &Notice) -> (String, String) {
    let (report, again) = match &notice.about {
        About::Issue(issue) => {
            let campaign = issue.subject.iter().map(|id| format!(" --campaign {id}"));
            let campaign: String = campaign.collect();
            let again = format!("{} --period {}{campaign}", issue.report, issue.period);
            (issue.report.to_string(), again)
        }
        About::Report(report) => (report.to_string(), report.to_string()),
        About::Thing(_) => ("REPORT".to_owned(), "REPORT".to_owned()),
    };
    match notice.kind {
        Kind::Failed => (
            format!("先 chenbao check；修好后 chenbao run {again} --deliver"),
            format!("chenbao check; once it is mended: chenbao run {again} --deliver"),
        ),
        Kind::Partial => (
            format!("数据补齐后 chenbao rerun {again}；详情 chenbao history --report {report}"),
            format!(
                "once the data is there: chenbao rerun {again}; more: chenbao history --report {report}"
            ),
        ),
        Kind::Missed => (
            format!("chenbao plan 列出全部；要补发：chenbao run {again} --deliver"),
            format!("chenbao plan lists all; to make one up: chenbao run {again} --deliver"),
        ),
        Kind::PluginHeld => (
            "换上修好的插件即自动恢复；确认没有问题也可 chenbao plugin release 插件".to_owned(),
            "a mended library takes its place by itself; if nothing is wrong with this one: chenbao plugin release ID".to_owned(),
        ),
        other => {
            let (zh, en) = standing_advice(other);
            (zh.to_owned(), en.to_owned())
        }
    }
}

/// Advice that is the same whatever the notice is about.
fn standing_advice(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Overdue | Kind::Silent => (
            "确认 chenbao serve 在运行（systemctl status chenbao），再看 chenbao plan 和 chenbao history",
            "see that chenbao serve runs (systemctl status chenbao), then chenbao plan and chenbao history",
        ),
        Kind::Late => (
            "请催数据或检查数据源；截止时间一到，报告按已有数据以「部分」发出",
            "look after the sources; at the data deadline the report goes as incomplete with what is there",
        ),
        Kind::Unknown => (
            "先问收件人收到没有；没收到再 chenbao resend --unknown",
            "ask the recipient first; if nothing came: chenbao resend --unknown",
        ),
        Kind::MailBroken => (
            "检查 [mail] 的服务器、登录和证书（chenbao check --mail 可以试）；邮件都在队列里，修好后自动发出",
            "check server, login and certificate in [mail] (chenbao check --mail tries them); mail waits in the queue and goes out by itself",
        ),
        Kind::RobotBroken => (
            "检查 [channel] 的网址、密钥和群机器人的安全设置",
            "check url and secret in [channel], and the robot's security settings",
        ),
        Kind::FolderBroken | Kind::Disk => (
            "腾出空间或改正权限（共享文件夹还要看网络盘是否在线）；之后自动继续，什么都没有丢",
            "make room or mend the permissions (is a shared folder online?); work goes on by itself, and nothing is lost",
        ),
        Kind::Ledger => (
            "检查数据库；恢复后自动继续",
            "check the database; work goes on by itself once it answers",
        ),
        Kind::Damaged => (
            "检查磁盘；chenbao collect 重新取数，或从备份恢复",
            "check the disk; chenbao collect fetches the data again, or restore from a backup",
        ),
        Kind::Fallback | Kind::Stuck => (
            "chenbao check 指出错在哪里，日志里有全部",
            "chenbao check says what is wrong, the log has all of it",
        ),
        Kind::Bounced => (
            "核对地址，更正配置里的收件人",
            "correct the recipient in the configuration",
        ),
        Kind::Quarantined => (
            "核对地址；地址没错就 chenbao recipients release 地址",
            "correct the recipient; if the address is right: chenbao recipients release ADDRESS",
        ),
        Kind::Unsubscribed => (
            "从配置的收件人里删去，或用 chenbao recipients subscribe 恢复",
            "take the address out of the configuration, or take it back with chenbao recipients subscribe",
        ),
        Kind::Deaf => (
            "检查 [mail.bounces] 的路径和权限（chenbao check）",
            "check path and permissions of [mail.bounces] (chenbao check)",
        ),
        Kind::Failed | Kind::Partial | Kind::Missed | Kind::PluginHeld | Kind::Retention => {
            ("无需处理", "nothing to do")
        }
    }
}

/// A message to the owner.
#[derive(Debug, Clone)]
pub struct Said {
    /// Subject of a mail, title of a card.
    pub subject: String,
    /// Everything, with the subject as its first line.
    pub text: String,
}

impl Said {
    /// The message as a robot says it.
    #[must_use]
    pub fn card(&self) -> Card {
        let lines = self.text.lines().skip(1).map(str::to_owned);
        Card {
            title: self.subject.clone(),
            lines: lines.filter(|line| !line.is_empty()).collect(),
            link: None,
            open: String::new(),
        }
    }
}

/// One message of many notices: by kind, the most urgent first; a few of each in full.
pub(super) fn message(notices: &[ledger::Notice], project: &Project) -> Said {
    let lang = project.lang.as_str();
    let mut kinds: BTreeMap<(usize, &str), Vec<&ledger::Notice>> = BTreeMap::new();
    for notice in notices {
        let word = notice.said.kind.as_str();
        let place = Kind::ALL.iter().position(|kind| kind.word() == word);
        let place = place.unwrap_or(Kind::ALL.len());
        kinds.entry((place, word)).or_default().push(notice);
    }
    let title = |word: &str| Kind::of(word).map_or(word.to_owned(), |k| k.title(lang).to_owned());
    let first = kinds.iter().next();
    let head = first.map_or_else(String::new, |((_, word), group)| {
        let about = group.first().map_or("", |one| one.said.about.as_str());
        format!("{about} {}", title(word))
    });
    let subject = match (notices.len(), chinese(lang)) {
        (1, _) => format!("[晨报] {head}"),
        (n, true) => format!("[晨报] {head}等 {n} 条通知"),
        (n, false) => format!("[晨报] {head} and {} more", n - 1),
    };
    let mut text = format!("{subject}\n{}\n", project.name);
    for ((_, word), group) in &kinds {
        let _ = write!(text, "\n■ {}", title(word));
        if group.len() > 1 {
            let _ = write!(text, " × {}", group.len());
        }
        text.push('\n');
        for notice in group.iter().take(FULL) {
            in_full(notice, project, &mut text);
        }
        in_short(group.get(FULL..).unwrap_or_default(), lang, &mut text);
        if let Some(one) = group.first().filter(|one| !one.said.todo.is_empty()) {
            let todo = if chinese(lang) {
                "怎么办"
            } else {
                "what to do"
            };
            let _ = writeln!(text, "  → {todo}：{}", one.said.todo);
        }
    }
    Said { subject, text }
}

fn in_full(notice: &ledger::Notice, project: &Project, text: &mut String) {
    let said = &notice.said;
    let (lang, zone) = (project.lang.as_str(), &project.zone);
    let since = local(notice.first, zone);
    let _ = match (notice.times, chinese(lang)) {
        (1, _) => writeln!(text, "  {}（{since}）", said.about),
        (n, true) => writeln!(text, "  {}（{since} 起，共 {n} 次）", said.about),
        (n, false) => writeln!(text, "  {} (since {since}, {n} times)", said.about),
    };
    for line in said.lines.iter().take(LINES) {
        let _ = writeln!(text, "  · {}", line.trim_end().replace('\n', "\n    "));
    }
    if said.lines.len() > LINES {
        let _ = writeln!(text, "  · … +{}", said.lines.len() - LINES);
    }
    if !said.run.is_empty() {
        let _ = writeln!(text, "  · chenbao show {}", said.run);
    }
}

fn in_short(rest: &[&ledger::Notice], lang: &str, text: &mut String) {
    if rest.is_empty() {
        return;
    }
    let named: Vec<&str> = rest
        .iter()
        .take(NAMED)
        .map(|one| one.said.about.as_str())
        .collect();
    let _ = match (rest.len() > NAMED, chinese(lang)) {
        (false, true) => writeln!(text, "  另有：{}", named.join("、")),
        (false, false) => writeln!(text, "  and: {}", named.join(", ")),
        (true, true) => writeln!(
            text,
            "  另有：{} 等 {} 条，chenbao notices 列出全部",
            named.join("、"),
            rest.len()
        ),
        (true, false) => writeln!(
            text,
            "  and: {}, {} in all; chenbao notices lists them",
            named.join(", "),
            rest.len()
        ),
    };
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%m-%d %H:%M")
        .to_string()
}

/// Text as HTML shows it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::meant::Mailbox;
    use crate::ledger::NewNotice;

    fn project(lang: &str) -> Project {
        Project {
            name: "小店".into(),
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
            currency: "CNY".into(),
            lang: lang.into(),
            owner: Mailbox {
                name: None,
                address: "o@example.com".into(),
            },
        }
    }

    fn raised(kind: Kind, about: &str, times: u32) -> ledger::Notice {
        let notice = Notice::new(kind, About::Thing(about.into()), vec!["a sentence".into()]);
        ledger::Notice {
            said: NewNotice {
                id: about.into(),
                kind: kind.word().into(),
                about: about.into(),
                todo: todo(&notice, "zh-CN"),
                lines: notice.lines,
                run: String::new(),
                urgent: kind.urgent(),
                by: None,
            },
            times,
            first: "2026-11-22T00:00:00Z".parse().unwrap(),
            last: "2026-11-22T00:00:00Z".parse().unwrap(),
            told: None,
            message: String::new(),
        }
    }

    #[test]
    fn every_kind_has_words_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in Kind::ALL {
            assert!(seen.insert(kind.word()), "{kind:?}");
            assert_eq!(Kind::of(kind.word()), Some(kind));
            assert!(!kind.title("zh-CN").is_ascii() && kind.title("en").is_ascii());
        }
        assert!(Kind::Partial.urgent() && !Kind::Bounced.urgent());
        assert!(Kind::ALL.is_sorted());
    }

    #[test]
    fn a_storm_is_one_message_with_counts() {
        let mut storm: Vec<_> = (0..4312)
            .map(|n| raised(Kind::Bounced, &format!("a{n}@example.com"), 1))
            .collect();
        storm.push(raised(Kind::Disk, "lake", 7));
        let said = message(&storm, &project("zh-CN"));
        assert_eq!(said.subject, "[晨报] lake 磁盘有问题等 4313 条通知");
        assert!(
            said.text.contains("lake（11-22 08:00 起，共 7 次）"),
            "{}",
            said.text
        );
        assert!(said.text.contains("■ 退信 × 4312"), "{}", said.text);
        assert!(said.text.contains("等 4307 条"), "{}", said.text);
        assert!(said.text.len() < 3000, "{}", said.text.len());
        let order = said.text.find("磁盘").unwrap() < said.text.find("退信").unwrap();
        assert!(order, "the urgent ones come first");
    }

    #[test]
    fn one_notice_says_what_why_since_when_and_what_to_do() {
        let said = message(
            &[raised(Kind::Unknown, "daily 2026-11-21", 1)],
            &project("en"),
        );
        assert_eq!(said.subject, "[晨报] daily 2026-11-21 delivery unknown");
        for words in [
            "a sentence",
            "11-22 08:00",
            "what to do",
            "chenbao resend --unknown",
        ] {
            assert!(said.text.contains(words), "{words}\n{}", said.text);
        }
    }
}
