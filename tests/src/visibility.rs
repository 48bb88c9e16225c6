//! Who sees what, as a property: no artifact of an audience holds a value that only other shops or hidden sensitivities hold.

use crate::orders::{Line, export, line};
use crate::project::Project;
use crate::robots::Robots;
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const ROUNDS: u64 = 3;
const DAY: &str = "reports/daily/2026-11-21";

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![trial_with(
        "visibility::no_artifact_holds_what_its_audience_may_not_see",
        &["python3", "pdftotext"],
        never_seen,
    )]
}

/// Numbers that look random and are the same every time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    /// A word that nothing else holds.
    fn word(&mut self) -> String {
        (0..9)
            .filter_map(|_| char::from_digit(u32::try_from(self.below(26)).ok()? + 10, 36))
            .collect()
    }
}

/// What a shop sold: lines, and what betrays them.
struct Shop {
    lines: Vec<Line>,
    fen: Vec<u64>,
}

impl Shop {
    /// Lines of the day and of the comparable day, with titles, ids and amounts of their own.
    fn invent(dice: &mut Dice, first_order: u64) -> Self {
        let mut shop = Self {
            lines: Vec::new(),
            fen: Vec::new(),
        };
        for order in first_order..first_order + 4 + dice.below(9) {
            let day = if order % 3 == 0 {
                "2026-11-14"
            } else {
                "2026-11-21"
            };
            let fen = 10_000_000 + dice.below(80_000_000);
            let at = format!("{day} {:02}:00:00", 8 + dice.below(12));
            shop.lines
                .push(line(order, &at, &money(fen)).title(&format!("款{}", dice.word())));
            shop.fen.push(fen);
        }
        shop
    }

    fn paid_on(&self, day: &str) -> u64 {
        self.lines
            .iter()
            .zip(&self.fen)
            .filter(|(line, _)| line.at.starts_with(day))
            .map(|(_, fen)| fen)
            .sum()
    }

    /// Texts that only this shop's rows hold.
    fn words(&self) -> BTreeSet<String> {
        self.lines
            .iter()
            .flat_map(|line| {
                [
                    line.title.clone(),
                    line.order.clone(),
                    line.order.chars().rev().take(9).collect(),
                ]
            })
            .collect()
    }

    /// Figures that only this shop's rows hold: its amounts and its totals.
    fn figures(&self) -> BTreeSet<String> {
        let totals = ["2026-11-21", "2026-11-14"].map(|day| self.paid_on(day));
        self.fen
            .iter()
            .copied()
            .chain(totals)
            .flat_map(printed)
            .collect()
    }

    /// What the metric with a secret makes of its rows: three times the amount and seven fen.
    fn secrets(&self) -> BTreeSet<String> {
        let secret = |fen: u64| printed(fen * 3 + 7);
        let lines = self
            .lines
            .iter()
            .zip(&self.fen)
            .filter(|(line, _)| line.at.starts_with("2026-11-21"))
            .map(|(_, fen)| *fen);
        lines
            .flat_map(secret)
            .chain(secret(self.paid_on("2026-11-21")))
            .collect()
    }
}

