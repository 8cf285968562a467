//! The command line.

mod duration;
mod steps;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub(crate) use steps::{
    DeployArgs, ExecuteArgs, ObserveArgs, ReadyArgs, ResumeArgs, RunArgs, ShowArgs, VerifyArgs,
};

const AFTER_HELP: &str = "\
Exit codes:
  0  green or repaired; a single step looked and found nothing wrong
  1  looked, and found problems
  2  wrong usage or configuration
  3  could not look: nothing to examine, unreachable, a tool is missing
  4  needs a person: mitigated, stopped or inconclusive
  5  internal error

Start with `assay demo`, or with `assay init` in a project of your own.";

/// Proves that a deployed multi-service system works, or finds out why not, repairs it and proves
/// the repair. Nothing is claimed without evidence, and every claim can be checked again.
#[derive(Debug, Parser)]
#[command(
    name = "assay",
    version,
    after_help = AFTER_HELP,
    max_term_width = 80,
    infer_subcommands = false
)]
pub(crate) struct Cli {
    /// Folder of the project; the one that holds assay.toml, or a folder below it
    #[arg(
        short = 'C',
        long = "project",
        global = true,
        value_name = "DIR",
        default_value = ".",
        help_heading = "Everywhere"
    )]
    pub(crate) project: PathBuf,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How a command prints.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct OutputArgs {
    /// How to print the result
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        help_heading = "Everywhere"
    )]
    pub(crate) format: Format,

    /// Print the result and nothing else
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Everywhere"
    )]
    pub(crate) quiet: bool,

    /// Print what each step is doing, too
    #[arg(
        short,
        long,
        global = true,
        action = ArgAction::SetTrue,
        help_heading = "Everywhere"
    )]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person
    #[default]
    Text,
    /// One JSON document at the end
    Json,
    /// One JSON object a line: the events of a run as they happen, the items of a list
    Jsonl,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole loop on the reference platform, with an incident injected
    #[command(after_help = "\
Examples:
  assay demo                        a module is missing from a new bundle; ends repaired
  assay demo --list                 every incident
  assay demo --incident none        nothing is wrong; ends green
  assay demo --incident auth-down --keep")]
    Demo(DemoArgs),
    /// Look at a repository and write a commented assay.toml for it
    #[command(after_help = "\
Examples:
  assay init                        write assay.toml here
  assay init --dry-run              only print it
  assay init --merge                add what an existing assay.toml lacks
  assay -C ../shop init --format json   every guess, with its file and how sure it is")]
    Init(InitArgs),
    /// Check the configuration, and whether it fits the world around it
    #[command(after_help = "\
Examples:
  assay check                       exit 0: fits; 1: reads well and does not fit; 2: cannot be read
  assay check --strict              warnings count as problems
  assay check --format json")]
    Check(CheckArgs),
    /// Find what this machine lacks for the project, and how to get it
    #[command(after_help = "\
Examples:
  assay doctor
  assay doctor --format json | jq '.checks[] | select(.status != \"ok\")'")]
    Doctor,
    /// Run the whole loop on this project
    #[command(after_help = "\
Examples:
  assay run                         look, prove, and repair what is broken
  assay run --deploy api            roll api out first, from the checked-out source
  assay run --no-remedy             only find out
  assay run --format jsonl          every event as it happens")]
    Run(RunArgs),
    /// Roll services out, and nothing else
    #[command(after_help = "\
Examples:
  assay deploy api                  the checked-out source
  assay deploy --commit v1.2.0      every service that has a `deploy` table")]
    Deploy(DeployArgs),
    /// 0: what is up, how fast, which revision?
    #[command(after_help = "\
Examples:
  assay ready                       one look at everything, recorded as a run
  assay ready api postgres          only these
  assay ready --wait 2m             for pipelines: until everything serves, at most so long
  assay ready --watch               look again every 2 s, until Ctrl-C
  assay ready --samples 20          p50 and p95 of 20 looks at each")]
    Ready(ReadyArgs),
    /// Show what runs a service: revisions, restarts, exits, events and logs
    #[command(after_help = "\
