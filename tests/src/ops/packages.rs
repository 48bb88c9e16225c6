//! Packages: the tarball works where it is unpacked, the .deb installs, and the same input makes the same bytes.

use crate::project::bin_dir;
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;

const NEEDS: &[&str] = &["dpkg-deb", "dpkg", "strip", "objdump", "tar", "useradd"];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("ops::packages_install_and_work", NEEDS, packages),
        trial_with(
            "ops::packages_of_the_same_input_are_the_same_bytes",
            NEEDS,
            the_same,
        ),
    ]
}

/// Output of a command that must work.
fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        out.status.success(),
        "{command:?}\n{said}{}",
        String::from_utf8_lossy(&out.stderr)
    );
    said
}

/// The tarball and the .deb of a build.
fn build(from: &Path, out: &Path) -> (PathBuf, PathBuf) {
    let script = crate::house_rules::root().join("packaging/build.sh");
    let said = run(Command::new(script)
        .arg("--fast")
        .arg("--from")
        .arg(from)
        .arg("--out")
        .arg(out)
        .env("SOURCE_DATE_EPOCH", "1795305600"));
    let mut lines = said.lines().map(PathBuf::from);
    (lines.next().unwrap(), lines.next().unwrap())
}

fn packages() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (tarball, deb) = build(&bin_dir(), &folder.path().join("out"));
    unpacked(&tarball, &folder.path().join("anywhere"));
    described(&deb);
    installed(&deb, &folder.path().join("root"));
    Ok(())
}

/// With any small program in the place of ours, in the order and at the times of two different builds.
fn the_same() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut made = Vec::new();
    for name in ["one", "two"] {
        let from = folder.path().join(name);
        std::fs::create_dir(&from)?;
        let mut files = vec!["chenbao".to_owned()];
        for plugin in std::fs::read_dir(crate::house_rules::root().join("plugins"))?.flatten() {
            let plugin = plugin.file_name().to_string_lossy().replace('-', "_");
            files.push(format!("lib{plugin}.so"));
        }
        if name == "two" {
            files.reverse();
        }
        for file in files {
            std::fs::copy("/bin/true", from.join(file))?;
        }
        let (tarball, deb) = build(&from, &folder.path().join(format!("{name}-out")));
        made.push((std::fs::read(tarball)?, std::fs::read(deb)?));
    }
    assert!(made[0].0 == made[1].0, "the tarballs differ");
    assert!(made[0].1 == made[1].1, "the .debs differ");
    Ok(())
}

/// A folder that knows nothing of the build.
fn unpacked(tarball: &Path, place: &Path) {
    std::fs::create_dir(place).unwrap();
    run(Command::new("tar")
        .arg("xzf")
        .arg(tarball)
        .arg("-C")
        .arg(place));
    let root = place.join(format!("chenbao-{}", env!("CARGO_PKG_VERSION")));
    works(
        &root.join("bin/chenbao"),
        &root.join("share/doc/chenbao/examples/online-retail"),
    );
}

/// The program finds its plugins, and makes the example's report with them.
fn works(program: &Path, example: &Path) {
    let chenbao = |args: &[&str]| {
        run(Command::new(program)
            .args(args)
            .current_dir(example)
            .env_clear()
            .env("PATH", "/usr/bin:/bin"))
    };
    let plugins = chenbao(&["plugin", "list"]);
    for plugin in [
        "files",
        "sql",
        "sales",
        "traffic",
        "customers",
        "campaign",
        "ads",
    ] {
        assert!(plugins.contains(plugin), "no `{plugin}`:\n{plugins}");
    }
    chenbao(&["collect"]);
    chenbao(&["sql", "select count(*) from orders"]);
    assert!(example.join("ledger.sqlite").exists());
}

fn described(deb: &Path) {
    let info = run(Command::new("dpkg-deb").arg("--info").arg(deb));
    for words in [
        "Package: chenbao",
        &format!("Version: {}", env!("CARGO_PKG_VERSION")),
        "Depends: libc6 (>= 2.",
        "conffiles",
        "postinst",
    ] {
        assert!(info.contains(words), "no `{words}`:\n{info}");
    }
    let contents = run(Command::new("dpkg-deb").arg("--contents").arg(deb));
    for line in contents.lines() {
        assert!(line.contains(" root/root "), "{line}");
        assert!(line.contains("2026-11-22 00:00"), "{line}");
    }
    for file in [
        "./usr/bin/chenbao",
        "./usr/lib/chenbao/plugins/libsource_files.so",
        "./usr/lib/systemd/system/chenbao.service",
        "./usr/lib/systemd/system/chenbao-watchdog.service",
        "./etc/chenbao/chenbao.toml",
        "./etc/chenbao/secrets.env",
        "./usr/share/doc/chenbao/config.example.toml",
        "./usr/share/doc/chenbao/licences/NotoSansSC-OFL.txt",
        "./usr/share/doc/chenbao/examples/online-retail/chenbao.toml",
    ] {
        let there = contents
            .lines()
            .any(|line| line.ends_with(&format!(" {file}")));
        assert!(there, "no {file}:\n{contents}");
    }
    assert!(!contents.contains("hostile"), "{contents}");
}

/// Into an empty root, with the user that the services run as; then out again, and the data stays.
fn installed(deb: &Path, root: &Path) {
    if !run(Command::new("id").arg("-u")).starts_with("0\n") {
        return;
    }
    for dir in ["etc", "var/lib/dpkg/info", "var/lib/dpkg/updates"] {
        std::fs::create_dir_all(root.join(dir)).unwrap();
    }
    for file in [
        "etc/passwd",
        "etc/group",
        "etc/shadow",
        "etc/gshadow",
        "var/lib/dpkg/status",
    ] {
        std::fs::write(root.join(file), "").unwrap();
    }
    let dpkg = |args: &[&str]| {
        let mut command = Command::new("dpkg");
        command
            .arg(format!("--root={}", root.display()))
            .args([
                "--force-script-chrootless",
                "--force-depends",
                "--force-unsafe-io",
            ])
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command)
    };
    dpkg(&["--install", deb.to_str().unwrap()]);
    let passwd = std::fs::read_to_string(root.join("etc/passwd")).unwrap();
    assert!(passwd.starts_with("chenbao:"), "{passwd}");
    let mode = |path: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        root.join(path).metadata().unwrap().permissions().mode() & 0o777
    };
    assert_eq!(
        (mode("etc/chenbao/secrets.env"), mode("var/lib/chenbao")),
        (0o640, 0o750)
    );
    let plugins = run(Command::new(root.join("usr/bin/chenbao"))
        .args(["--config", "chenbao.toml", "plugin", "list"])
        .current_dir(root.join("usr/share/doc/chenbao/examples/online-retail")));
    assert!(
        plugins.contains("files") && plugins.contains("sales"),
        "{plugins}"
    );
    std::fs::write(root.join("var/lib/chenbao/ledger.sqlite"), "").unwrap();
    dpkg(&["--purge", "chenbao"]);
    assert!(
        !root.join("usr/bin/chenbao").exists() && !root.join("etc/chenbao/chenbao.toml").exists()
    );
    assert!(root.join("var/lib/chenbao/ledger.sqlite").exists());
}
