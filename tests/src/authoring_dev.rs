//! `plugin dev` through the real program: what is saved is built, run, told and shown, and mistakes end nothing.

use crate::project::Project;
use crate::{sdk_seed, trial, trial_with};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial("authoring_dev::what_is_saved_is_run_and_shown", follows),
        trial_with(
            "authoring_dev::a_build_that_fails_says_so_and_the_next_goes_on",
            &["cc", "make"],
            builds,
        ),
    ]
}

/// A line that is not there by then does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `plugin dev` that ends with the test.
struct Developing {
    child: Child,
    lines: Receiver<String>,
}

impl Developing {
    fn start(project: &Project, args: &[&str]) -> Result<Self, Failed> {
        let args = [&["plugin", "dev", "mine"], args].concat();
        let mut command = project.command(&args);
        let mut child = sdk_seed::as_an_author(&mut command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (send, lines) = channel();
        let out = child.stdout.take().ok_or("no output")?;
        let problems = child.stderr.take().ok_or("no problems")?;
        let readers: [Box<dyn std::io::Read + Send>; 2] = [Box::new(out), Box::new(problems)];
        for reader in readers {
            let send = send.clone();
            std::thread::spawn(move || {
                let lines = BufReader::new(reader).lines().map_while(Result::ok);
                lines.for_each(|line| drop(send.send(line)));
            });
        }
        Ok(Self { child, lines })
    }

    /// Reads until a line has these words, and answers with it.
    fn until(&self, words: &str) -> Result<String, Failed> {
        let end = Instant::now() + PATIENCE;
        let mut said = Vec::new();
        while let Ok(line) = self
            .lines
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            if line.contains(words) {
                return Ok(line);
            }
            said.push(line);
        }
        Err(format!("it does not say `{words}`, but\n{}", said.join("\n")).into())
    }

    /// Ends as Ctrl-C ends it.
    fn interrupt(mut self) -> Result<(), Failed> {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-INT", &id])
            .status()?;
        assert!(sent.success());
        assert!(self.child.wait()?.success(), "Ctrl-C is a good end");
        Ok(())
    }
}

impl Drop for Developing {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the page shows of the daily report's full sample.
fn page(url: &str) -> Result<Value, Failed> {
    let address = url.trim_start_matches("http://");
    let address = address.split('/').next().unwrap_or_default();
    let mut stream = TcpStream::connect(address)?;
    let path = "/view/daily/author/en/-/sample-full";
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
    Ok(serde_json::from_str(body).map_err(|e| format!("{e}: {body}"))?)
}

fn follows() -> Result<(), Failed> {
    let project = Project::empty();
    let _ = project
        .run(&["plugin", "new", "mine", "--lang", "sql"])
        .exits(0);
    let dev = Developing::start(&project, &["--port", "0"])?;
    let url = dev.until("http://127.0.0.1:")?;
    let url = url.split_whitespace().next().unwrap_or_default().to_owned();
    let _ = dev.until("answered in")?;
    let _ = dev.until("as expected")?;
    let shown = |words: &str| -> Result<bool, Failed> {
        let page = page(&url)?;
        assert!(page.get("problems").is_none(), "{}", page["problems"]);
        Ok(page["text"].as_str().unwrap_or_default().contains(words))
    };
    assert!(shown("Share of large orders")? && shown("80.0%")?);

    let sql = project.read("mine/sql/total.sql");
    project.write("mine/sql/total.sql", sql.replace("300", "100"));
    let line = dev.until("answered in")?;
    assert!(line.starts_with("sql/total.sql: built in"), "{line}");
    let differs = dev.until("large_orders")?;
    assert!(differs.contains("2 is now"), "{differs}");

    project.write("mine/sql/total.sql", sql.replace("from paid", "from payed"));
    let _ = dev.until("FAILED")?;
    let _ = dev.until("payed")?;
    project.write("mine/sql/total.sql", &sql);
    let _ = dev.until("as expected")?;

    // What the folder itself gets wrong is said too.
    let words = project.read("mine/strings.en.toml");
    project.write(
        "mine/strings.en.toml",
        words.replace("large_share =", "larg_share ="),
    );
    let _ = dev.until("large_share")?;
    project.write(
        "mine/strings.en.toml",
        words.replace("Share of large orders", "Large share"),
    );
    let _ = dev.until("as expected")?;
    assert!(shown("Large share")?, "the page follows");
    dev.interrupt()
}

fn builds() -> Result<(), Failed> {
    let project = Project::empty();
    let _ = project
        .run(&["plugin", "new", "mine", "--lang", "c"])
        .exits(0);
    let dev = Developing::start(&project, &["--no-preview"])?;
    let _ = dev.until("as expected")?;
    let code = project.read("mine/metric.c");
    project.write(
        "mine/metric.c",
        code.replace("int64_t share =", "int64_t shar ="),
    );
    let _ = dev.until("error: ")?;
    project.write("mine/metric.c", code.replace("10000", "20000"));
    let _ = dev.until("differs")?;
    let _ = dev.until("large_share.value")?;
    project.write("mine/metric.c", &code);
    let _ = dev.until("as expected")?;
    dev.interrupt()
}
