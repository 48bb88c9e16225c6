//! The command line of `chenbao plugin`.

use chenbao_model::{Id, Period};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Commands of `plugin`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PluginCommand {
    /// Begin a plugin of your own: a folder that builds, passes `plugin test` and is documented as it is.
    #[command(
        after_help = "Examples:\n  chenbao plugin new late-orders\n  chenbao plugin new big-baskets --lang sql --at ../metrics\n  \
                      chenbao plugin new till --kind source"
    )]
    New(NewArgs),
    /// Try a plugin with the whole contract, and its cases: each test in a process of its own.
    #[command(
        after_help = "Exit code 0 if nothing failed or crashed (warnings and skipped tests do not count), 1 if something did, 2 if the plugin\n\
                      cannot be built or loaded. UPDATE=1 in the environment writes what cases expect again, and still fails, so that it is read.\n\
                      Examples:\n  chenbao plugin test late-orders\n  chenbao plugin test late-orders --include 'case:.*' --only-failed\n  \
                      gdb --args chenbao plugin test late-orders --in-process --include ends-of-types"
    )]
    Test(TestArgs),
    /// Build and run a plugin on its cases whenever it is saved: what differs from what they expect, and a page that shows its
    /// figures in the daily report.
    #[command(
        after_help = "What is wrong with the build is said here, and the last good page stays. The page answers this machine only.\n\
                      Examples:\n  chenbao plugin dev late-orders\n  chenbao plugin dev late-orders --case returns --no-preview"
    )]
    Dev(DevArgs),
    /// Freeze a slice of this project's lake as a case of a plugin, so that its author works without the lake.
    #[command(
        after_help = "Only columns that the plugin's SQL names are kept, and of its days. What leads to a person (buyers, orders, authors, words of\n\
                      reviews) gets other names, the same for the same; --mask and --keep change which.\n\
                      Examples:\n  chenbao plugin record ../late-orders --period 2026-11-21\n  \
                      chenbao plugin record ../late-orders --case november --rows 500 --mask product_name"
    )]
    Record(RecordArgs),
    /// Write the generated parts of a plugin's README again, from its descriptor, its sample and its cases.
    #[command(
        after_help = "Examples:\n  chenbao plugin docs late-orders\n  chenbao plugin docs late-orders --check"
    )]
    Docs(DocsArgs),
    /// All plugins in the configured folders.
    List,
    /// Pin the plugins of this project: writes plugins.lock beside the configuration.
    #[command(
        after_help = "Look at what changed and commit it: from then on a library that is not the pinned one is not loaded.\n\
                      Example:\n  chenbao plugin lock"
    )]
    Lock {
        /// Those that came with this program too: after an upgrade they must be pinned again.
        #[arg(long)]
        all: bool,
    },
    /// Start a plugin again that was left alone because it crashed too often in a row.
    #[command(after_help = "Example:\n  chenbao plugin release sales")]
    Release {
        /// Component id.
        plugin: String,
    },
    /// One plugin: descriptor, inputs, outputs, digest.
    Inspect {
        /// Component id, or the path of a library.
        plugin: String,
    },
}

/// Options of `plugin new`.
#[derive(Debug, Args)]
pub(in crate::cli) struct NewArgs {
    /// Component id, and name of the folder: lower-case letters, digits and `-`.
    pub(in crate::cli) name: String,
    /// What it is.
    #[arg(long, value_enum, default_value_t = Kind::Metric)]
    pub(in crate::cli) kind: Kind,
    /// What it is written in: Rust with the SDK, C with the header alone, or SQL without code.
    #[arg(long, value_enum, default_value_t = Lang::Rust)]
    pub(in crate::cli) lang: Lang,
    /// The folder in which its own folder is made.
    #[arg(long, default_value = ".")]
    pub(in crate::cli) at: PathBuf,
    /// The SDK of a crate: the folder plugins/api of Chenbao's repository, or that repository's git URL; default: where
    /// this program was built from.
    #[arg(long)]
    pub(in crate::cli) sdk: Option<String>,
}

/// Options of `plugin test`.
#[derive(Debug, Args)]
pub(in crate::cli) struct TestArgs {
    /// A plugin's folder, which is built first if it has code, or a library.
    pub(in crate::cli) path: PathBuf,
    /// Say only what failed or crashed.
    #[arg(long)]
    pub(in crate::cli) only_failed: bool,
    /// Only tests whose name this regular expression finds.
    #[arg(long, value_name = "REGEX")]
    pub(in crate::cli) include: Option<String>,
    /// Seed of whatever is drawn at random; the same seed draws the same.
    #[arg(long, default_value_t = 1)]
    pub(in crate::cli) seed: u64,
    /// Call the library in this process, for a debugger: a crash then ends the whole command.
    #[arg(long)]
    pub(in crate::cli) in_process: bool,
    /// The folder's library, built elsewhere; without it the folder is built.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) library: Option<PathBuf>,
}

/// Options of `plugin dev`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DevArgs {
    /// A plugin's folder.
    pub(in crate::cli) path: PathBuf,
    /// Only this case.
    #[arg(long)]
    pub(in crate::cli) case: Option<String>,
    /// Port of the page; 0 takes a free one.
    #[arg(long, default_value_t = 8791)]
    pub(in crate::cli) port: u16,
    /// No page, the terminal only.
    #[arg(long)]
    pub(in crate::cli) no_preview: bool,
}

/// Options of `plugin record`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RecordArgs {
    /// A metric's folder.
    pub(in crate::cli) path: PathBuf,
    /// Name of the case.
    #[arg(long, default_value = "recorded")]
    pub(in crate::cli) case: String,
    /// The period of its call; default: yesterday.
    #[arg(long)]
    pub(in crate::cli) period: Option<Period>,
    /// Only rows of these shops.
    #[arg(long = "shop")]
    pub(in crate::cli) shops: Vec<Id>,
    /// So many rows of each table at most, the newest days first.
    #[arg(long, default_value_t = 2000)]
    pub(in crate::cli) rows: usize,
    /// Columns that get other names too.
    #[arg(long, value_name = "COLUMN")]
    pub(in crate::cli) mask: Vec<String>,
    /// Columns that are kept in clear although they lead to a person.
    #[arg(long, value_name = "COLUMN")]
    pub(in crate::cli) keep: Vec<String>,
}

/// Options of `plugin docs`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DocsArgs {
    /// A plugin's folder.
    pub(in crate::cli) path: PathBuf,
    /// Write nothing; exit code 1 if something would change.
    #[arg(long)]
    pub(in crate::cli) check: bool,
    /// The folder's library, built elsewhere; without it the folder is built.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) library: Option<PathBuf>,
}

/// Kinds of plugins.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Kind {
    /// Computes figures.
    Metric,
    /// Brings rows.
    Source,
}

/// Languages to begin in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Lang {
    /// A crate.
    Rust,
    /// One file.
    C,
    /// No code.
    Sql,
}
