//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const AFTER_HELP: &str = "\
Exit codes:
  0  green or repaired; a single step looked and found nothing wrong
  1  looked, and found problems
  2  wrong usage or configuration
  3  could not look: nothing to examine, unreachable, a tool is missing
  4  needs a person: mitigated, stopped or inconclusive
  5  internal error";

/// Proves that a deployed multi-service system works, or finds out why not, repairs it and proves
/// the repair. Nothing is claimed without evidence, and every claim can be checked again.
#[derive(Debug, Parser)]
#[command(name = "assay", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    /// Folder of the project; the one that holds assay.toml, or a folder below it
    #[arg(
        short = 'C',
        long = "project",
        global = true,
        value_name = "DIR",
        default_value = "."
    )]
    pub(crate) project: PathBuf,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole loop on the reference platform, with an incident injected
    #[command(after_help = "\
Examples:
  assay demo                        a module is missing from a new bundle; ends repaired
  assay demo --incident none        nothing is wrong; ends green
  assay demo --incident auth-down --keep")]
    Demo(DemoArgs),
    /// Run the whole loop on this project
    Run(RunArgs),
    /// Roll services out, and nothing else
    Deploy(DeployArgs),
    /// 0: what is up, how fast, which revision?
    Ready(StepArgs),
    /// 1, 2: choose tests, run them, prove that each pass means something
    Execute(ExecuteArgs),
    /// 4: does the code keep its own architecture?
    Audit(StepArgs),
    /// List the runs of this project, the last one first
    Runs(StepArgs),
    /// Show one run: its events, its worklog, a piece of its evidence
    Show(ShowArgs),
    /// Recompute the hash chain and every blob of a run
    Verify(VerifyArgs),
    /// Go on with a run that was killed
    Resume(ResumeArgs),
    /// Stop every service that assay runs for this project
    Down,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person
    #[default]
    Text,
    /// One document
    Json,
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
pub(crate) struct RunArgs {
    /// Roll these services out first, from the checked-out source
    #[arg(long, value_name = "SERVICE")]
    pub(crate) deploy: Vec<String>,
    /// Suites to run; those that are part of every run if none is named
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Vec<String>,
    /// Allow remedies in a protected environment
    #[arg(long)]
    pub(crate) approve: bool,
    /// Only look: apply no remedy
    #[arg(long)]
    pub(crate) no_remedy: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    /// Services to roll out; all that have a `deploy` table if none is named
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Roll out this commit instead of the checked-out source
    #[arg(long, value_name = "COMMIT")]
    pub(crate) commit: Option<String>,
    /// Allow the change of a protected environment
    #[arg(long)]
    pub(crate) approve: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StepArgs {
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ExecuteArgs {
    /// Suites to run; those that are part of every run if none is named
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Vec<String>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run; the last one if not given
    pub(crate) run: Option<String>,
    /// Print the worklog instead of the events
    #[arg(long, conflicts_with = "evidence")]
    pub(crate) worklog: bool,
    /// Print the evidence whose hash starts with this
    #[arg(long, value_name = "HASH")]
    pub(crate) evidence: Option<String>,
    /// How to print the events; json is one event a line
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The run; the last one if not given
    pub(crate) run: Option<String>,
    /// The head hash that the worklog names
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<String>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The run; the last unfinished one if not given
    pub(crate) run: Option<String>,
}
