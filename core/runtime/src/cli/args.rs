//! The command line: every command, its options, and examples in its help.

use super::plugin::args::PluginCommand;
use chenbao_model::{Id, Period};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Scheduled reports for e-commerce teams (晨报).
#[derive(Debug, Parser)]
#[command(name = "chenbao", version, about, after_help = AFTER, max_term_width = 100)]
pub(super) struct Cli {
    /// The project's configuration.
    #[arg(
        long,
        short,
        global = true,
        env = "CHENBAO_CONFIG",
        default_value = "chenbao.toml"
    )]
    pub(super) config: PathBuf,
    /// Answer as JSON, for scripts.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Say less (twice: errors only).
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(super) quiet: u8,
    /// Say more: notes beside warnings.
    #[arg(long, short, global = true)]
    pub(super) verbose: bool,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

const AFTER: &str = "\
Exit codes: 0 done · 1 failed · 2 usage or configuration · 3 done, but incomplete (部分) · 4 not delivered to everyone.
Start with: chenbao demo";

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a whole shop with a seeded generator, collect it, and write three reports for every role.
    #[command(
        after_help = "Examples:\n  chenbao demo\n  chenbao demo --dir /tmp/shop --size medium --seed 7"
    )]
    Demo(DemoArgs),
    /// Write a new project's chenbao.toml here.
    Init(InitArgs),
    /// Check the whole project: configuration, plugins, mappings, SQL, templates. All problems at once.
    #[command(after_help = "Examples:\n  chenbao check\n  chenbao check --mail")]
    Check {
        /// Connect and sign in at the mail server too; nothing is sent. `serve` does so while it prepares a delivery.
        #[arg(long)]
        mail: bool,
    },
    /// Fetch what the reports need from their sources into the lake.
    #[command(after_help = "Example:\n  chenbao collect --days 35")]
    Collect(CollectArgs),
    /// Fetch a long past window, in order, from the sources into the lake.
    #[command(after_help = "Example:\n  chenbao backfill --from 2026-01-01 --to 2026-11-21")]
    Backfill(BackfillArgs),
    /// Map the raw tables in the lake again, after a mapping was mended.
    #[command(after_help = "Examples:\n  chenbao remap orders --dry-run\n  chenbao remap orders")]
    Remap(RemapArgs),
    /// Show the next due times of every schedule in its zone and in UTC, why then, what is left out, and what was missed.
    #[command(after_help = "Example:\n  chenbao plan --next 10")]
    Plan(PlanArgs),
    /// Make a report now. Writes files and mails nobody, unless told to.
    #[command(
        after_help = "Examples:\n  chenbao run daily --period 2026-11-21 --role management --out reports\n  \
                      chenbao run daily --period 2026-11-21 --deliver\n  chenbao run daily --to me@example.com\n  \
                      chenbao run daily --drafts drafts"
    )]
    Run(RunArgs),
    /// Show a report as mail, pages and text in the browser, and follow its template while it is written.
    #[command(
        after_help = "The page answers this machine only. It shows the template's samples and past runs; nothing is sent or written down.\n\
                      Examples:\n  chenbao preview\n  chenbao preview --port 9000"
    )]
    Preview(PreviewArgs),
    /// Keep the schedules: collect, make, deliver, until told to stop.
    Serve(ServeArgs),
    /// Let nothing of a report leave, made or queued, until it is released.
    #[command(
        after_help = "Example:\n  chenbao hold daily --why \"the refund export is wrong\"\n\nIts issues are made as before and wait. `run --to` still sends tests."
    )]
    Hold(HoldArgs),
    /// Let a held report go on; what waited leaves.
    #[command(after_help = "Examples:\n  chenbao release daily\n  chenbao release daily --drop")]
    Release(ReleaseArgs),
    /// Compare what was due with what is out, in a process of its own, and tell the owner through the second channel.
    #[command(
        after_help = "It needs the configuration and the ledger only. What is overdue by [watchdog] after is told once, through the robots of\n\
                      [notices] also, else by mail.\n\nExamples:\n  chenbao watchdog\n  chenbao watchdog --once --json"
    )]
    Watchdog(WatchdogArgs),
    /// What was made and delivered, newest first, and what was due and made nothing.
    History(HistoryArgs),
    /// Everything about one run: figures, versions, deliveries.
    Show {
        /// Run id, as `history` shows it.
        run: String,
    },
    /// What the owner was told, or will be, newest first.
    #[command(after_help = "Example:\n  chenbao notices --limit 50 --json")]
    Notices(NoticesArgs),
    /// Send a delivery again: the same bytes, to the same recipient.
    Resend(ResendArgs),
    /// Read what came back: bounces, reports on deliveries, unsubscriptions. `serve` does so too.
    #[command(after_help = "Example:\n  chenbao bounces --json")]
    Bounces,
    /// Addresses that get nothing, or nothing of one report, and why.
    #[command(
        subcommand,
        after_help = "Examples:\n  chenbao recipients list\n  chenbao recipients release boss@example.com\n  \
                      chenbao recipients subscribe boss@example.com --report daily"
    )]
    Recipients(RecipientsCommand),
    /// Compute a run again from its snapshot and say what differs, figure by figure.
    #[command(
        after_help = "Exit code 1 if anything differs or cannot be compared.\nExample:\n  chenbao replay daily-2026-11-21-regular"
    )]
    Replay {
        /// Run id.
        run: String,
    },
    /// Make a new revision of an issue that was already sent.
    Rerun(RerunArgs),
    /// Ask the lake, read-only.
    #[command(
        after_help = "Example:\n  chenbao sql \"select day, sum(pay_amount) from orders group by day order by day\""
    )]
    Sql(SqlArgs),
    /// The files of the lake.
    #[command(subcommand)]
    Lake(LakeCommand),
    /// The ledger: whether it agrees with lake and archive, its rows, its space.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Remove what is older than `[retention]` allows; a server does it once a night.
    #[command(
        after_help = "What waits to be sent, what is unknown and the newest revisions stay. What went is written down: `replay` \
                      and `resend` say when and by which rule.\nExample:\n  chenbao prune --dry-run"
    )]
    Prune {
        /// Only say what would go.
        #[arg(long)]
        dry_run: bool,
    },
    /// Write the ledger, the files that it names and the project into one tar file, while everything goes on.
    #[command(
        after_help = "Secrets are not in it: keep lake/hash.key, and what env: and file: refer to, in a place of their own.\n\
                      Example:\n  chenbao backup /mnt/backup/chenbao-2026-11-22.tar"
    )]
    Backup {
        /// The file; it must not be there yet.
        file: PathBuf,
    },
    /// Make a project of a backup, in an empty folder. It sends nothing again.
    #[command(
        after_help = "What waited to be sent becomes unknown, and the schedules begin anew now; see `chenbao history` and \
                      `chenbao resend --unknown`.\nExamples:\n  chenbao restore chenbao-2026-11-22.tar --dir /srv/chenbao\n  \
                      chenbao restore chenbao-2026-11-22.tar --dir /tmp/look --with elsewhere.toml"
    )]
    Restore(RestoreArgs),
    /// Templates: what reports say and how they look, changed without Rust.
    #[command(
        subcommand,
        after_help = "Examples:\n  chenbao template new monday --from weekly\n  chenbao template check monday\n  chenbao template vars daily\n  \
                      chenbao template diff\n\nThe guide is docs/templates.md."
    )]
    Template(TemplateCommand),
    /// The configuration, for programs that help to write it.
    #[command(
        subcommand,
        after_help = "Example:\n  chenbao config schema > chenbao.schema.json\n\nand as the first line of chenbao.toml, for editors that know TOML (Even Better TOML, taplo):\n  \
                      #:schema chenbao.schema.json"
    )]
    Config(ConfigCommand),
    /// Plugins: what is there, what one of them says of itself, and an author's tools.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// The child process that holds one plugin; for chenbao itself.
    #[command(hide = true)]
    PluginHost,
    /// One test of a plugin; for chenbao itself.
    #[command(hide = true)]
    PluginProbe {
        /// The request's file.
        request: PathBuf,
    },
}

