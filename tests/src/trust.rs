//! Whose libraries are loaded: pins, signatures, and what was changed after either.

use crate::hostile::compile;
use crate::project::{Project, bin_dir};
use crate::trial;
use libtest_mimic::{Failed, Trial};
use minisign::KeyPair;
use serde_json::Value;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial("trust::pins_are_written_and_kept_to", pins),
        trial("trust::a_modified_library_never_loads", modified),
        trial(
            "trust::a_signature_is_for_a_file_an_id_and_a_version",
            signed,
        ),
        trial(
            "trust::a_replaced_library_is_not_mixed_with_what_was_looked_at",
            written_into,
        ),
    ]
}

/// A project with a team's own plugin in C.
fn project() -> Result<Project, Failed> {
    let project = Project::from_case("one-shop");
    std::fs::create_dir_all(project.path().join("plugins"))?;
    build(&project, "row_count", "")?;
    Ok(project)
}

/// Compiles the example in C; another flag makes another library.
fn build(project: &Project, name: &str, flag: &str) -> Result<(), Failed> {
    let api = crate::house_rules::root().join("plugins/api");
    let (include, source) = (api.join("include"), api.join("examples-c/row_count.c"));
    let mut args = vec!["-I".to_owned(), include.display().to_string()];
    args.extend([flag.to_owned(), source.display().to_string()]);
    let args: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .filter(|arg| !arg.is_empty())
        .collect();
    compile(&args, &project.path().join(format!("plugins/lib{name}.so")))
}

fn configure(project: &Project, lines: &str) {
    let text = project.read("chenbao.toml");
    let text = text.split("\n[plugins]").next().unwrap_or_default();
    project.write("chenbao.toml", format!("{text}\n[plugins]\n{lines}\n"));
}

/// What `plugin list` says of the team's plugin: its standing, or why it is not usable.
fn standing(project: &Project) -> String {
    let run = project.run(&["plugin", "list", "--json"]);
    let all = run.json();
    let found = all
        .as_array()
        .into_iter()
        .flatten()
        .find(|one| one["id"] == "row_count");
    match found {
        Some(one) => one["standing"].as_str().unwrap_or_default().to_owned(),
        None => run.stderr,
    }
}

fn pins() -> Result<(), Failed> {
    let project = project()?;
    assert_eq!(standing(&project), "unsigned");
    drop(
        project
            .run(&["plugin", "lock"])
            .exits(0)
            .says(&["row_count", "new", "plugins.lock"]),
    );
    let lock = project.read("plugins.lock");
    assert!(
        lock.contains("librow_count.so") && !lock.contains("sales"),
        "{lock}"
    );
    assert_eq!(standing(&project), "locked");
    drop(project.run(&["check"]).exits(0).says(&["trust: lock"]));
    drop(project.run(&["plugin", "lock"]).exits(0).says(&["same"]));
    // What came with the program needs no pin; a second library of the team does.
    let listed = project.run(&["plugin", "list", "--json"]).json();
    let sales = listed
        .as_array()
        .into_iter()
        .flatten()
        .find(|one| one["id"] == "sales");
    assert_eq!(
        sales.map(|one| &one["standing"]),
        Some(&Value::from("built-in"))
    );
    std::fs::remove_file(project.path().join("plugins/librow_count.so"))?;
    build(&project, "another", "-g")?;
    let why = standing(&project);
    assert!(
        why.contains("(unsigned)") && why.contains("chenbao plugin lock"),
        "{why}"
    );
    Ok(())
}

fn modified() -> Result<(), Failed> {
    let project = project()?;
    drop(project.run(&["plugin", "lock"]).exits(0));
    build(&project, "row_count", "-g")?;
    for policy in ["", "trust = \"signed\"", "trust = \"any\""] {
        configure(&project, policy);
        let why = standing(&project);
        assert!(
            why.contains("(modified)")
                && why.contains("it is not the `row_count` that plugins.lock pins"),
            "{policy}: {why}"
        );
    }
    // Under another name too.
    let there = |name: &str| project.path().join(format!("plugins/lib{name}.so"));
    std::fs::rename(there("row_count"), there("innocent"))?;
    let why = standing(&project);
    assert!(why.contains("(modified)"), "{why}");
    drop(project.run(&["plugin", "lock"]).exits(0).says(&["changed"]));
    assert_eq!(standing(&project), "locked");
    Ok(())
}

