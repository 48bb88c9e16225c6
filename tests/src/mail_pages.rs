//! What the mails of the demo look like where they are read: the rules of our own, the field's linters, and a real browser at both widths,
//! in dark mode, without pictures and without a style block.

use crate::demo::Demo;
use crate::project::{Project, bin_dir};
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

/// All of them.
#[must_use]
pub fn trials(demo: &Demo) -> Vec<Trial> {
    let demo = Arc::clone(demo);
    let make: Box<dyn FnOnce() -> Mails + Send> = Box::new(move || Mails::of(&demo));
    let mails = Arc::new(LazyLock::new(make));
    let on = |body: fn(&Mails) -> Result<(), Failed>| {
        let mails = Arc::clone(&mails);
        move || body(&mails)
    };
    vec![
        trial_with(
            "mail_pages::every_mail_keeps_our_rules",
            &["python3"],
            on(rules),
        ),
        trial_with(
            "mail_pages::linters_find_nothing_that_has_no_reason",
            &["python3", "node", "npm:caniemail", "npm:html-validate"],
            on(linted),
        ),
        trial_with(
            "mail_pages::a_browser_shows_them_whole_at_both_widths",
            &["python3", "node", "npm:playwright-core", "chromium"],
            on(pictures),
        ),
    ]
}

/// A report whose mail carries a table with more columns than any of the product's.
const WIDE: &str = "\n[report.wide]\ntemplate = \"wide\"\nmetrics = [\"sales\", \"traffic\"]\n[report.wide.audience.wide]\n\
                    role = \"management\"\nto = [\"wide@example.com\"]\n";
const WIDE_PAGE: &str = "{% extends \"daily/report.html\" %}\n{% block first %}<section title=\"{{ t(key='products.title') }}\">\
                         <table data=\"sales.products\"/><table data=\"sales.daily\" last=\"7\"/></section>{% endblock %}\n";

/// All mails: three reports, every role, both languages, and the wide one.
const ALL: usize = 29;

/// Mails as files: `<name>.html`, and its pictures beside it.
struct Mails {
    folder: tempfile::TempDir,
    /// What `mail_pages.py` read of each.
    seen: Vec<Value>,
}

impl Mails {
    /// Every mail of the demo, and the same in English as drafts.
    fn of(demo: &Project) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let english = demo
            .read("chenbao.toml")
            .replace("lang = \"zh-CN\"", "lang = \"en\"");
        let shops = english.lines().find(|line| line.starts_with("shops = "));
        let wide = format!("{WIDE}{}\n", shops.unwrap());
        demo.write("english.toml", english.clone() + &wide);
        let new = ["template", "new", "wide", "--from", "daily"];
        let _ = demo.run(&new).exits(0);
        demo.write("templates/wide/report.html", WIDE_PAGE);
        for (report, now) in [
            ("daily", "08:40"),
            ("weekly", "08:41"),
            ("campaign", "08:42"),
            ("wide", "08:43"),
        ] {
            let args = [
                "--config",
                "english.toml",
                "run",
                report,
                "--no-collect",
                "--drafts",
                "english",
            ];
            let _ = demo
                .run_at(&format!("2026-11-22T{now}:00+08:00"), &args)
                .exits(0);
        }
        let seen = [("outbox", ""), ("english", "en-")].map(|(from, prefix)| {
            // A draft has the name of the mail; side by side they need their own.
            let apart = folder.path().join(from);
            std::fs::create_dir_all(&apart).unwrap();
            let mails: Vec<PathBuf> = demo
                .files(from)
                .iter()
                .map(|mail| {
                    let path = demo.path().join(mail);
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    let copy = apart.join(format!("{prefix}{name}"));
                    std::fs::copy(&path, &copy).unwrap();
                    copy
                })
                .collect();
            read(&folder.path().join("pages"), &mails)
        });
        Self {
            folder,
            seen: seen.concat(),
        }
    }

    fn pages(&self) -> PathBuf {
        self.folder.path().join("pages")
    }
}

fn servers(script: &str) -> PathBuf {
    crate::house_rules::root()
        .join("tests/servers")
        .join(script)
}

fn answer(command: &mut Command) -> Result<Vec<Value>, Failed> {
    let out = command.output()?;
    let why = String::from_utf8_lossy(&out.stderr);
    serde_json::from_slice(&out.stdout).map_err(|e| format!("{e}: {why}").into())
}

fn read(pages: &Path, mails: &[PathBuf]) -> Vec<Value> {
    answer(
        Command::new("python3")
            .arg(servers("mail_pages.py"))
            .arg(pages)
            .args(mails),
    )
    .unwrap()
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command
        .arg(servers(script))
        .env("NODE_PATH", bin_dir().join("../npm/node_modules"));
    command
}

