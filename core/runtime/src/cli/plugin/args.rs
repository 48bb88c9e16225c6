//! The command line of `chenbao plugin`.

use clap::Subcommand;

/// Commands of `plugin`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PluginCommand {
    /// All plugins in the configured folders.
    List,
    /// One plugin: descriptor, inputs, outputs, digest.
    Inspect {
        /// Component id, or the path of a library.
        plugin: String,
    },
}