Examples:
  assay observe api                 the last 15 minutes
  assay observe api --since 1h --tail 50
  assay observe api --since 2026-11-23T10:00:00Z --until 2026-11-23T10:05:00Z")]
    Observe(ObserveArgs),
    /// 1, 2: choose tests, run them, prove that each pass means something
    #[command(after_help = "\
Examples:
  assay execute
  assay execute --suite smoke --format json")]
    Execute(ExecuteArgs),
    /// 4: does the code keep its own architecture?
    #[command(after_help = "\
Examples:
  assay audit
  assay audit --format json | jq .findings")]
    Audit,
    /// List the runs of this project, the last one first
    Runs,
    /// Show one run: its events, its worklog, a piece of its evidence
    #[command(after_help = "\
Examples:
  assay show                        events of the last run
  assay show --worklog > worklog.md
  assay show --evidence 4f2a91      the bytes behind a claim")]
    Show(ShowArgs),
    /// Recompute the hash chain and every blob of a run
    #[command(after_help = "\
Examples:
  assay verify                      the last run
  assay verify 20261123-184455-7f3a --head HASH")]
    Verify(VerifyArgs),
    /// Go on with a run that was killed
    Resume(ResumeArgs),
    /// Stop every service that assay runs for this project
    Down,
    /// Print the JSON Schema of the configuration or of an output
    #[command(after_help = "\
Examples:
  assay schema                      what there is
  assay schema config > assay.schema.json
  assay schema ready")]
    Schema(SchemaArgs),
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  assay completions bash > ~/.local/share/bash-completion/completions/assay
  assay completions zsh > ~/.zfunc/_assay
  assay completions fish > ~/.config/fish/completions/assay.fish")]
    Completions(CompletionsArgs),
    /// Print or write the manual pages
    #[command(after_help = "\
Examples:
  assay man | man -l -              the page of assay itself
  assay man --dir ~/.local/share/man/man1")]
    Man(ManArgs),
    /// Run one service of the reference platform
    #[command(hide = true)]
    Platform {
        /// auth, backend or frontend
        service: String,
    },
    /// Run the reference platform's end-to-end tests: takes libtest's own options
    #[command(hide = true, disable_help_flag = true)]
    E2e {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Own the services of a project; started by assay itself
    #[command(hide = true)]
    Supervise {
        /// State folder of the project
        state: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Which incident is injected
    #[arg(long, value_name = "NAME", default_value = "missing-module")]
    pub(crate) incident: String,
    /// List the incidents and exit
    #[arg(long)]
    pub(crate) list: bool,
    /// Leave the platform up at the end, and print its addresses
    #[arg(long)]
    pub(crate) keep: bool,
    /// Scratch folder to use; it must be empty or not exist
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Only write the scratch project, good and bad commit, and run nothing
    #[arg(long, conflicts_with = "keep")]
    pub(crate) prepare: bool,
    /// A shorter loop: six tests, short bakes
    #[arg(long)]
    pub(crate) small: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Print the configuration instead of writing it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Add to an existing assay.toml what it lacks; nothing that is there is changed
    #[arg(long)]
    pub(crate) merge: bool,
    /// Name of the project; that of the folder if not given
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Warnings count as problems
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// `config`, `event`, or the name of a command; the list of them if not given
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write a page for every command into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    fn check_help(command: &mut clap::Command) {
        let text = command
            .clone()
            .term_width(80)
            .render_long_help()
            .to_string();
        for line in text.lines() {
            assert!(line.chars().count() <= 90, "{}: {line}", command.get_name());
        }
        for sub in command.get_subcommands_mut() {
            check_help(sub);
        }
    }

    #[test]
    fn help_fits_a_narrow_terminal() {
        check_help(&mut Cli::command());
    }
}