/// What is asked of the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// The JSON Schema of chenbao.toml, with the options of the plugins that this project has.
    Schema,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Everything goes under this folder.
    #[arg(long, default_value = "demo")]
    pub(super) dir: PathBuf,
    /// The same seed makes the same shop.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// small, medium, large, or a number of order lines.
    #[arg(long, default_value = "small")]
    pub(super) size: String,
    /// Only the shop: no collecting, no reports.
    #[arg(long)]
    pub(super) only_shop: bool,
    /// Leave out the planted stories (conversion break, pseudo-hit, stock-out).
    #[arg(long)]
    pub(super) plain: bool,
}

/// Options of `init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Folder of the project.
    #[arg(default_value = ".")]
    pub(super) dir: PathBuf,
}

/// Options of `collect`.
#[derive(Debug, Args)]
pub(super) struct CollectArgs {
    /// Only these sources.
    #[arg(long = "source")]
    pub(super) sources: Vec<Id>,
    /// So many days up to yesterday.
    #[arg(long, default_value_t = 70)]
    pub(super) days: u16,
}

/// Options of `backfill`.
#[derive(Debug, Args)]
pub(super) struct BackfillArgs {
    /// Only these sources.
    #[arg(long = "source")]
    pub(super) sources: Vec<Id>,
    /// First day.
    #[arg(long)]
    pub(super) from: jiff::civil::Date,
    /// Last day.
    #[arg(long)]
    pub(super) to: jiff::civil::Date,
}