fn rules(mails: &Mails) -> Result<(), Failed> {
    assert_eq!(mails.seen.len(), ALL);
    for mail in &mails.seen {
        let name = mail["name"].as_str().unwrap_or_default();
        let text = |field: &str| mail[field].as_str().unwrap_or_default();
        assert_eq!(mail["broken"], serde_json::json!([]), "{name}");
        let lang = if name.starts_with("en-") {
            "en"
        } else {
            "zh-CN"
        };
        assert_eq!(text("lang"), lang, "{name}");
        let figure = |text: &str| text.contains('¥') || text.contains('%');
        assert!(figure(text("subject")), "{name}: {}", text("subject"));
        assert!(
            figure(text("preheader")) && figure(text("text")),
            "{name}: {}",
            text("preheader")
        );
        // What the list of mails shows beside the subject says more than the subject.
        assert!(!text("subject").contains(text("preheader")), "{name}");
        assert!(
            !mail["alts"].as_array().unwrap().is_empty(),
            "{name} has pictures"
        );
    }
    Ok(())
}

/// `mail_lint.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    accept: Vec<Exception>,
}

/// What a linter says and why it may stand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    tool: String,
    what: String,
    /// Clients, or all of a family as `gmail.*`.
    #[serde(default)]
    clients: Vec<String>,
    reason: String,
}

impl Exception {
    fn covers(&self, tool: &str, what: &str, client: &str) -> bool {
        let named = |family: &String| match family.strip_suffix('*') {
            Some(beginning) => client.starts_with(beginning),
            None => client == family,
        };
        self.tool == tool
            && self.what == what
            && (client.is_empty() || self.clients.iter().any(named))
    }
}

fn linted(mails: &Mails) -> Result<(), Failed> {
    let list = std::fs::read_to_string(crate::house_rules::root().join("tests/mail_lint.toml"))?;
    let accepted: Accepted = toml::from_str(&list)?;
    let findings = answer(node("lint_mail.cjs").arg(mails.pages()))?;
    let mut unknown = BTreeSet::new();
    let mut used = BTreeSet::new();
    for finding in &findings {
        let text = |field: &str| finding[field].as_str().unwrap_or_default();
        let clients = finding["clients"].as_array().cloned().unwrap_or_default();
        let clients = clients.iter().filter_map(Value::as_str);
        // A rule about HTML is about no client.
        let about: Vec<&str> = if text("tool") == "caniemail" {
            clients.collect()
        } else {
            vec![""]
        };
        for client in about {
            let covers = |one: &Exception| one.covers(text("tool"), text("what"), client);
            match accepted.accept.iter().position(covers) {
                Some(exception) => {
                    used.insert(exception);
                }
                None => {
                    unknown.insert(format!(
                        "{} `{}` {client} in {}: {}",
                        text("tool"),
                        text("what"),
                        text("name"),
                        text("says")
                    ));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    for (n, one) in accepted.accept.iter().enumerate() {
        assert!(
            used.contains(&n),
            "nothing needs `{}` of {} any more",
            one.what,
            one.tool
        );
        assert!(one.reason.len() > 20, "`{}` has no reason", one.what);
    }
    Ok(())
}

/// The least contrast of words that WCAG calls readable (AA).
const READABLE: f64 = 4.5;

fn pictures(mails: &Mails) -> Result<(), Failed> {
    // Kept, so that somebody can look at them.
    let out = bin_dir().join("../mail-pictures");
    let seen = answer(
        node("mail_pictures.cjs")
            .arg(mails.pages())
            .arg(&out)
            .arg("management"),
    )?;
    assert_eq!(seen.len(), ALL * 7, "every mail in every view");
    for page in &seen {
        let place = format!("{} {} in {}", page["name"], page["view"], out.display());
        assert_eq!(page["beyond"], serde_json::json!([]), "{place}");
        assert_eq!(page["width"], page["asked"], "{place} moves sideways");
        assert_eq!(page["pale"], serde_json::json!([]), "{place}");
        assert_eq!(page["small"], serde_json::json!([]), "{place}");
        assert!(
            page["least"].as_f64() >= Some(READABLE),
            "{place}: {}",
            page["least"]
        );
        assert!(
            page["texts"].as_u64() > Some(40),
            "{place}: {}",
            page["texts"]
        );
        let dark = page["page"].as_str().unwrap_or_default() != "rgb(255, 255, 255)";
        assert_eq!(dark, page["dark"] == true, "{place}: {}", page["page"]);
        for image in page["images"].as_array().ok_or("no images")? {
            let number = |field: &str| image[field].as_f64().unwrap_or_default();
            assert_eq!(
                image["loaded"],
                page["pictures"] != false,
                "{place}: {image}"
            );
            // A picture is as wide as its words need to be read; without it, its sentence has the room that it needs.
            assert!(
                number("width") >= 320.0 && number("contrast") >= READABLE,
                "{place}: {image}"
            );
            match image["loaded"] == true {
                true => assert!(number("sharp") >= 2.0, "{place}: {image}"),
                false => assert!(number("height") >= number("needs"), "{place}: {image}"),
            }
        }
    }
    Ok(())
}
