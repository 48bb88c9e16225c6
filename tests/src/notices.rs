//! What the owner hears: at once, grouped, counted, and never because of a notice that itself does not arrive.

use crate::project::Project;
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "notices::a_partial_report_is_told_before_it_leaves",
            partial,
        ),
        trial("notices::many_troubles_are_two_messages", storm),
        trial(
            "notices::a_report_that_cannot_be_made_is_told_before_it_is_due",
            failed,
        ),
    ]
}

fn look(project: &Project, time: &str) {
    let out = project
        .command(&["serve", "--once"])
        .env("CHENBAO_NOW", format!("2026-11-22T{time}+08:00"))
        .output()
        .unwrap();
    assert!(
        out.status.code().is_some(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// The mails to the owner, decoded enough to read.
fn mails(project: &Project) -> Vec<String> {
    let outbox = project.files("outbox");
    let mails = outbox.iter().filter(|mail| mail.contains("owner@"));
    mails.map(|mail| read(project, mail)).collect()
}

fn read(project: &Project, mail: &str) -> String {
    let script = "import email, email.policy, sys\nm = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)\n\
                  print(m['Subject'])\nprint(m.get_body(('plain',)).get_content())";
    let out = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(project.path().join(mail))
        .output()
        .unwrap();
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn notices(project: &Project) -> Vec<Value> {
    let all = project.run(&["notices", "--json"]).exits(0).json();
    all.as_array().cloned().unwrap_or_default()
}

fn partial() -> Result<(), Failed> {
    let project = Project::from_case("one-shop");
    look(&project, "06:30:00");
    look(&project, "07:40:00");
    let mails = mails(&project);
    assert_eq!(mails.len(), 1);
    for words in [
        "[晨报] daily 2026-11-21 部分",
        "数据源「orders」",
        "11-22 07:40",
        "chenbao rerun daily --period 2026-11-21",
    ] {
        assert!(mails[0].contains(words), "{words}: {}", mails[0]);
    }
    let notices = notices(&project);
    assert_eq!(notices.len(), 1);
    assert_eq!(
        (&notices[0]["kind"], &notices[0]["times"]),
        (&"partial".into(), &1.into())
    );
    assert!(notices[0]["told"].is_string());
    Ok(())
}

/// Six reports that all go out incomplete: what is known first is told at once, the others together, ten minutes later.
fn storm() -> Result<(), Failed> {
    let project = Project::from_case("one-shop");
    let text = project.read("chenbao.toml");
    let (head, report) = text.split_once("[report.daily]").unwrap();
    let mut all = head.to_owned();
    for n in 1..=6 {
        all.push_str(&format!(
            "[report.daily{n}]{}",
            report.replace("report.daily", &format!("report.daily{n}"))
        ));
    }
    project.write("chenbao.toml", all);
    look(&project, "06:30:00");
    look(&project, "07:40:00");
    let at_once = mails(&project);
    assert_eq!(at_once.len(), 1, "what is known first, at once");
    look(&project, "07:45:00");
    assert_eq!(mails(&project).len(), 1);
    look(&project, "07:50:00");
    let mails = mails(&project);
    assert_eq!(mails.len(), 2, "the others in one, before 08:00");
    let all = mails.concat();
    let told = |n: &u32, mail: &String| mail.contains(&format!("daily{n} 2026-11-21（"));
    let count = |mail: &String| (1..=6).filter(|n| told(n, mail)).count();
    let each: Vec<usize> = mails.iter().map(count).collect();
    assert_eq!(each.iter().sum::<usize>(), 6, "each once: {all}");
    assert!(
        all.contains(&format!("部分 × {}", each.iter().max().unwrap())),
        "{all}"
    );
    Ok(())
}

fn failed() -> Result<(), Failed> {
    let project = Project::from_case("one-shop");
    project.write(
        "templates/daily/report.html",
        "<report>{{ nothing.of.the.kind }}</report>",
    );
    look(&project, "06:30:00");
    look(&project, "07:40:00");
    let mails = mails(&project);
    assert_eq!(mails.len(), 1, "{:?}", notices(&project));
    for words in [
        "未生成",
        "daily 2026-11-21",
        "chenbao run daily --period 2026-11-21 --deliver",
    ] {
        assert!(mails[0].contains(words), "{words}: {}", mails[0]);
    }
    look(&project, "07:55:00");
    assert_eq!(notices(&project).len(), 1, "told once");
    Ok(())
}
