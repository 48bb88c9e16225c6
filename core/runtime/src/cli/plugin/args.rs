//! The command line of `chenbao plugin`.

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
}

/// Options of `plugin docs`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DocsArgs {
    /// A plugin's folder.
    pub(in crate::cli) path: PathBuf,
    /// Write nothing; exit code 1 if something would change.
    #[arg(long)]
    pub(in crate::cli) check: bool,
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
