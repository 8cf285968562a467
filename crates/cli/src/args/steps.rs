//! Arguments of the commands that look, act, or read what was recorded.

use std::time::Duration;

use clap::Args;

use super::duration::{Moment, duration, moment};

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
pub(crate) struct ReadyArgs {
    /// Services and dependencies to look at; all of them if none is named
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Look again and again, until Ctrl-C; nothing of it is recorded
    #[arg(long, conflicts_with = "wait")]
    pub(crate) watch: bool,
    /// Look again until everything serves, at most this long; only the last look is recorded
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
    /// Time between two looks of --watch or --wait
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2s")]
    pub(crate) interval: Duration,
    /// Ask each of them so often, and print p50 and p95
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) samples: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ObserveArgs {
    /// The service or dependency
    pub(crate) service: String,
    /// From when on: a time back from now (`1h`, `90s`, `2d`), or a time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = moment, default_value = "15m")]
    pub(crate) since: Moment,
    /// Until when; now if not given
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Moment>,
    /// Print at most this many lines of each log, the last ones
    #[arg(long, value_name = "LINES", default_value_t = 200)]
    pub(crate) tail: usize,
}

#[derive(Debug, Args)]
pub(crate) struct ExecuteArgs {
    /// Suites to run; those that are part of every run if none is named
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Vec<String>,
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
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The run; the last one if not given
    pub(crate) run: Option<String>,
    /// The head hash that the worklog names
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The run; the last unfinished one if not given
    pub(crate) run: Option<String>,
}
