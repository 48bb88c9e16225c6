//! An open project: the configuration with its lake, ledger, archive, engine and plugins, handed to every stage.

use crate::archive::Archive;
use crate::asking::Turns;
use crate::clock::Clock;
use crate::config::meant::{LedgerUrl, MappingRef, Source, Transport};
use crate::config::{self, Config};
use crate::identity;
use crate::ledger::{self, Ledger};
use crate::life::Life;
use crate::mail;
use crate::plugin::host::{HostSpec, Limits, Reach};
use crate::plugin::lock::{self, Lock};
use crate::plugin::store::{Component, PluginStore};
use crate::plugin::trust::Trust;
use crate::{disk, fonts, storage, templates};
use chenbao_engine::{Engine, EngineOptions, Lake, Mapping};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Id};
use chenbao_report::TemplateSet;
use chenbao_report::fonts::Fonts;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Memory for queries and merges where the machine does not say what it has; past it DataFusion spills to disk.
const ENGINE_MEMORY: usize = 1 << 30;
/// After a call is cancelled, a plugin has this long to stop by itself.
const GRACE: std::time::Duration = std::time::Duration::from_secs(5);

/// What every stage works with.
#[derive(Debug)]
pub struct Project {
    /// The configuration.
    pub config: Config,
    /// Parquet files.
    pub lake: Lake,
    /// Contents by digest.
    pub archive: Archive,
    /// The truth.
    pub ledger: Ledger,
    /// SQL.
    pub engine: Engine,
    /// Plugins by component id.
    pub plugins: PluginStore,
    /// Whose libraries are loaded.
    pub trust: Trust,
    /// Templates of the product with the project's own on top.
    pub templates: TemplateSet,
    /// Fonts for pages and pictures.
    pub fonts: Fonts,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What the process knows of itself.
    pub life: Life,
    /// Whose turn it is to ask each source.
    pub turns: Turns,
    /// This program, for plugin hosts.
    exe: PathBuf,
    /// Key that hides personal cells.
    hash_key: Vec<u8>,
}

impl Project {
    /// Opens everything that a configuration names. `exe` is the program that becomes plugin hosts.
    ///
    /// # Errors
    /// Whatever cannot be opened, all at once where possible.
    pub async fn open(
        config: Config,
        clock: Arc<dyn Clock>,
        exe: PathBuf,
    ) -> Result<Self, Problems> {
        let lake = Lake::open(&config.lake.dir)?;
        let archive = Archive::open(&config.archive)?;
        let temp_dir = disk::spill(&config);
        let engine = Engine::new(EngineOptions {
            memory_bytes: engine_memory(),
            temp_dir,
            threads: threads(),
        })?;
        let url = match &config.ledger {
            LedgerUrl::Plain(url) => url.clone(),
            LedgerUrl::Secret(reference) => config::fetch(reference)?.expose().to_owned(),
        };
        let ledger = match Ledger::open(&url).await {
            Ok(ledger) => ledger,
            Err(e) => {
                let problem = Diagnostic {
                    message: format!("cannot open the ledger: {e}"),
                    ..Diagnostic::from(e)
                };
                let problem = problem.in_file(&config.file).hint("check [ledger] url; for SQLite the folder must be writable, for PostgreSQL the server reachable");
                return Err(disk::explain(&config, problem.into()));
            }
        };
        identity::confirm(&ledger, &config.lake.dir, &config.archive).await?;
        let trust = trust(&config, &exe)?;
        let plugins = PluginStore::open_trusted(&plugin_dirs(&config, &exe), &exe, &trust);
        let templates = TemplateSet::builtin().overlaid(templates::read(&config.templates)?);
        let fonts = fonts::open(&config.fonts)?;
        let hash_key = hash_key(&config)?;
        Ok(Self {
            config,
            lake,
            archive,
            ledger,
            engine,
            plugins,
            trust,
            templates,
            fonts,
            clock,
            life: Life::default(),
            turns: Turns::default(),
            exe,
            hash_key,
        })
    }

