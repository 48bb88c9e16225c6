//! The command line of `chenbao plugin`.

use clap::Subcommand;

/// Commands of `plugin`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PluginCommand {
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
