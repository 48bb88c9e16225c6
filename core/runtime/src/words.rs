//! The runtime's own sentences on pages: gaps and doubts of the data, in the language of the report.

use crate::config::Config;
use crate::config::attach::Attachment;
use crate::gate::{Doubt, Gap, Judgement};
use crate::storage::amount;
use chenbao_model::Period;
use chenbao_report::Pictures;
use jiff::civil::Date;

/// Whether a language tag is Chinese; everything else reads English.
fn chinese(lang: &str) -> bool {
    lang.starts_with("zh")
}

/// What is missing, one sentence per source.
#[must_use]
pub fn gaps(judgement: &Judgement, config: &Config, lang: &str) -> Vec<String> {
    judgement
        .missing
        .iter()
        .map(|gap| of_gap(gap, config, lang))
        .collect()
}

fn of_gap(gap: &Gap, config: &Config, lang: &str) -> String {
    let shop = config
        .sources
        .get(&gap.source)
        .and_then(|source| config.shops.get(&source.shop))
        .map_or("", |shop| shop.name.in_lang(lang));
    let days = days(&gap.days, lang);
    match (&gap.trouble, chinese(lang)) {
        (Some(why), true) => format!("{shop} 的数据源「{}」未能取数：{why}", gap.source),
        (Some(why), false) => format!(
            "source `{}` of {shop} could not be collected: {why}",
            gap.source
        ),
        (None, true) => format!("{shop} 的数据源「{}」缺 {days} 的数据", gap.source),
        (None, false) => format!("source `{}` of {shop} lacks {days}", gap.source),
    }
}

/// That the holidays of a year are not known, where a schedule asks for workdays.
#[must_use]
pub fn unknown_year(year: i16, lang: &str) -> String {
    match chinese(lang) {
        true => format!("{year} 年的法定节假日安排尚未收录，工作日按星期判断，调休可能有出入"),
        false => {
            format!("the public holidays of {year} are not known yet: workdays go by weekday alone")
        }
    }
}

/// What a mail does without because of its size.
#[derive(Debug, Clone, Copy)]
pub struct Lacks<'a> {
    /// Files that are not attached.
    pub files: &'a [Attachment],
    /// What became of its charts.
    pub pictures: Pictures,
    /// What it would have with everything.
    pub size: u64,
    /// What it may have.
    pub limit: u64,
}

/// That a mail does without something because of its size; where the whole is to be found, if that is known. Nothing, where nothing lacks.
#[must_use]
pub fn too_large(lacks: &Lacks<'_>, link: Option<&str>, lang: &str) -> Option<String> {
    let (size, limit) = (amount(lacks.size), amount(lacks.limit));
    let zh = chinese(lang);
    let name = |file: &Attachment| match (file, zh) {
        (Attachment::Pdf, _) => "PDF",
        (Attachment::Xlsx, _) => "XLSX",
    };
    let mut left: Vec<&str> = lacks.files.iter().map(name).collect();
    if lacks.pictures == Pictures::Without {
        left.push(if zh { "图表" } else { "its charts" });
    }
    let small = lacks.pictures == Pictures::Small;
    let what = match (left.as_slice(), small, zh) {
        ([], false, _) => return None,
        ([], true, true) => "图表以较低清晰度附上".to_owned(),
        ([], true, false) => "its charts are less sharp".to_owned(),
        (left, false, true) => format!("未附{}", left.join("、")),
        (left, false, false) => format!("it goes without {}", left.join(" and ")),
        (left, true, true) => format!("图表以较低清晰度附上，未附{}", left.join("、")),
        (left, true, false) => {
            format!(
                "its charts are less sharp and it goes without {}",
                left.join(" and ")
            )
        }
    };
    // Charts in the attached pages are as sharp as ever.
    let whole = match (link, zh) {
        _ if left.is_empty() => String::new(),
        (Some(link), true) => format!("；完整报告：{link}"),
        (None, true) => "；完整报告请向发件人索取".to_owned(),
        (Some(link), false) => format!("; the whole report: {link}"),
        (None, false) => "; ask the sender for the whole report".to_owned(),
    };
    Some(match zh {
        true => format!("邮件本应有 {size}，超过上限 {limit}，因此{what}{whole}"),
        false => format!(
            "with everything this mail would have {size}, more than the {limit} allowed, so {what}{whole}"
        ),
    })
}

/// That due times were left out by a misfire policy, for the owner.
#[must_use]
pub fn missed(due: &[String], policy: &str, lang: &str) -> String {
    let (first, last, count) = (
        due.first().map_or("", String::as_str),
        due.last().map_or("", String::as_str),
        due.len(),
    );
    match (chinese(lang), count) {
        (true, 1) => format!("{first} 到点时服务不在运行，按 misfire = \"{policy}\" 不补发"),
        (true, _) => format!(
            "{first} 至 {last} 共 {count} 次到点时服务不在运行，按 misfire = \"{policy}\" 不补发"
        ),
        (false, 1) => {
            format!("due {first}, while nobody looked; misfire = \"{policy}\" leaves it out")
        }
        (false, _) => format!(
            "{count} due times from {first} to {last}, while nobody looked; misfire = \"{policy}\" leaves them out"
        ),
    }
}