    /// The plugin behind a configured source or metric.
    ///
    /// # Errors
    /// There is no such component; the nearest name is the hint.
    pub fn component(&self, id: &Id) -> Result<&Component, Diagnostic> {
        self.plugins
            .component(id.as_str())
            .map_err(|problem| problem.in_file(&self.config.file))
    }

    /// Every plugin there is, also those that are not trusted: for whoever decides about that.
    #[must_use]
    pub fn every_plugin(&self) -> PluginStore {
        plugins_of(Some(&self.config), &self.exe)
    }

    /// The channel that mail has in the ledger of deliveries.
    #[must_use]
    pub fn mail_channel(&self) -> &'static str {
        match self.config.mail.transport {
            Transport::Folder(_) => ledger::FOLDER,
            Transport::Smtp(_) => ledger::MAIL,
        }
    }

    /// The key that hides personal cells.
    #[must_use]
    pub fn hash_key(&self) -> &[u8] {
        &self.hash_key
    }

    /// What only those know who have the message of a delivery: whoever reports on it must name it.
    #[must_use]
    pub fn delivery_token(&self, delivery: &str) -> String {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let mut token = String::new();
        // A key of any length is taken.
        if let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(&self.hash_key) {
            mac.update(format!("delivery\n{delivery}").as_bytes());
            for byte in mac.finalize().into_bytes() {
                token.push_str(&format!("{byte:02x}"));
            }
        }
        token.truncate(mail::TOKEN);
        token
    }

    /// How to start the host of a component.
    #[must_use]
    pub fn host(
        &self,
        component: &Component,
        options_json: String,
        secrets: BTreeMap<String, String>,
    ) -> Option<HostSpec> {
        let library = component.library.clone()?;
        let limits = Limits {
            deadline: self.config.plugins.deadline,
            grace: GRACE,
            memory_bytes: self.config.plugins.memory,
        };
        Some(HostSpec {
            exe: self.exe.clone(),
            library,
            component: component.id.clone(),
            options_json,
            secrets,
            keeper: None,
            limits,
            reach: Reach {
                sandbox: self.config.plugins.sandbox,
                ..Reach::default()
            },
            opened: component.opened.clone(),
        })
    }

    /// The project's folder as sources are told it; their processes work elsewhere.
    #[must_use]
    pub fn base(&self) -> String {
        let folder = storage::whole_path(&self.config.folder);
        folder.display().to_string()
    }

    /// What a source with these options may reach.
    ///
    /// # Errors
    /// Options that would open the project's own files to it.
    pub fn reach(
        &self,
        component: &Component,
        options: &serde_json::Value,
        secrets: &BTreeMap<String, String>,
    ) -> Result<Reach, Vec<Diagnostic>> {
        let config = &self.config;
        let mut kept = vec![
            PathBuf::from(&config.file),
            config.lake.dir.clone(),
            config.archive.clone(),
        ];
        if let LedgerUrl::Plain(url) = &config.ledger {
            kept.extend(
                url.strip_prefix("sqlite:")
                    .map(|path| path.trim_start_matches("//").into()),
            );
        }
        let reach = component.descriptor.reach(options, secrets, &kept)?;
        Ok(Reach {
            sandbox: config.plugins.sandbox,
            ..reach
        })
    }

    /// The mappings of a source, read and checked.
    ///
    /// # Errors
    /// A preset that the plugin does not ship, a file that cannot be read, a mapping with mistakes.
    pub fn mappings(&self, source: &Source) -> Result<Vec<Mapping>, Problems> {
        let component = self.component(&source.plugin)?;
        let mut mappings = Vec::new();
        for reference in &source.mappings {
            let (name, text) = match reference {
                MappingRef::Preset(name) => (name.clone(), preset(component, name, source)?),
                MappingRef::File(path) => (path.display().to_string(), read(path)?),
            };
            mappings.push(Mapping::from_toml(&name, &text)?);
        }
        Ok(mappings)
    }
}

