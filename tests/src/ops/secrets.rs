//! Planted secrets: everything is run that could tell one, and then every byte that was left behind is searched, in every dress.

use super::{rewrite, shop, until};
use crate::databases::servers::Postgres;
use crate::project::{Project, bin_dir};
use crate::{trial, trial_with};
use libtest_mimic::{Failed, Trial};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(super) fn trials() -> Vec<Trial> {
    let program = bin_dir().join("examples/libnumbers.so");
    let needs = &["python:duckdb", "initdb", "pg_ctl", "psql"];
    let behind = trial_with("ops::no_secret_is_left_behind", needs, left_behind);
    vec![
        match program.exists() {
            true => behind,
            false => behind.with_ignored_flag(true),
        },
        trial("ops::the_search_for_secrets_finds_them", search),
    ]
}

/// Name of a variable, and the secret in it. They hold what encodings treat apart.
pub(super) const PASSWORD: (&str, &str) = ("PLANTED_PASSWORD", "Sm/tp+ge?heim \"密码\" 01");
const TOKEN: (&str, &str) = ("PLANTED_TOKEN", "to/ken+Zz9=?~\\密钥 02");
const HASH_KEY: (&str, &str) = ("PLANTED_HASH_KEY", "hash/key+of the lake 03");
const LEDGER: (&str, &str) = (
    "PLANTED_LEDGER",
    "postgres://chenbao:le%2Fdger%2Bpass%20w04@127.0.0.1:1/reports",
);
/// The key in a robot's address, what it signs with, and the key in the address of the dead-man's ping.
const ROBOT_KEY: &str = "robot0key0a1b2c3d4e5f60705";
const SIGNATURE: (&str, &str) = ("PLANTED_SIGNATURE", "SEC/sign+with 06==");
const PING_KEY: &str = "1f2e3d4c-5b6a-4798-8877-665544332207";
/// What of the ledger's URL is secret, as written and as meant.
const LEDGER_PASSWORDS: [&str; 2] = ["le%2Fdger%2Bpass%20w04", "le/dger+pass w04"];

const TABLE: &str = r#"
[table.things]
merge = "whole"
key = ["thing"]
[table.things.columns]
thing = "text"

[metric.things]
plugin = "things"
"#;

const SOURCE: &str = r#"
[source.FAIL]
plugin = "numbers"
shop = "main"
mapping = "mappings/numbers.toml"
[source.FAIL.with]
rows = 4
fail = "FAIL"
[source.FAIL.secrets]
token = "env:PLANTED_TOKEN"
"#;

const MAPPING: &str = "raw = \"numbers\"\n[columns.order]\nas = \"thing\"\n[tables.things]\nselect = \"select blank(thing) as thing from raw\"\n";

const METRIC: &str = "id = 'things'\nkind = 'metric'\nversion = '0.1.0'\ntitle = 'Things'\nsummary = 'Counts.'\n\
    [inputs.all]\ndescription = 'One row.'\ntables = ['things']\nwindow = 'all'\nsql = 'sql/all.sql'\n\
    [outputs.count]\ntype = 'scalar'\nunit = '1'\nfrom = 'all'\ncolumn = 'count'\n";

/// The shop with sources that tell their token, each in its way, and all words at the highest level.
fn planted(ways: &[&str]) -> Project {
    let mut project = shop()
        .env("CHENBAO_LOG", "trace")
        .env("CHENBAO_NOW", "2026-11-22T08:00:00+08:00");
    for (name, secret) in [PASSWORD, TOKEN, HASH_KEY] {
        project = project.env(name, secret);
    }
    rewrite(
        &project,
        "metrics = [\"sales\"]",
        "metrics = [\"sales\", \"things\"]",
    );
    let dirs = format!(
        "[plugins]\nextra = [\"plugins\", \"{}\"]\n[lake]\nhash_key = \"env:{}\"\n[shop.main]",
        bin_dir().join("examples").display(),
        HASH_KEY.0
    );
    rewrite(&project, "[shop.main]", &dirs);
    let mut text = project.read("chenbao.toml") + TABLE;
    for fail in ways {
        text.push_str(&SOURCE.replace("FAIL", fail));
    }
    project.write("chenbao.toml", text);
    project.write("mappings/numbers.toml", MAPPING);
    project.write("plugins/things/metric.toml", METRIC);
    project.write(
        "plugins/things/sql/all.sql",
        "select count(*) as count from things",
    );
    for lang in ["zh-CN", "en"] {
        let words = "[item]\ncount = 'count'\n";
        project.write(&format!("plugins/things/strings.{lang}.toml"), words);
    }
    project
}

