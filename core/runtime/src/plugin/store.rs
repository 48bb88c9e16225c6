//! Which plugins there are: libraries, each looked at in a short-lived process, and folders of metrics without code.

use super::builtin;
use super::descriptor::{Descriptor, Folder};
use super::opened::Opened;
use super::restrict::Fence;
use super::session::{Session, Start};
use super::trust::{Refusal, Standing, Trust};
use crate::config::Sandbox;
use chenbao_model::diagnostic::{Problems, nearest};
use chenbao_model::{Diagnostic, Digest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A library that is only looked at needs no more.
const MEMORY: u64 = 512 << 20;
/// Processor time for looking.
const CPU: Duration = Duration::from_secs(5);

/// One usable plugin.
#[derive(Debug, Clone)]
pub struct Component {
    /// Component id.
    pub id: String,
    /// Its library; none for a metric without code.
    pub library: Option<PathBuf>,
    /// Library or folder.
    pub path: PathBuf,
    /// What it declares.
    pub descriptor: Descriptor,
    /// How the library was built, JSON; empty for a folder.
    pub build: String,
    /// SHA-256 of the library, or of the folder's files.
    pub digest: Option<Digest>,
    /// The library as it was looked at: the file that its processes load.
    pub opened: Option<Opened>,
    /// Who vouches for it.
    pub standing: Standing,
}

/// Something that looks like a plugin and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Library or folder.
    pub path: PathBuf,
    /// Why.
    pub why: String,
    /// Who vouches for it, where that is why.
    pub standing: Option<Standing>,
}

/// Plugins by component id.
#[derive(Debug, Clone, Default)]
pub struct PluginStore {
    components: BTreeMap<String, Component>,
    blocked: Vec<Blocked>,
}

impl PluginStore {
    /// Looks through folders; where two have a component of one id, the earlier folder wins. `exe` is the program that
    /// becomes plugin processes. Never fails: what cannot be used is [`PluginStore::blocked`].
    #[must_use]
    pub fn open(dirs: &[PathBuf], exe: &Path) -> Self {
        Self::open_trusted(dirs, exe, &Trust::default())
    }

    /// The same; of a library that the project does not trust nothing runs, or nothing more.
    #[must_use]
    pub fn open_trusted(dirs: &[PathBuf], exe: &Path, trust: &Trust) -> Self {
        let mut store = Self::default();
        for dir in dirs {
            let libraries = libraries(dir);
            for (path, found) in libraries.iter().zip(inspect_all(&libraries, exe, trust)) {
                store.add(path, found);
            }
            for folder in folders(dir)
                .into_iter()
                .chain(folders(&dir.join("plugins")))
            {
                store.add(
                    &folder,
                    without_code(&folder).map_err(|problems| (problems.to_string(), None)),
                );
            }
        }
        // A folder of the same id found above is a team's own version, and wins without a word.
        for (name, folder) in builtin::folders() {
            let path = Path::new(name);
            if let Ok(mut component) = of_folder(path, &folder)
                && !store.components.contains_key(&component.id)
            {
                component.standing = Standing::BuiltIn;
                store.components.insert(component.id.clone(), component);
            }
        }
        store
    }

    fn add(&mut self, path: &Path, found: Result<Component, NotUsable>) {
        let (why, standing) = match found {
            Ok(component) => match self.components.get(&component.id) {
                None => {
                    self.components.insert(component.id.clone(), component);
                    return;
                }
                Some(first) => (
                    format!(
                        "`{}` is already there: {}",
                        component.id,
                        first.path.display()
                    ),
                    None,
                ),
            },
            Err(why) => why,
        };
        self.blocked.push(Blocked {
            path: path.to_owned(),
            why,
            standing,
        });
    }

