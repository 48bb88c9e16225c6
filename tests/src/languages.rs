//! The contract seen from other languages and machines: a metric in Zig from its README to the report, and the header's layout wherever
//! a compiler can be asked.

use crate::house_rules::root;
use crate::orders::{export, line};
use crate::serving::{EXPORT, shop};
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    const ZIG: &[&str] = &["python3", "python:ziglang", "make"];
    vec![
        trial_with("languages::a_metric_in_zig_is_in_the_report", ZIG, zig),
        trial_with(
            "languages::the_header_has_its_layout_on_every_target",
            ZIG,
            layout,
        ),
    ]
}

/// What a command said, if it worked.
fn said(command: &mut Command) -> Result<String, Failed> {
    let out = command.output()?;
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    match out.status.success() {
        true => Ok(text),
        false => Err(format!("{command:?}: {text}").into()),
    }
}

/// The example, copied out of the repository: built as its README says, tried, documented, and in the page of a shop.
fn zig() -> Result<(), Failed> {
    let example = root().join("examples/metric-zig");
    // Ten orders: the fifth by amount is the middle, the ninth begins the top tenth.
    let amounts = [
        "10.00", "20.00", "30.00", "40.00", "50.05", "60.00", "70.00", "80.00", "999.90", "5000.00",
    ];
    let lines: Vec<_> = (0_u64..)
        .zip(amounts)
        .map(|(n, amount)| line(n, "2026-11-21 10:00:00", amount))
        .collect();
    let project = shop().file(EXPORT, export(&lines));
    let plugin = project.path().join("plugins/metric-zig");
    std::fs::create_dir_all(project.path().join("plugins"))?;
    drop(said(
        Command::new("cp").arg("-r").args([&example, &plugin]),
    )?);
    let cache = project.path().join("zig");
    let environment = [
        ("ZIG", "python3 -m ziglang".into()),
        ("API", root().join("plugins/api/include").into_os_string()),
        ("ZIG_GLOBAL_CACHE_DIR", cache.clone().into()),
        ("ZIG_LOCAL_CACHE_DIR", cache.into()),
    ];
    let at_plugin = |args: &[&str]| {
        let mut command = project.command(args);
        command.envs(environment.clone()).current_dir(&plugin);
        command
    };
    let tried = said(&mut at_plugin(&["plugin", "test", "."]))?;
    assert!(
        tried.contains("exports") && !tried.contains("failed "),
        "{tried}"
    );
    drop(said(&mut at_plugin(&["plugin", "docs", ".", "--check"]))?);

    let text = project.read("chenbao.toml").replace(
        "metrics = [\"sales\"]",
        "metrics = [\"sales\", \"order_size\"]",
    );
    project.write(
        "chenbao.toml",
        text + "\n[plugins]\nextra = [\"plugins/metric-zig\"]\n[metric.order_size]\nplugin = \"order_size\"\n",
    );
    let _ = project
        .run_at("2026-11-22T08:00:00+08:00", &["run", "daily"])
        .exits(0);
    let page = project.read("reports/daily/2026-11-21/boss.txt");
    for told in ["客单价中位数", "50.05", "最大一成订单起点", "999.90"] {
        assert!(page.contains(told), "{told}\n{page}");
    }
    Ok(())
}

/// Every committed table of offsets, held against the header by a compiler for that target.
fn layout() -> Result<(), Failed> {
    let api = root().join("plugins/api");
    let folder = tempfile::tempdir()?;
    let mut targets = 0;
    for entry in std::fs::read_dir(api.join("abi"))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(table) = name.strip_suffix(".offsets") else {
            continue;
        };
        let (_, target) = table
            .rsplit_once('.')
            .ok_or("a name is VERSION.TARGET.offsets")?;
        let source = folder.path().join(format!("{target}.c"));
        std::fs::write(&source, asserted(&std::fs::read_to_string(entry.path())?))?;
        drop(said(&mut compiler(folder.path(), target, &api, &source))?);
        // A wrong offset would be seen.
        let wrong = std::fs::read_to_string(&source)?.replacen(" == 8", " == 9", 1);
        std::fs::write(&source, wrong)?;
        assert!(said(&mut compiler(folder.path(), target, &api, &source)).is_err());
        targets += 1;
    }
    assert!(targets >= 5, "{targets} targets");
    Ok(())
}

fn compiler(folder: &Path, target: &str, api: &Path, source: &Path) -> Command {
    // Windows and macOS headers are not needed: stddef.h and stdint.h are the compiler's own.
    let mut command = Command::new("python3");
    command
        .args(["-m", "ziglang", "cc", "-std=c11", "-c", "-target", target])
        .arg("-I")
        .arg(api.join("include"))
        .arg(source)
        .arg("-o")
        .arg(folder.join("layout.o"))
        .env("ZIG_GLOBAL_CACHE_DIR", folder.join("cache"))
        .env("ZIG_LOCAL_CACHE_DIR", folder.join("cache"));
    command
}

/// `cb_buf.len 8` as an assertion of C; of a struct as a whole, which may have grown since, that it did not shrink.
fn asserted(table: &str) -> String {
    let mut program = String::from("#include \"chenbao_plugin.h\"\n");
    for line in table.lines() {
        let Some((what, number)) = line.rsplit_once(' ') else {
            continue;
        };
        let _ = match what.split_once('.') {
            Some((name, field)) => writeln!(
                program,
                "_Static_assert(offsetof({name}, {field}) == {number}, \"{what}\");"
            ),
            None if what.starts_with(|c: char| c.is_ascii_digit()) => Ok(()),
            None => writeln!(
                program,
                "_Static_assert(sizeof({what}) >= {number}, \"{what}\");"
            ),
        };
    }
    program
}