/// Turns mail over to a server that refuses the login and repeats it.
pub(super) fn with_server(project: &Project, port: u16) {
    let smtp = format!(
        "transport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nuser = \"chenbao\"\npassword = \"env:{}\"",
        PASSWORD.0
    );
    rewrite(
        project,
        "transport = \"folder\"\nfolder = \"outbox\"",
        &smtp,
    );
}

/// Turns a robot and the dead-man's ping over to a server that refuses and repeats everything.
fn with_robot(project: Project) -> Project {
    let port = indiscreet_robot();
    let channel = format!(
        "[channel.group]\nkind = \"dingtalk\"\nurl = \"env:PLANTED_ROBOT\"\nsecret = \"env:{}\"\n\
         [notices]\nalso = [\"group\"]\n[watchdog]\nping = \"env:PLANTED_PING\"\n\n[shop.main]",
        SIGNATURE.0
    );
    rewrite(&project, "[shop.main]", &channel);
    rewrite(
        &project,
        "to = [\"boss@example.com\"]",
        "to = [\"boss@example.com\"]\nrobots = [\"group\"]",
    );
    let robot = format!("http://127.0.0.1:{port}/robot/send?access_token={ROBOT_KEY}");
    project
        .env("PLANTED_ROBOT", &robot)
        .env(
            "PLANTED_PING",
            &format!("http://127.0.0.1:{port}/{PING_KEY}"),
        )
        .env(SIGNATURE.0, SIGNATURE.1)
}

/// Serves until the test's process ends.
fn indiscreet_robot() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = repeat(&stream);
        }
    });
    port
}

fn repeat(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(size) = line.to_lowercase().strip_prefix("content-length:") {
            length = size.trim().parse().unwrap_or(0);
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let said = format!(
        "no: {} {ROBOT_KEY} {} {PING_KEY}",
        first.trim(),
        SIGNATURE.1
    );
    let body = serde_json::json!({"errcode": 310_000, "errmsg": said}).to_string();
    let head = format!(
        "HTTP/1.1 403 {said}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes())
}

/// Serves until the test's process ends.
pub(super) fn indiscreet_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that hangs up has heard enough.
            let _ = talk(&stream);
        }
    });
    port
}

