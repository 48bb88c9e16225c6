//! Throw-away servers on loopback, started from the programs of the machine and gone with their folder.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn program(names: &[&str]) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    folders.push("/usr/sbin".into());
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    let all = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.into_iter().find(|path| path.is_file())
}

fn programs<const N: usize>(what: &str, wanted: [&[&str]; N]) -> Option<[PathBuf; N]> {
    let found: Vec<PathBuf> = wanted.iter().filter_map(|names| program(names)).collect();
    let found = found.try_into().ok();
    if found.is_none() {
        eprintln!("SKIPPED: {what} is not installed here; its test did not run");
    }
    found
}

/// Runs it and insists that it works.
fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn fed(command: &mut Command, text: &str) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "{command:?}");
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// PostgreSQL refuses to run as root: then it runs as its own user.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command
        .args(["-u", "postgres", "--"])
        .arg(program)
        .current_dir("/");
    command
}

/// A PostgreSQL server.
pub(crate) struct Postgres {
    folder: tempfile::TempDir,
    control: PathBuf,
    shell: PathBuf,
    port: u16,
}

impl Postgres {
    /// Starts one, if the programs are there.
    pub(crate) fn start() -> Option<Self> {
        let [init, control, shell] = programs("PostgreSQL", [&["initdb"], &["pg_ctl"], &["psql"]])?;
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            done(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let data = folder.path().join("data");
        done(as_postgres(&init).arg("-D").arg(&data).args([
            "-U",
            "chenbao",
            "--auth=trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]));
        let server = Self {
            folder,
            control,
            shell,
            port: free_port(),
        };
        fs::write(
            data.join("pg_hba.conf"),
            "host all locked 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n",
        )
        .unwrap();
        server.go_on();
        Some(server)
    }

    /// Starts it, or starts it again.
    pub(crate) fn go_on(&self) {
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c fsync=off",
            self.port,
            self.folder.path().display()
        );
        let log = self.folder.path().join("log");
        done(
            as_postgres(&self.control)
                .arg("-D")
                .arg(self.folder.path().join("data"))
                .arg("-w")
                .arg("-l")
                .arg(log)
                .arg("-o")
                .arg(options)
                .arg("start"),
        );
    }

    /// Stops it at once, as a machine that dies.
    pub(crate) fn stop(&self) {
        let data = self.folder.path().join("data");
        let _ = as_postgres(&self.control)
            .arg("-D")
            .arg(data)
            .args(["-m", "immediate", "stop"])
            .output();
    }

    /// Runs statements as the owner.
    pub(crate) fn run(&self, sql: &str) {
        fed(
            Command::new(&self.shell).args(["-q", "-v", "ON_ERROR_STOP=1", &self.url("chenbao")]),
            sql,
        );
    }

    /// Its address for a user.
    pub(crate) fn url(&self, user: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A MariaDB server.
pub(crate) struct MariaDb {
    folder: tempfile::TempDir,
    shell: PathBuf,
    server: Child,
    port: u16,
}

impl MariaDb {
    /// Starts one, if the programs are there.
    pub(crate) fn start() -> Option<Self> {
        let names: [&[&str]; 4] = [
            &["mariadb-install-db"],
            &["mariadbd"],
            &["mariadb-admin"],
            &["mariadb"],
        ];
        let [install, daemon, admin, shell] = programs("MariaDB", names)?;
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let option =
            |name: &str, file: &str| format!("--{name}={}", folder.path().join(file).display());
        let socket = option("socket", "s");
        let mut common = vec!["--no-defaults".to_owned(), option("datadir", "data")];
        if is_root() {
            common.push("--user=root".to_owned());
        }
        done(
            Command::new(install)
                .args(&common)
                .args(["--auth-root-authentication-method=normal", "--skip-test-db"]),
        );
        let server = Command::new(daemon)
            .args(&common)
            .args([
                &socket,
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                &format!("--port={port}"),
            ])
            .args([&option("pid-file", "pid"), &option("log-error", "log")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            folder,
            shell,
            server,
            port,
        };
        done(Command::new(admin).args([
            "--no-defaults",
            &socket,
            "--user=root",
            "--wait=60",
            "ping",
        ]));
        fed(
            &mut server.client(),
            "create database erp character set utf8mb4",
        );
        Some(server)
    }

    fn client(&self) -> Command {
        let mut command = Command::new(&self.shell);
        let socket = format!("--socket={}", self.folder.path().join("s").display());
        command.args([
            "--no-defaults",
            &socket,
            "--user=root",
            "--default-character-set=utf8mb4",
        ]);
        command
    }

    /// Runs statements as the owner.
    pub(crate) fn run(&self, sql: &str) {
        fed(self.client().arg("erp"), sql);
    }

    /// Its address for a user.
    pub(crate) fn url(&self, user: &str) -> String {
        format!("mysql://{user}@127.0.0.1:{}/erp", self.port)
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