fn signed() -> Result<(), Failed> {
    let project = project()?;
    let pair = KeyPair::generate_unencrypted_keypair()?;
    let library = project.path().join("plugins/librow_count.so");
    let sign = |comment: &str| -> Result<(), Failed> {
        let file = std::fs::File::open(&library)?;
        let signature = minisign::sign(Some(&pair.pk), &pair.sk, file, Some(comment), None)?;
        project.write("plugins/librow_count.so.minisig", signature.to_string());
        Ok(())
    };
    let keys = format!("keys = [\"{}\"]", pair.pk.to_base64());
    configure(&project, &format!("trust = \"signed\"\n{keys}"));
    let why = standing(&project);
    assert!(
        why.contains("(unsigned)") && why.contains("nobody signed it"),
        "{why}"
    );
    sign("plugin=row_count version=0.1.0")?;
    assert_eq!(standing(&project), "signed");
    for (comment, what) in [
        ("plugin=row_count version=0.2.0", "another version"),
        ("plugin=sales version=0.1.0", "another id"),
    ] {
        sign(comment)?;
        let why = standing(&project);
        assert!(
            why.contains("(invalid)") && why.contains("its signature is for"),
            "{what}: {why}"
        );
    }
    sign("plugin=row_count version=0.1.0")?;
    build(&project, "row_count", "-g")?;
    for policy in ["signed", "any"] {
        configure(&project, &format!("trust = \"{policy}\"\n{keys}"));
        let why = standing(&project);
        assert!(
            why.contains("(invalid)") && why.contains("not the file that was signed"),
            "{why}"
        );
    }
    sign("plugin=row_count version=0.1.0")?;
    let other = KeyPair::generate_unencrypted_keypair()?;
    configure(
        &project,
        &format!("trust = \"signed\"\nkeys = [\"{}\"]", other.pk.to_base64()),
    );
    assert!(standing(&project).contains("a key that [plugins] keys does not name"));
    configure(&project, "keys = [\"RWnonsense\"]");
    drop(
        project
            .run(&["check"])
            .exits(2)
            .says(&["is no minisign key"]),
    );
    Ok(())
}

/// What was looked at is what runs: other bytes in the same file are noticed, another file at its path is not loaded.
fn written_into() -> Result<(), Failed> {
    use crate::hostile::{call, figure, program, spec};
    use chenbao::plugin::host::{ComputeCall, HostSpec, MetricHost};
    let project = project()?;
    let library = project.path().join("plugins/librow_count.so");
    let component = chenbao::plugin::store::inspect(&library, &program())?;
    let start = || {
        let opened = component.opened.clone();
        MetricHost::spawn(HostSpec {
            opened,
            ..spec(&library, "row_count", 5, 1)
        })
    };
    let replacement = project.path().join("plugins/new");
    std::fs::copy(bin_dir().join("libhostile_plugins.so"), &replacement)?;
    std::fs::rename(&replacement, &library)?;
    let mut rows = crate::hostile::lines(7);
    rows.0 = "rows".to_owned();
    let ask = ComputeCall {
        component: "row_count".to_owned(),
        ..call(&serde_json::json!({}))
    };
    assert_eq!(figure(start().unwrap().compute(&ask, vec![rows])), "7");
    build(&project, "row_count", "")?;
    let component = chenbao::plugin::store::inspect(&library, &program())?;
    let file = std::fs::OpenOptions::new().write(true).open(&library)?;
    file.set_len(100)?;
    let opened = component.opened.clone();
    let refused = MetricHost::spawn(HostSpec {
        opened,
        ..spec(&library, "row_count", 5, 1)
    });
    let why = refused.unwrap_err();
    assert_eq!(why.code(), "refused_at_load");
    assert!(why.to_string().contains("written into"), "{why}");
    Ok(())
}