/// Options of `remap`.
#[derive(Debug, Args)]
pub(super) struct RemapArgs {
    /// Only this source.
    pub(super) source: Option<Id>,
    /// Only say what would change.
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// So many due times a schedule.
    #[arg(long, default_value_t = 5)]
    pub(super) next: usize,
}

/// Options of `run`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct RunArgs {
    /// Report id.
    pub(super) report: Id,
    /// 2026-11-21, 2026-W47, 2026-11 or 2026-11-01..2026-11-11; default: what the schedule would cover today.
    #[arg(long)]
    pub(super) period: Option<Period>,
    /// Campaign, for a report of one; default: the last that has begun.
    #[arg(long)]
    pub(super) campaign: Option<Id>,
    /// D+1, D+7, D+30; default: the newest that is due.
    #[arg(long)]
    pub(super) edition: Option<String>,
    /// Only audiences of this role.
    #[arg(long)]
    pub(super) role: Option<Id>,
    /// Where the files go.
    #[arg(long, default_value = "reports")]
    pub(super) out: PathBuf,
    /// Do what the schedule would, to its recipients, and use up its keys.
    #[arg(long, conflicts_with = "to")]
    pub(super) deliver: bool,
    /// Send a marked test to this address; uses up nothing.
    #[arg(long)]
    pub(super) to: Option<String>,
    /// Write the mails into this folder as drafts, to be opened and sent by hand; uses up nothing.
    #[arg(long, conflicts_with_all = ["deliver", "to", "results"])]
    pub(super) drafts: Option<PathBuf>,
    /// Only print the results, not the report.
    #[arg(long)]
    pub(super) results: bool,
    /// Use what is in the lake; fetch nothing.
    #[arg(long)]
    pub(super) no_collect: bool,
}

/// Options of `preview`.
#[derive(Debug, Args)]
pub(super) struct PreviewArgs {
    /// Port of the page; 0 takes any that is free.
    #[arg(long, default_value_t = 8790)]
    pub(super) port: u16,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Look once, do what is due, and stop.
    #[arg(long)]
    pub(super) once: bool,
}