    /// The component of that id.
    ///
    /// # Errors
    /// There is none; the hint names the nearest, or what could not be loaded.
    pub fn component(&self, id: &str) -> Result<&Component, Diagnostic> {
        self.components.get(id).ok_or_else(|| {
            let same = |blocked: &&Blocked| {
                let name = blocked.path.file_stem().unwrap_or_default().to_string_lossy();
                name.replace('-', "_").ends_with(&id.replace('-', "_"))
            };
            if let Some(Blocked { path, why, .. }) = self.blocked.iter().find(same) {
                let why = why.trim_start_matches("error: ").trim_end();
                let problem = format!("the plugin `{id}` cannot be used: {why}");
                return Diagnostic::error(problem).hint(format!("it lies in {}", path.display()));
            }
            let problem = Diagnostic::error(format!("there is no plugin `{id}`"));
            match nearest(id, self.components.keys().map(String::as_str)) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("`chenbao plugin list` shows what there is; [plugins] dir and extra say where to look"),
            }
        })
    }

    /// All of them, by id.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.components.values()
    }

    /// What looks like a plugin and cannot be used.
    #[must_use]
    pub fn blocked(&self) -> &[Blocked] {
        &self.blocked
    }

    /// The same as warnings: nothing may need them.
    #[must_use]
    pub fn problems(&self) -> Vec<Diagnostic> {
        let told = |blocked: &Blocked| {
            let standing = blocked
                .standing
                .map(|standing| format!(" ({})", standing.word()));
            let standing = standing.unwrap_or_default();
            Diagnostic::warning(format!("not usable as a plugin{standing}: {}", blocked.why))
                .in_file(blocked.path.display().to_string())
        };
        self.blocked.iter().map(told).collect()
    }
}

/// Why something cannot be used, and who vouches for it where that is why.
type NotUsable = (String, Option<Standing>);

/// Looks at one library in a process of its own, whoever vouches for it.
///
/// # Errors
/// Why it cannot be used.
pub fn inspect(library: &Path, exe: &Path) -> Result<Component, String> {
    trusted(library, exe, &Trust::default()).map_err(|(why, _)| why)
}

/// Looks at one library, if its bytes are trusted.
fn trusted(library: &Path, exe: &Path, trust: &Trust) -> Result<Component, NotUsable> {
    let failed = |why: String| (why, None);
    let refused = |refusal: Refusal| (refusal.why, Some(refusal.standing));
    let (opened, before) = Opened::open(library, |digest, bytes| {
        trust.before(library, digest, bytes)
    })
    .map_err(|e| failed(e.to_string()))?;
    let before = before.map_err(refused)?;
    let mut component = looked_at(library, exe, opened, trust.sandbox).map_err(failed)?;
    let digest = component.digest.clone().unwrap_or_else(|| Digest::of(""));
    component.standing = trust
        .after(&before, &digest, &component.descriptor)
        .map_err(refused)?;
    Ok(component)
}

fn looked_at(
    library: &Path,
    exe: &Path,
    opened: Opened,
    sandbox: Sandbox,
) -> Result<Component, String> {
    let start = Start {
        exe,
        library,
        opened: Some(&opened),
        memory_bytes: MEMORY,
        cpu: CPU,
        fence: Fence {
            sandbox,
            ..Fence::default()
        },
    };
    let session = Session::start(&start).map_err(|verdict| verdict.to_string())?;
    let descriptor =
        Descriptor::from_library(&session.descriptor).map_err(|problems| problems.to_string())?;
    Ok(Component {
        id: descriptor.id.clone(),
        library: Some(library.to_owned()),
        path: library.to_owned(),
        descriptor,
        build: session.build.clone(),
        digest: Some(opened.digest().clone()),
        opened: Some(opened),
        standing: Standing::Unsigned,
    })
}

