//! The preview in a real browser: what is chosen is shown, what is saved is followed, what is wrong is said in place, and nothing is
//! written down or told to strangers.

use crate::orders::{export, line};
use crate::project::Project;
use crate::{trial, trial_with};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let needs = &["node", "npm:playwright-core", "chromium", "pdftoppm"];
    vec![
        trial_with("preview::a_browser_follows_what_is_saved", needs, follows),
        trial("preview::strangers_are_not_answered", strangers),
    ]
}

const NOW: &str = "2026-11-22T08:00:00+08:00";

/// A shop with two audiences, one of which sees neither costs nor finance, and a run in its past.
fn shop() -> Project {
    let project = Project::from_case("one-shop").env("CHENBAO_NOW", NOW);
    let text = project.read("chenbao.toml")
        + "[role.operations]\nname = \"运营\"\n[report.daily.audience.ops]\nrole = \"operations\"\nshops = [\"main\"]\n\
           to = [\"ops@example.com\"]\n";
    project.write("chenbao.toml", text);
    let lines: Vec<_> = (1..=40)
        .map(|n| line(n, "2026-11-21 10:00:00", "12.50"))
        .collect();
    project.write("exports/orders/1795276800_订单导出.csv", export(&lines));
    project
}

/// A preview that ends with the test.
struct Previewing {
    child: Child,
    url: String,
}

impl Previewing {
    fn start(project: &Project) -> Self {
        let mut command = project.command(&["preview", "--port", "0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut said).unwrap();
        let url = said
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{said}");
        Self { child, url }
    }

    /// What it answers to whoever names this host.
    fn ask(&self, host: &str, path: &str) -> String {
        let address = self.url.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Previewing {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What must not change: the rows of the ledger that a run writes, and the archive.
fn kept(project: &Project) -> (Value, Vec<String>) {
    let history = project.run(&["history", "--json"]).exits(0).json();
    (history, project.files("archive"))
}

fn follows() -> Result<(), Failed> {
    let project = shop();
    let _ = project.run(&["run", "daily"]).exits(0);
    let before = kept(&project);
    let preview = Previewing::start(&project);
    let out = Command::new("node")
        .arg(crate::house_rules::root().join("tests/servers/preview.cjs"))
        .arg(&preview.url)
        .arg(project.path())
        .env(
            "NODE_PATH",
            crate::project::bin_dir().join("../npm/node_modules"),
        )
        .output()?;
    let why = String::from_utf8_lossy(&out.stderr);
    let seen: Value = serde_json::from_slice(&out.stdout).map_err(|e| format!("{e}: {why}"))?;
    let text = |key: &str| seen[key].as_str().unwrap_or_default();

    assert_eq!(
        seen["errors"],
        serde_json::json!([]),
        "the page's own mistakes"
    );
    assert!(
        text("subject").contains("经营日报 · ¥128.4 万"),
        "{}",
        text("subject")
    );
    assert_eq!(seen["frames"], 3, "desktop, phone and dark");
    like_the_pdf(&seen)?;
    // What the one may not see is not even named to it.
    assert!(text("boss").contains("退款后金额") && text("boss").contains("仅供「管理层」"));
    assert!(!text("ops").contains("退款后金额") && text("ops").contains("仅供「运营」"));
    assert!(text("english").contains("Daily") && !text("english").contains("经营日报"));
    assert!(text("run").contains("¥500"), "{}", text("run"));
    assert!(text("missing") != text("run") && !text("missing").is_empty());
    assert!(
        text("address").contains("audience=ops"),
        "the address keeps the choice"
    );
    let mistake = text("mistake");
    assert!(
        mistake.contains("valeu") && mistake.contains("value"),
        "{mistake}"
    );
    assert!(
        text("stays").contains("我们的早报"),
        "the last good page stays"
    );
    assert_eq!(seen["toggled"], 0, "the fifth pane goes with its key");
    drop(preview);
    assert_eq!(kept(&project), before, "nothing is written down");
    Ok(())
}

/// The pages on screen are the PDF's: poppler draws the same, and would not draw the next page the same.
fn like_the_pdf(seen: &Value) -> Result<(), Failed> {
    let pages = |key: &str| seen[key].as_array().cloned().ok_or("no pages");
    let (same, other) = (pages("poppler")?, pages("wrong")?);
    assert!(same.len() >= 2, "{same:?}");
    assert_eq!(seen["pictures"].as_u64(), u64::try_from(same.len()).ok());
    for (page, next) in same.iter().zip(&other) {
        assert_eq!(page["svg"], true, "{page}");
        let differ = |page: &Value| page["differ"].as_f64().unwrap_or(f64::MAX);
        let ink = page["ink"][1].as_f64().unwrap_or_default();
        assert!(differ(page) < 0.25 * ink, "{page}");
        assert!(differ(next) > ink, "{next}");
    }
    Ok(())
}

fn strangers() -> Result<(), Failed> {
    let project = shop();
    let preview = Previewing::start(&project);
    let own = preview
        .url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let page = preview.ask(&own, "/");
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("content-security-policy"),
        "{page}"
    );
    for host in ["evil.example", "127.0.0.1", "evil.example:8790"] {
        let answer = preview.ask(host, "/choices");
        assert!(answer.starts_with("HTTP/1.1 421"), "{host}: {answer}");
        assert!(!answer.contains("小店"), "{answer}");
    }
    let wrong = preview.ask(&own, "/view/daily/bos/-/-/sample-full");
    assert!(wrong.contains("did you mean `boss`?"), "{wrong}");
    Ok(())
}