/// Options of `hold`.
#[derive(Debug, Args)]
pub(super) struct HoldArgs {
    /// Report id.
    pub(super) report: Id,
    /// Why, for whoever looks at `plan` and `history`.
    #[arg(long, default_value = "")]
    pub(super) why: String,
}

/// Options of `release`.
#[derive(Debug, Args)]
pub(super) struct ReleaseArgs {
    /// Report id.
    pub(super) report: Id,
    /// Send nothing of what waited.
    #[arg(long)]
    pub(super) drop: bool,
}

/// Options of `watchdog`.
#[derive(Debug, Args)]
pub(super) struct WatchdogArgs {
    /// Look once and stop, for cron and systemd timers: 0 all is well, 4 something is not out, 1 the owner could not be told.
    #[arg(long)]
    pub(super) once: bool,
}

/// Options of `history`.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Only this report.
    #[arg(long)]
    pub(super) report: Option<Id>,
    /// So many rows.
    #[arg(long, default_value_t = 20)]
    pub(super) limit: u32,
}

/// Options of `notices`.
#[derive(Debug, Args)]
pub(super) struct NoticesArgs {
    /// So many rows.
    #[arg(long, default_value_t = 20)]
    pub(super) limit: u32,
}

/// Options of `resend`.
#[derive(Debug, Args)]
pub(super) struct ResendArgs {
    /// Run id.
    pub(super) run: Option<String>,
    /// Only to this recipient.
    #[arg(long)]
    pub(super) recipient: Option<String>,
    /// Deliveries whose outcome is unknown.
    #[arg(long)]
    pub(super) unknown: bool,
}

/// Options of `rerun`.
#[derive(Debug, Args)]
pub(super) struct RerunArgs {
    /// Report id.
    pub(super) report: Id,
    /// The period of the issue.
    #[arg(long)]
    pub(super) period: Period,
    /// Campaign, for a report of one.
    #[arg(long)]
    pub(super) campaign: Option<Id>,
    /// Its edition.
    #[arg(long)]
    pub(super) edition: Option<String>,
}

/// Options of `sql`.
#[derive(Debug, Args)]
pub(super) struct SqlArgs {
    /// One select over the product's tables, the team's own, campaigns and campaign_phases.
    #[arg(required_unless_present = "tables")]
    pub(super) query: Option<String>,
    /// List the tables and their columns instead.
    #[arg(long, conflicts_with = "query")]
    pub(super) tables: bool,
    /// Only these shops.
    #[arg(long = "shop")]
    pub(super) shops: Vec<Id>,
    /// At most so many rows.
    #[arg(long, default_value_t = 1000)]
    pub(super) limit: usize,
}

/// Commands of `recipients`.
#[derive(Debug, Subcommand)]
pub(super) enum RecipientsCommand {
    /// All of them.
    List,
    /// Lift a quarantine: the address gets mail again, and its errors are forgotten.
    #[command(after_help = "Example:\n  chenbao recipients release boss@example.com")]
    Release {
        /// Mail address.
        address: String,
    },
    /// Take an unsubscription back: the address gets the report again.
    #[command(
        after_help = "Example:\n  chenbao recipients subscribe boss@example.com --report daily"
    )]
    Subscribe(SubscriptionArgs),
    /// Send an address a report no more, without touching the configuration.
    #[command(
        after_help = "Example:\n  chenbao recipients unsubscribe boss@example.com --report daily"
    )]
    Unsubscribe(SubscriptionArgs),
    /// Forget a recipient: the address goes from every row, and nothing is sent there again.
    #[command(
        after_help = "Messages lose their heads, so they cannot be sent again; a keyed hash of the address stays, so that the \
                      person is not mailed again.\nExample:\n  chenbao recipients erase former@example.com"
    )]
    Erase {
        /// The mail address.
        address: String,
    },
}