fn talk(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.write_all(b"220 indiscreet\r\n")?;
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        let said = line.trim_end().to_owned();
        line.clear();
        let answer = match said.split(' ').next().unwrap_or_default() {
            "EHLO" => "250-indiscreet\r\n250 AUTH PLAIN LOGIN\r\n".to_owned(),
            "AUTH" => format!("535 5.7.8 no: {said}, that is {}\r\n", PASSWORD.1),
            _ => "250 fine\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Runs a command and keeps its words as files of the project, so that they are searched with the rest.
fn say(project: &Project, name: &str, args: &[&str]) -> String {
    let out = project.command(args).output().unwrap();
    project.write(&format!("said/{name}.out"), &out.stdout);
    project.write(&format!("said/{name}.err"), &out.stderr);
    String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout)
}

fn left_behind() -> Result<(), Failed> {
    let told = with_robot(planted(&["tell"]));
    let said = say(&told, "run", &["run", "daily"]);
    assert!(
        said.contains("the token is ***"),
        "the plugin has not told:\n{said}"
    );
    with_server(&told, indiscreet_server());
    let said = say(&told, "deliver", &["run", "daily", "--deliver"]);
    assert!(
        said.contains("5.7.8 no: "),
        "the server has not answered:\n{said}"
    );
    assert!(
        said.contains("no: POST"),
        "the robot has not answered:\n{said}"
    );
    let late = told.env("CHENBAO_NOW", "2026-11-22T09:00:00+08:00");
    say(&late, "watchdog", &["watchdog", "--once"]);
    say(
        &late,
        "show",
        &[
            "show",
            "daily-2026-11-21-regular-r0-20261122T080000-2",
            "--json",
        ],
    );
    say(&late, "backup", &["backup", "backup.tar"]);
    let (_, pieces) = unpacked(&late);
    assert!(
        pieces > 20,
        "lake, papers and backup are looked into: {pieces}"
    );
    clean(&late);

    let failed = planted(&["refused", "crash"]).env("CHENBAO_NOW", "2026-11-22T06:30:00+08:00");
    say(&failed, "first", &["serve", "--once"]);
    let later = failed.env("CHENBAO_NOW", "2026-11-22T08:00:00+08:00");
    let said = say(&later, "serve", &["serve", "--once"]);
    for words in [
        "(auth): the token is ***",
        "its last words: the token is ***",
    ] {
        assert!(said.contains(words), "no `{words}`:\n{said}");
    }
    let owner = later
        .files("outbox")
        .iter()
        .any(|mail| mail.contains("owner@"));
    assert!(owner, "the owner hears of it");
    clean(&later);

    unreachable();
    hosts()
}

/// A ledger that cannot be opened is told without its password.
fn unreachable() {
    // A user whom the server asks for a password that is another.
    let server = Postgres::start().unwrap();
    let refused = server.url(&format!("locked:{}", LEDGER_PASSWORDS[0]));
    for (url, why) in [
        (LEDGER.1, "Connection refused"),
        (&LEDGER.1.replace(":1/", ":port/"), ""),
        (&LEDGER.1.replace("postgres", "mysql"), ""),
        (&refused, "password authentication failed"),
    ] {
        let unreachable = shop().env("CHENBAO_LOG", "trace").env(LEDGER.0, url);
        let ledger = format!("[ledger]\nurl = \"env:{}\"\n\n[mail]", LEDGER.0);
        rewrite(&unreachable, "[mail]", &ledger);
        let said = say(&unreachable, "plan", &["plan"]);
        assert!(said.contains("cannot open the ledger"), "{said}");
        assert!(said.contains(why), "{said}");
        clean(&unreachable);
    }
}

/// A plugin's process sees no secret in its environment or command line.
fn hosts() -> Result<(), Failed> {
    let project = planted(&[]);
    rewrite(&project, "\"sales\", \"things\"", "\"odd\"");
    let odd =
        "[metric.odd]\nplugin = \"hostile\"\n[metric.odd.with]\nhow = \"hang\"\n[metric.sales]";
    rewrite(&project, "[metric.sales]", odd);
    let child = project
        .command(&["run", "daily", "--no-collect"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut child = Ended(child);
    let parent = child.0.id().to_string();
    let host = until("a plugin's process", || {
        assert!(
            child.0.try_wait().unwrap().is_none(),
            "it ended without its plugin"
        );
        let processes = std::fs::read_dir("/proc").ok()?.flatten();
        let host = processes.map(|process| process.path()).find(|path| {
            let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap_or_default();
            let mine = read("status").lines().any(|line| {
                line.strip_prefix("PPid:")
                    .is_some_and(|id| id.trim() == parent)
            });
            mine && read("cmdline").contains("plugin-host")
        })?;
        // A process that only describes its plugin may be gone by now: then another one comes.
        let read = |name: &str| std::fs::read(host.join(name)).ok();
        let seen = [("environ", read("environ")?), ("cmdline", read("cmdline")?)];
        seen.iter()
            .all(|(_, bytes)| !bytes.is_empty())
            .then_some(seen)
    });
    for (name, bytes) in host {
        let found = found_in(&bytes);
        assert!(found.is_empty(), "{name} of a plugin's process: {found:?}");
        assert!(
            !String::from_utf8_lossy(&bytes).contains("PLANTED_"),
            "{name}"
        );
    }
    Ok(())
}

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What is compressed in a project's files, in the clear; how many pieces that are.
fn unpacked(project: &Project) -> (Project, usize) {
    let clear = Project::empty();
    let script = crate::house_rules::root().join("tests/servers/unpack.py");
    let out = Command::new("python3")
        .args([&script, project.path(), clear.path()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    let why = String::from_utf8_lossy(&out.stderr);
    let count = said
        .trim()
        .parse()
        .unwrap_or_else(|e| panic!("{e}: {said}{why}"));
    (clear, count)
}

/// No file of the project holds a secret, nor what is compressed in one.
fn clean(project: &Project) {
    let (clear, _) = unpacked(project);
    for file in clear.files("") {
        let bytes = std::fs::read(clear.path().join(&file)).unwrap_or_default();
        let found = found_in(&bytes);
        assert!(found.is_empty(), "{file} holds {found:?}, unpacked");
    }
    let files = project.files("");
    assert!(files.len() > 3, "{files:?}");
    for file in files {
        let bytes = std::fs::read(project.path().join(&file)).unwrap_or_default();
        let found = found_in(&bytes);
        assert!(
            found.is_empty(),
            "{} holds {found:?}:\n{}",
            file,
            around(project.path(), &file, &found)
        );
    }
}

/// The lines with a secret, for whoever mends it.
fn around(root: &Path, file: &str, found: &[String]) -> String {
    let text = std::fs::read(root.join(file)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let with = |line: &&str| found.iter().any(|form| line.contains(form.as_str()));
    text.lines()
        .filter(with)
        .take(5)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The forms of secrets that stand in some bytes, also where mail has broken their lines.
fn found_in(bytes: &[u8]) -> Vec<String> {
    let unbroken: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|byte| !b"\r\n".contains(byte))
        .collect();
    let holds = |form: &String| {
        let form = form.as_bytes();
        bytes.windows(form.len()).any(|part| part == form)
            || unbroken.windows(form.len()).any(|part| part == form)
    };
    forms().into_iter().filter(holds).collect()
}

/// Every planted secret in every dress; worked out here, not by the program.
fn forms() -> Vec<String> {
    let mut secrets = vec![PASSWORD.1, TOKEN.1, HASH_KEY.1];
    secrets.extend([ROBOT_KEY, SIGNATURE.1, PING_KEY]);
    secrets.extend(LEDGER_PASSWORDS);
    let mut forms = Vec::new();
    for secret in secrets {
        forms.push(secret.to_owned());
        forms.push(
            serde_json::to_string(secret)
                .unwrap()
                .trim_matches('"')
                .to_owned(),
        );
        for (mark, upper) in [('%', true), ('%', false), ('=', true)] {
            forms.push(escaped(secret, mark, upper));
        }
        forms.push(secret.bytes().fold(String::new(), |mut all, byte| {
            let _ = write!(all, "%{byte:02X}");
            all
        }));
        for shift in 0..3 {
            let inner = base64(&[vec![0; shift], secret.as_bytes().to_vec()].concat());
            // The first characters mix with what stands before, the last with what follows.
            let own = inner
                .get(4.min(shift * 4)..inner.len() - 1)
                .unwrap_or_default();
            forms.push(own.replace('+', "-").replace('/', "_"));
            forms.push(own.to_owned());
        }
    }
    forms
}

fn escaped(text: &str, mark: char, upper: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else if upper {
            let _ = write!(out, "{mark}{byte:02X}");
        } else {
            let _ = write!(out, "{mark}{byte:02x}");
        }
    }
    out
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 6 {
            bits -= 6;
            let digit = (held >> bits) & 63;
            out.push(char::from(DIGITS[usize::try_from(digit).unwrap()]));
        }
        held &= (1 << bits) - 1;
    }
    out
}

/// The search itself can fail: it finds each secret in each dress.
fn search() -> Result<(), Failed> {
    assert_eq!(base64(b"Man and woman"), "TWFuIGFuZCB3b21hb");
    let login = base64(format!("\0chenbao\0{}", PASSWORD.1).as_bytes());
    let (first, rest) = login.split_at(20);
    for text in [
        format!("AUTH PLAIN {first}\r\n{rest}"),
        format!("x{}y", TOKEN.1),
        format!("?p={}", escaped(HASH_KEY.1, '%', false)),
        format!("{:?}", LEDGER_PASSWORDS[1]),
    ] {
        assert!(!found_in(text.as_bytes()).is_empty(), "{text}");
    }
    assert!(found_in(b"nothing of it").is_empty());
    Ok(())
}