/// That an issue is not out at its time, for the owner: when it was made, and when it was due.
#[must_use]
pub fn made_late(due: &str, made: &str, lang: &str) -> String {
    match chinese(lang) {
        true => format!("应于 {due} 发出，{made} 才生成"),
        false => format!("it was due {due}, and was made at {made}"),
    }
}

/// That an issue will probably not be out at its time, for the owner: when it was due, and when it may be ready.
#[must_use]
pub fn will_be_late(due: &str, ready: &str, lang: &str) -> String {
    match chinese(lang) {
        true => format!("应于 {due} 发出；按以往用时，大约 {ready} 才能生成"),
        false => {
            format!("it is due {due}; by what runs usually take, it will be ready at about {ready}")
        }
    }
}

/// Doubts about row counts.
#[must_use]
pub fn doubts(doubts: &[Doubt], lang: &str) -> Vec<String> {
    let say = |doubt: &Doubt| match chinese(lang) {
        true => format!(
            "{} 的 {} 表有 {} 行，近几个同星期通常约 {} 行，请核对导出是否完整",
            day(doubt.day, lang),
            doubt.table,
            doubt.rows,
            doubt.usual
        ),
        false => format!(
            "table `{}` has {} rows on {}, usually about {}",
            doubt.table, doubt.rows, doubt.day, doubt.usual
        ),
    };
    doubts.iter().map(say).collect()
}

fn day(day: Date, lang: &str) -> String {
    match chinese(lang) {
        true => format!("{} 月 {} 日", day.month(), day.day()),
        false => day.to_string(),
    }
}

/// Days as people say them: runs are shortened.
fn days(all: &[Date], lang: &str) -> String {
    match all {
        [] => String::new(),
        [one] => day(*one, lang),
        [first, .., last] => {
            let whole = Period::span(*first, *last)
                .is_ok_and(|p| usize::try_from(p.days()).is_ok_and(|n| n == all.len()));
            let (first, last) = (day(*first, lang), day(*last, lang));
            match (whole, chinese(lang)) {
                (true, true) => format!("{first}至 {last}"),
                (true, false) => format!("{first} to {last}"),
                (false, true) => format!("{first}至 {last}之间 {} 天", all.len()),
                (false, false) => format!("{} days between {first} and {last}", all.len()),
            }
        }
    }
}

/// What stands on the link below a robot's message.
#[must_use]
pub fn open_report(lang: &str) -> &'static str {
    match chinese(lang) {
        true => "打开完整报告",
        false => "Open the report",
    }
}

/// The name of a platform as its users say it.
#[must_use]
pub fn platform(id: &str, lang: &str) -> String {
    let known = match (id, chinese(lang)) {
        ("douyin", true) => "抖音",
        ("douyin", false) => "Douyin",
        ("taobao", true) => "淘宝",
        ("taobao", false) => "Taobao",
        ("tmall", true) => "天猫",
        ("tmall", false) => "Tmall",
        ("jd", true) => "京东",
        ("jd", false) => "JD",
        ("pdd", true) => "拼多多",
        ("pdd", false) => "Pinduoduo",
        (other, _) => other,
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_says_what_became_of_its_size() {
        use Attachment::{Pdf, Xlsx};
        let said = |files: &[Attachment], pictures, link, lang| {
            let (size, limit) = (1_200_000, 1_000_000);
            let lacks = Lacks {
                files,
                pictures,
                size,
                limit,
            };
            too_large(&lacks, link, lang).unwrap_or_default()
        };
        let link = Some("https://r.example.com/daily");
        let zh = "邮件本应有 1.2 MB，超过上限 1.0 MB，因此";
        let en = "with everything this mail would have 1.2 MB, more than the 1.0 MB allowed, so ";
        for (files, pictures, in_chinese, in_english) in [
            (
                &[][..],
                Pictures::Small,
                "图表以较低清晰度附上",
                "its charts are less sharp",
            ),
            (
                &[Xlsx],
                Pictures::Small,
                "图表以较低清晰度附上，未附XLSX；完整报告：https://r.example.com/daily",
                "its charts are less sharp and it goes without XLSX; the whole report: https://r.example.com/daily",
            ),
            (
                &[Pdf, Xlsx],
                Pictures::Without,
                "未附PDF、XLSX、图表；完整报告：https://r.example.com/daily",
                "it goes without PDF and XLSX and its charts; the whole report: https://r.example.com/daily",
            ),
        ] {
            assert_eq!(
                said(files, pictures, link, "zh-CN"),
                format!("{zh}{in_chinese}")
            );
            assert_eq!(
                said(files, pictures, link, "en"),
                format!("{en}{in_english}")
            );
        }
        assert_eq!(said(&[], Pictures::Cid, link, "en"), "", "nothing lacks");
        let asked = said(&[Xlsx], Pictures::Cid, None, "zh-CN");
        assert_eq!(asked, format!("{zh}未附XLSX；完整报告请向发件人索取"));
    }
}