fn money(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// Ways in which a page may print an amount, separators left out.
fn printed(fen: u64) -> [String; 2] {
    [money(fen), ((fen + 50) / 100).to_string()]
}

/// The numbers of a text, separators left out, so that a needle is not found inside a longer number.
fn numbers(text: &str) -> BTreeSet<String> {
    let plain: String = text.chars().filter(|c| *c != ',').collect();
    plain
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .map(|number| number.trim_matches('.').to_owned())
        .filter(|number| number.len() >= 6)
        .collect()
}

/// Two shops, each with its reader; one who sees costs, one who sees both shops.
fn project(main: &Shop, other: &Shop, robots: &Robots) -> Project {
    let project = Project::from_case("one-shop")
        .env("CHENBAO_NOW", "2026-11-22T08:00:00+08:00")
        .env("ROBOT_URL", &robots.url("wecom"));
    let audience = |id: &str, role: &str, shops: &str| {
        format!(
            "[report.daily.audience.{id}]\nrole = \"{role}\"\nshops = [{shops}]\nto = [\"{id}@example.com\"]\n\
             robots = [\"{id}-group\"]\n[channel.{id}-group]\nkind = \"wecom\"\nurl = \"env:ROBOT_URL\"\n"
        )
    };
    let text = project.read("chenbao.toml").replace(
        "metrics = [\"sales\"]",
        "metrics = [\"sales\", \"margins\"]",
    );
    let (kept, _) = text.split_once("[report.daily.audience.boss]").unwrap();
    let more = [
        "[role.staff]\nname = \"运营\"\nshows = []\n[role.buyer]\nname = \"采购\"\nshows = [\"cost\"]\n[metric.margins]\nplugin = \"margins\"\n".to_owned(),
        audience("main-staff", "staff", "\"main\""),
        audience("other-staff", "staff", "\"other\""),
        audience("main-buyer", "buyer", "\"main\""),
        audience("both-staff", "staff", "\"main\", \"other\""),
        "[deliver]\nlink = \"https://reports.example.com/{audience}\"\n".to_owned(),
    ];
    project.write("chenbao.toml", format!("{kept}{}", more.concat()));
    for (name, text) in MARGINS {
        project.write(&format!("plugins/margins/{name}"), text);
    }
    project.write(
        "exports/orders/1795276800_订单导出.csv",
        export(&main.lines),
    );
    project.write(
        "exports/other/1795276800_订单导出.csv",
        export(&other.lines),
    );
    project
}

/// A metric without code whose figures are costs.
const MARGINS: [(&str, &str); 5] = [
    (
        "metric.toml",
        r#"id = "margins"
kind = "metric"
version = "0.1.0"
title = "Margins"
summary = "What goods cost; a secret of the test."
[inputs.total]
description = "One row."
tables = ["orders"]
window = "period"
sql = "sql/total.sql"
[inputs.titles]
description = "One row per title."
tables = ["orders"]
window = "period"
sql = "sql/titles.sql"
[outputs.purchase_cost]
type = "scalar"
unit = "money"
sensitivity = ["cost"]
from = "total"
column = "purchase_cost"
[outputs.costs]
type = "table"
sensitivity = ["cost"]
from = "titles"
[outputs.costs.columns.purchase_cost]
unit = "money"
"#,
    ),
    (
        "sql/total.sql",
        "select sum(pay_amount) * 3 + 0.07 as purchase_cost from orders where paid_at >= $start and paid_at < $end",
    ),
    (
        "sql/titles.sql",
        "select product_name as title, sum(pay_amount) * 3 + 0.07 as purchase_cost from orders where paid_at >= $start and paid_at < $end group by 1 order by 1",
    ),
    (
        "strings.zh-CN.toml",
        "[item]\npurchase_cost = \"进货成本\"\ncosts = \"商品成本\"\n[column]\ntitle = \"商品\"\npurchase_cost = \"成本\"\n",
    ),
    (
        "strings.en.toml",
        "[item]\npurchase_cost = \"Purchase cost\"\ncosts = \"Costs\"\n[column]\ntitle = \"Product\"\npurchase_cost = \"Cost\"\n",
    ),
];

/// Everything that an audience can read: page, text, PDF, workbook and the mail with all its parts, by the name of the artifact.
fn artifacts(
    project: &Project,
    robots: &Robots,
    audience: &str,
) -> Result<BTreeMap<String, String>, Failed> {
    let file = |format: &str| format!("{DAY}/{audience}.{format}");
    let mut all = BTreeMap::from([
        ("html".to_owned(), project.read(&file("html"))),
        ("text".to_owned(), project.read(&file("txt"))),
    ]);
    all.insert(
        "pdf".to_owned(),
        pdf_text(&project.path().join(file("pdf")))?,
    );
    all.insert(
        "xlsx".to_owned(),
        xlsx_text(&project.path().join(file("xlsx")))?,
    );
    let mails: Vec<_> = project
        .files("outbox")
        .into_iter()
        .filter(|mail| mail.contains(&format!("{audience}@")))
        .collect();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let attached = project.path().join("attached.pdf");
    let script = crate::house_rules::root().join("tests/servers/parse_mail.py");
    let out = Command::new("python3")
        .arg(script)
        .arg(project.path().join(&mails[0]))
        .arg(&attached)
        .output()?;
    let mail: Value = serde_json::from_slice(&out.stdout)?;
    all.insert("mail".to_owned(), format!("{} {}", mails[0], mail));
    all.insert("attachment".to_owned(), pdf_text(&attached)?);
    let link = format!("https://reports.example.com/{audience})");
    let said: Vec<String> = robots
        .taken()
        .iter()
        .map(ToString::to_string)
        .filter(|said| said.contains(&link))
        .collect();
    assert_eq!(said.len(), 1, "{audience}: {said:?}");
    all.insert("robot".to_owned(), said.concat());
    Ok(all)
}

fn pdf_text(path: &Path) -> Result<String, Failed> {
    let out = Command::new("pdftotext").arg(path).arg("-").output()?;
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Everything in a workbook: sheets, texts, properties.
fn xlsx_text(path: &Path) -> Result<String, Failed> {
    let script = crate::house_rules::root().join("tests/servers/xlsx_text.py");
    let out = Command::new("python3").arg(script).arg(path).output()?;
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// The needles that an artifact holds; words may be broken over lines.
fn found(text: &str, words: &BTreeSet<String>, figures: &BTreeSet<String>) -> Vec<String> {
    let joined: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let numbers = numbers(text);
    let words = words.iter().filter(|word| joined.contains(word.as_str()));
    words
        .chain(
            figures
                .iter()
                .filter(|figure| numbers.contains(figure.as_str())),
        )
        .cloned()
        .collect()
}

/// A robot rounds, as the lede does: `¥128.4 万`. It says its own shop's total, and another's is not in it.
fn says_its_own(place: &str, text: &str, own: &Shop, foreign: Option<&Shop>) {
    let short = |shop: &Shop| {
        let tenths = (shop.paid_on("2026-11-21") + 50_000) / 100_000;
        format!("¥{}.{} 万", tenths / 10, tenths % 10)
    };
    if let Some(foreign) = foreign {
        assert!(text.contains(&short(own)), "{place}: {text}");
        assert!(!text.contains(&short(foreign)), "{place}: {text}");
    }
}

fn never_seen() -> Result<(), Failed> {
    for round in 0..ROUNDS {
        let mut dice = Dice(round);
        let (main, other) = (Shop::invent(&mut dice, 1), Shop::invent(&mut dice, 50_001));
        let robots = Robots::start();
        let project = project(&main, &other, &robots);
        let _ = project.run(&["run", "daily", "--deliver"]).exits(0);
        let none = BTreeSet::new();
        for (audience, own, foreign, secrets) in [
            ("main-staff", &main, Some(&other), true),
            ("other-staff", &other, Some(&main), true),
            ("main-buyer", &main, Some(&other), false),
            ("both-staff", &main, None, true),
        ] {
            for (artifact, text) in artifacts(&project, &robots, audience)? {
                let place = format!("round {round}, {artifact} of {audience}");
                let (words, figures) =
                    foreign.map_or_else(Default::default, |shop| (shop.words(), shop.figures()));
                let strange = found(&text, &words, &figures);
                assert!(
                    strange.is_empty(),
                    "{place} holds {strange:?} of the other shop"
                );
                // The needles are found where they may be, so that not finding them means something.
                // A robot says the lede, which names no product.
                assert!(
                    artifact == "robot" || !found(&text, &own.words(), &none).is_empty(),
                    "{place} names none of its own products"
                );
                let theirs: BTreeSet<String> =
                    main.secrets().into_iter().chain(other.secrets()).collect();
                let hidden = found(&text, &none, &theirs);
                assert_eq!(
                    hidden.is_empty(),
                    secrets || artifact == "robot",
                    "{place}: {hidden:?} of the costs"
                );
                if artifact == "robot" {
                    says_its_own(&place, &text, own, foreign);
                    continue;
                }
                let total = printed(own.paid_on("2026-11-21")).into_iter().collect();
                assert_eq!(
                    found(&text, &none, &total).is_empty(),
                    audience == "both-staff",
                    "{place} and its own total"
                );
            }
        }
    }
    Ok(())
}
