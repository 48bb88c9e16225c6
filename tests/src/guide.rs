//! The guide for plugin authors, carried out: every block of it is run, written or compared, in a folder outside the repository.
//!
//! What stands behind the three ticks says what a block is:
//!
//! * `sh` is run, in the folder in which the block before ended; `sh fails` must exit with 1;
//! * `text` is what the block before it printed; `…` stands for what differs from run to run, alone on a line for whole lines;
//! * `<language> file=PATH` is a file; with `append` behind it, its end.

use crate::{sdk_seed, trial, trial_with};
use libtest_mimic::{Failed, Trial};
use std::path::PathBuf;
use std::process::Command;

const ENGLISH: &str = "docs/plugin-guide.md";
const CHINESE: &str = "docs/plugin-guide.zh-CN.md";

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let needs = &["cc", "make", "minisign", "pdftotext"];
    vec![
        trial_with("guide::every_block_does_what_it_says", needs, carried_out),
        trial("guide::both_languages_have_the_same_blocks", same_blocks),
        trial("guide::what_is_compared_is_compared", comparison),
    ]
}

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    info: String,
    text: String,
    line: usize,
}

fn blocks(file: &str) -> Result<Vec<Block>, Failed> {
    let text = std::fs::read_to_string(crate::house_rules::root().join(file))?;
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for (n, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), inside) {
            (Some(info), false) => {
                inside = true;
                found.push(Block {
                    info: info.trim().to_owned(),
                    text: String::new(),
                    line: n + 1,
                });
            }
            (Some(_), true) => inside = false,
            (None, true) => {
                if let Some(block) = found.last_mut() {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
            }
            (None, false) => {}
        }
    }
    if inside {
        return Err(format!("{file}: the last block has no end").into());
    }
    Ok(found)
}

fn same_blocks() -> Result<(), Failed> {
    let bare = |file: &str| -> Result<Vec<(String, String)>, Failed> {
        let all = blocks(file)?.into_iter();
        Ok(all.map(|block| (block.info, block.text)).collect())
    };
    let (english, chinese) = (bare(ENGLISH)?, bare(CHINESE)?);
    for (n, (one, other)) in english.iter().zip(&chinese).enumerate() {
        assert_eq!(one, other, "block {}", n + 1);
    }
    assert_eq!(english.len(), chinese.len());
    assert!(english.len() > 20, "{} blocks", english.len());
    Ok(())
}

/// Where the reader is: a folder of their own, and what the last command said.
struct Reader {
    home: tempfile::TempDir,
    at: PathBuf,
    said: Option<String>,
}

#[expect(clippy::print_stderr, reason = "figures for who asks for them")]
fn carried_out() -> Result<(), Failed> {
    let home = tempfile::TempDir::with_prefix("chenbao-guide-")?;
    let at = home.path().canonicalize()?;
    let mut reader = Reader {
        home,
        at,
        said: None,
    };
    for block in blocks(ENGLISH)? {
        let begun = std::time::Instant::now();
        let done = reader.follow(&block);
        done.map_err(|why| {
            let why = why.message().unwrap_or_default().to_owned();
            format!(
                "{ENGLISH}:{}: ```{}\n{}{why}",
                block.line, block.info, block.text
            )
        })?;
        if std::env::var_os("CHENBAO_GUIDE_TIMES").is_some() {
            eprintln!("{:>6} ms  line {}", begun.elapsed().as_millis(), block.line);
        }
    }
    Ok(())
}

impl Reader {
    fn follow(&mut self, block: &Block) -> Result<(), Failed> {
        let mut words = block.info.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        let file = rest.iter().find_map(|word| word.strip_prefix("file="));
        match (kind, file) {
            (_, Some(file)) => self.write(file, &block.text, rest.contains(&"append")),
            ("sh", None) => self.run(&block.text, i32::from(rest.contains(&"fails"))),
            ("text", None) => {
                let said = self.said.take().ok_or("no command stands before it")?;
                compare(&block.text, &said).map_err(Failed::from)
            }
            _ => Err("the test does not know what to do with this block".into()),
        }
    }

    fn write(&mut self, file: &str, text: &str, append: bool) -> Result<(), Failed> {
        let path = self.at.join(file);
        let before = match append {
            true => std::fs::read_to_string(&path)?,
            false => String::new(),
        };
        std::fs::create_dir_all(path.parent().unwrap_or(&self.at))?;
        std::fs::write(&path, before + text)?;
        self.said = None;
        Ok(())
    }

    fn run(&mut self, script: &str, code: i32) -> Result<(), Failed> {
        let place = self.home.path().join(".place");
        let script = format!("{script}\npwd > {}\n", place.display());
        let mut bash = Command::new("bash");
        bash.args(["-e", "-o", "pipefail", "-c"])
            .arg(format!("exec 2>&1\n{script}"))
            .current_dir(&self.at);
        let out = sdk_seed::as_an_author(&mut bash).output()?;
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        if out.status.code() != Some(code) {
            return Err(format!("it ended with {}, not with {code}:\n{said}", out.status).into());
        }
        if code == 0 {
            self.at = PathBuf::from(std::fs::read_to_string(&place)?.trim_end());
        }
        self.said = Some(said);
        self.plant()
    }

    /// A crate that has just been made is given the SDK as it was built for all of them.
    fn plant(&self) -> Result<(), Failed> {
        let mut folders = vec![self.home.path().to_owned()];
        for _ in 0..3 {
            let below = folders.iter().filter_map(|dir| std::fs::read_dir(dir).ok());
            let below: Vec<PathBuf> = below
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.is_dir())
                .collect();
            for krate in below.iter().filter(|dir| dir.join("Cargo.toml").is_file()) {
                if !krate.join("target").exists() {
                    sdk_seed::plant(krate, "debug")?;
                    sdk_seed::plant(krate, "release")?;
                }
            }
            folders = below;
        }
        Ok(())
    }
}

/// Whether a program said what is expected of it.
fn compare(expected: &str, said: &str) -> Result<(), String> {
    let (wanted, got): (Vec<&str>, Vec<&str>) = (
        expected.lines().collect(),
        said.lines().map(str::trim_end).collect(),
    );
    if matches(&wanted, &got) {
        Ok(())
    } else {
        Err(format!("it said:\n{said}"))
    }
}

/// Lines; `…` alone stands for any number of them.
fn matches(wanted: &[&str], got: &[&str]) -> bool {
    match (wanted.split_first(), got.split_first()) {
        (None, None) => true,
        (Some((&"…", rest)), _) => (0..=got.len()).any(|skip| matches(rest, &got[skip..])),
        (Some((line, wanted)), Some((said, got))) => like(line, said) && matches(wanted, got),
        _ => false,
    }
}

/// A line in which each `…` stands for anything.
fn like(line: &str, said: &str) -> bool {
    let mut parts = line.split('…');
    let Some(mut rest) = said.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

fn comparison() -> Result<(), Failed> {
    for (expected, said, same) in [
        ("a\n", "a\n", true),
        ("a\n", "b\n", false),
        ("a\n", "a\nb\n", false),
        ("a\n…\nd\n", "a\nb\nc\nd\n", true),
        ("…\nb\n", "a\nb\nc\n", false),
        ("built in … s, … ok\n", "built in 0.3 s, 25 ok\n", true),
        ("built in … s, … ok\n", "built in 0.3 s, 25 failed\n", false),
        ("a…\n", "abc\n", true),
    ] {
        assert_eq!(
            compare(expected, said).is_ok(),
            same,
            "{expected:?} of {said:?}"
        );
    }
    Ok(())
}