/// Looks at several at the same time, as many as there are processors; answers in the order of the libraries.
fn inspect_all(
    libraries: &[PathBuf],
    exe: &Path,
    trust: &Trust,
) -> Vec<Result<Component, NotUsable>> {
    let threads = std::thread::available_parallelism()
        .map_or(1, std::num::NonZero::get)
        .min(libraries.len());
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let work = || {
        let take = || {
            libraries
                .iter()
                .enumerate()
                .nth(next.fetch_add(1, Ordering::Relaxed))
        };
        while let Some((at, library)) = take() {
            let found = trusted(library, exe, trust);
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(at, found);
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    done.into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .into_values()
        .collect()
}

/// A metric that needs no library.
///
/// # Errors
/// Everything that is wrong with its folder.
pub fn without_code(dir: &Path) -> Result<Component, Problems> {
    of_folder(dir, &Folder::read(dir)?)
}

fn of_folder(dir: &Path, folder: &Folder) -> Result<Component, Problems> {
    let descriptor = Descriptor::parse(folder)?;
    if !descriptor.answers_without_code() {
        let lacking: Vec<&str> = descriptor
            .outputs
            .iter()
            .filter(|output| output.from.is_none())
            .map(|output| output.id.as_str())
            .collect();
        let problem = Diagnostic::error(format!(
            "the folder has no library, and these outputs have no `from`: {}",
            lacking.join(", ")
        ));
        return Err(problem
            .in_file(dir.join("metric.toml").display().to_string())
            .into());
    }
    let text: String = folder
        .files
        .iter()
        .map(|(path, text)| format!("{path}\n{}\n{text}\n", text.len()))
        .collect();
    Ok(Component {
        id: descriptor.id.clone(),
        library: None,
        path: dir.to_owned(),
        descriptor,
        build: String::new(),
        digest: Some(Digest::of(text)),
        opened: None,
        standing: Standing::NoCode,
    })
}

/// The SDK's own macros, which cargo leaves beside the program that is built with them.
const MACROS: &str = "libchenbao_plugin_derive";

/// The libraries of a folder, by name.
fn libraries(dir: &Path) -> Vec<PathBuf> {
    let library = |path: &PathBuf| {
        path.extension()
            .is_some_and(|ext| ext == std::env::consts::DLL_EXTENSION)
            && path.file_stem().is_some_and(|stem| stem != MACROS)
            && path.is_file()
    };
    entries(dir)
        .into_iter()
        .filter(library)
        .filter_map(|path| path.canonicalize().ok())
        .collect()
}

/// The folders with a metric.toml in a folder, by name. A folder with code is the source of a library, not a metric.
fn folders(dir: &Path) -> Vec<PathBuf> {
    let code = |path: &Path| {
        ["Cargo.toml", "Makefile"]
            .iter()
            .any(|file| path.join(file).exists())
    };
    let metric = |path: &PathBuf| path.join("metric.toml").is_file() && !code(path);
    entries(dir).into_iter().filter(metric).collect()
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_metrics_and_what_is_wrong_with_others_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let words = "[item]\nspend = 'x'\n";
        let metric = "id = 'ads'\nkind = 'metric'\nversion = '0.1.0'\ntitle = 'Ads'\nsummary = 'Ads.'\n\
            [inputs.total]\ndescription = 'One row.'\ntables = ['ads']\nwindow = 'period'\nsql = 'sql/q.sql'\n\
            [outputs.spend]\ntype = 'scalar'\nunit = 'money'\nfrom = 'total'\ncolumn = 'spend'\n";
        for (name, text) in [
            ("ads", metric.to_owned()),
            (
                "code",
                metric
                    .replace("from = 'total'\n", "")
                    .replace("'ads'\nkind", "'code'\nkind"),
            ),
        ] {
            let sql = dir.path().join(name).join("sql");
            std::fs::create_dir_all(&sql).unwrap();
            std::fs::write(sql.join("q.sql"), "select 1 as spend").unwrap();
            let at = dir.path().join(name);
            std::fs::write(at.join("metric.toml"), text).unwrap();
            std::fs::write(at.join("strings.en.toml"), words).unwrap();
            std::fs::write(at.join("strings.zh-CN.toml"), words).unwrap();
        }
        let store = PluginStore::open(&[dir.path().to_owned()], Path::new("/nowhere"));
        assert_eq!(
            store
                .components()
                .map(|component| component.id.as_str())
                .collect::<Vec<_>>(),
            ["ads"]
        );
        assert!(store.component("ads").unwrap().digest.is_some());
        assert!(
            store.blocked()[0].why.contains("no `from`"),
            "{:?}",
            store.blocked()
        );
        assert!(
            store
                .component("asd")
                .unwrap_err()
                .to_string()
                .contains("did you mean `ads`?")
        );
    }
}