fn preset(component: &Component, name: &str, source: &Source) -> Result<String, Diagnostic> {
    let presets = &component.descriptor.presets;
    presets.get(name).cloned().ok_or_else(|| {
        let known: Vec<&str> = presets.keys().map(String::as_str).collect();
        Diagnostic::error(format!(
            "the plugin `{}` ships no mapping `{name}`",
            component.id
        ))
        .at(source.place.clone())
        .hint(format!(
            "known: {}; or give the path of your own .toml",
            known.join(", ")
        ))
    })
}

/// Reads a text file that the configuration names.
fn read(path: &Path) -> Result<String, Diagnostic> {
    std::fs::read_to_string(path).map_err(|e| {
        Diagnostic::error(format!("cannot read the file: {e}"))
            .in_file(path.display().to_string())
            .hint("check the path")
    })
}

/// The plugins of a configuration, or those that came with this program where there is none; nobody is asked whether they are trusted.
#[must_use]
pub fn plugins_of(config: Option<&Config>, exe: &Path) -> PluginStore {
    let dirs = match config {
        Some(config) => plugin_dirs(config, exe),
        None => home(exe).into_iter().collect(),
    };
    PluginStore::open(&dirs, exe)
}

/// Where libraries lie: the configured folder, else that of an installed program, else beside the executable (where cargo puts
/// them), then the extra ones.
fn plugin_dirs(config: &Config, exe: &Path) -> Vec<PathBuf> {
    let usual = || home(exe);
    let mut dirs: Vec<PathBuf> = config
        .plugins
        .dir
        .clone()
        .or_else(usual)
        .into_iter()
        .collect();
    dirs.extend(config.plugins.extra.iter().cloned());
    dirs
}

/// Where the plugins lie that came with this program.
fn home(exe: &Path) -> Option<PathBuf> {
    let beside = exe.parent().map(Path::to_path_buf);
    let prefix = beside.as_deref().and_then(Path::parent);
    let installed = prefix
        .map(|prefix| prefix.join("lib/chenbao/plugins"))
        .filter(|dir| dir.is_dir());
    installed.or(beside)
}

fn trust(config: &Config, exe: &Path) -> Result<Trust, Problems> {
    let lock = Lock::read(&config.folder.join(lock::NAME))?;
    let plugins = &config.plugins;
    let trust = Trust::new(lock, &plugins.keys, plugins.trust, home(exe).as_deref());
    trust
        .map(|trust| trust.within(plugins.sandbox))
        .map_err(|Problems(found)| {
            let placed = found.into_iter();
            Problems(
                placed
                    .map(|problem| problem.in_file(&config.file))
                    .collect(),
            )
        })
}

/// The configured key, else one that is made once and kept in the lake's folder, readable by its owner only.
fn hash_key(config: &Config) -> Result<Vec<u8>, Diagnostic> {
    if let Some(reference) = &config.lake.hash_key {
        return Ok(config::fetch(reference)?.expose().as_bytes().to_vec());
    }
    let path = config.lake.dir.join("hash.key");
    let fail = |e: std::io::Error| {
        let what = "the key that hides personal cells";
        storage::refused(what, &path, &e)
            .hint("make the lake's folder writable, or give [lake] hash_key")
    };
    if let Ok(key) = std::fs::read(&path) {
        return Ok(key);
    }
    let key = identity::random(32).map_err(fail)?;
    match storage::create_private(&path, &key) {
        Ok(()) => Ok(key),
        // Another process was first; its key is the key.
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::read(&path).map_err(fail)
        }
        Err(e) => Err(fail(e)),
    }
}

/// Half of what the machine has free, at least [`ENGINE_MEMORY`]: whole histories of buyers cannot spill.
fn engine_memory() -> usize {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = available.and_then(|rest| {
        rest.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<usize>()
            .ok()
    });
    kib.map_or(ENGINE_MEMORY, |kib| kib * 1024 / 2)
        .max(ENGINE_MEMORY)
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