/// Options of `recipients subscribe` and `recipients unsubscribe`.
#[derive(Debug, Args)]
pub(super) struct SubscriptionArgs {
    /// Mail address.
    pub(super) address: String,
    /// Report id.
    #[arg(long)]
    pub(super) report: Id,
}

/// Commands of `lake`.
#[derive(Debug, Subcommand)]
pub(super) enum LakeCommand {
    /// Write each old month of a table, shop and feed as one file, so that long histories are read faster.
    #[command(
        after_help = "Packs are copies: day files stay for replays, and deleting lake/packs is safe."
    )]
    Compact,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup.
    pub(super) file: PathBuf,
    /// Folder of the project: empty, or not there.
    #[arg(long)]
    pub(super) dir: PathBuf,
    /// A configuration to use instead of the one in the backup: other folders, another ledger.
    #[arg(long)]
    pub(super) with: Option<PathBuf>,
}

/// Commands of `ledger`.
#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Compare the ledger with lake and archive: every file that it names is there, nothing is left half done.
    #[command(
        after_help = "Changes nothing; may run beside a server. Exit code 1 if anything is wrong.\nExample:\n  chenbao ledger check --deep"
    )]
    Check {
        /// Read every file and compare its digest, not only its size.
        #[arg(long)]
        deep: bool,
    },
    /// Write every row as a line of JSON, sorted, as it is at one moment.
    #[command(
        after_help = "Examples:\n  chenbao ledger export | jq 'select(.table == \"deliveries\") | .recipient'\n  \
                      chenbao ledger export --dir rows && jq '.pieces | fromjson' rows/deliveries.jsonl"
    )]
    Export {
        /// A file TABLE.jsonl for each table here, instead of one stream on standard output.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Write the catalogue of a lost ledger again, from the footers of the lake's files.
    #[command(
        after_help = "Example, with a new ledger beside an old lake:\n  chenbao ledger rebuild-catalogue"
    )]
    RebuildCatalogue {
        /// Even if the ledger has a catalogue: it is replaced.
        #[arg(long)]
        replace: bool,
    },
    /// Give the space of deleted rows back to the disk; servers wait meanwhile.
    #[command(after_help = "Example:\n  chenbao ledger vacuum")]
    Vacuum,
}

/// Commands of `template`.
#[derive(Debug, Subcommand)]
pub(super) enum TemplateCommand {
    /// Begin a template of your own, made from another; it works as it is, and overwrites nothing.
    #[command(
        after_help = "Examples:\n  chenbao template new morning\n  chenbao template new monday --from weekly"
    )]
    New {
        /// Name of the template: its folder under templates/.
        name: String,
        /// The template that it is made from: daily, weekly, campaign, or one of your own.
        #[arg(long, default_value = "daily")]
        from: String,
    },
    /// Try templates with full, empty and missing results, for every role and in every language. All problems at once.
    #[command(
        after_help = "Exit code 2 if anything is wrong.\nExamples:\n  chenbao template check\n  chenbao template check daily\n  \
                      chenbao template check templates/mine/report.html --json"
    )]
    Check {
        /// A template, or the path of its folder or of one of its files; default: all templates.
        template: Option<String>,
    },
    /// List every path that a report's template can bind, with unit, sample value and passport, as a Markdown table.
    #[command(
        after_help = "Sample values are the template's, never your shop's: the table may be pasted anywhere.\n\
                      Examples:\n  chenbao template vars daily\n  chenbao template vars daily --json"
    )]
    Vars {
        /// A report of the configuration.
        report: String,
    },
    /// Say what your templates lack after an upgrade: blocks, paths, words and settings that the product's have.
    #[command(
        after_help = "Looks at templates with files of your own, and at those made by `template new`.\n\
                      Examples:\n  chenbao template diff\n  chenbao template diff daily --json"
    )]
    Diff {
        /// A report or a template; default: all that you changed.
        report: Option<String>,
    },
}
