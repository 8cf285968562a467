//! `assay run` and the steps that are run alone.

use std::path::Path;

use assay_engine::Ended;
use assay_model::{
    Facts, Prologue, RolloutId, RolloutRequest, RolloutSource, RunPlan, ServiceName, Step,
};
use assay_world::git::Git;
use serde::Serialize;

use crate::args::{DeployArgs, ExecuteArgs, Format, RunArgs};
use crate::document::{AuditDocument, ExecuteDocument};
use crate::failure::Failure;
use crate::live::Live;
use crate::output::Output;
use crate::screen::finish;
use crate::session::Session;

pub(crate) async fn run(folder: &Path, args: RunArgs, output: Output) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    known_suites(&session, &args.suite)?;
    let prologue = rollouts(&session, &args.deploy, None, "asked for with --deploy")?;
    let plan = RunPlan {
        prologue,
        only: None,
        suites: args.suite,
        remedy: !args.no_remedy,
        approved: args.approve,
        teardown: false,
    };
    drive(&session, plan, output).await
}

pub(crate) async fn deploy(folder: &Path, args: DeployArgs, output: Output) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    let protected = session
        .project
        .environments
        .first()
        .is_none_or(|env| env.protected);
    if protected && !args.approve {
        return Err(Failure::usage("the environment is protected")
            .hint("--approve allows the roll-out, or set `protected = false` for it"));
    }
    let services = if args.services.is_empty() {
        let deployable = session
            .project
            .services
            .values()
            .filter(|s| s.deploy.is_some());
        deployable.map(|service| service.name.to_string()).collect()
    } else {
        args.services
    };
    if services.is_empty() {
        return Err(Failure::cannot_look("no service has a `deploy` table"));
    }
    let commit = match &args.commit {
        Some(name) => Some(resolve(&session, name).await?),
        None => None,
    };
    let prologue = rollouts(&session, &services, commit.as_deref(), "asked for by hand")?;
    let plan = RunPlan {
        prologue,
        ..alone(Step::Deploy)
    };
    drive(&session, plan, output).await
}

pub(crate) async fn execute(
    folder: &Path,
    args: ExecuteArgs,
    output: Output,
) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    known_suites(&session, &args.suite)?;
    let plan = RunPlan {
        suites: args.suite,
        ..alone(Step::Execute)
    };
    step(&session, plan, output, |facts| ExecuteDocument {
        run: facts.run.clone(),
        execution: facts.execution.clone(),
    })
    .await
}

pub(crate) async fn audit(folder: &Path, output: Output) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    step(&session, alone(Step::Audit), output, |facts| {
        AuditDocument {
            run: facts.run.clone(),
            report: facts.audit.clone(),
        }
    })
    .await
}

/// The commit that a name means now.
async fn resolve(session: &Session, name: &str) -> Result<String, Failure> {
    let unknown = || Failure::usage(format!("no commit {name:?} in this project's repository"));
    let git = Git::at(&session.project.root);
    match git.resolve(name).await {
        Ok(Some(commit)) => Ok(commit),
        Ok(None) => Err(unknown()),
        Err(error) => Err(unknown().because(error)),
    }
}

/// A plan for one step.
pub(crate) fn alone(step: Step) -> RunPlan {
    RunPlan {
        prologue: Vec::new(),
        only: Some(step),
        suites: Vec::new(),
        remedy: false,
        approved: false,
        teardown: false,
    }
}

async fn drive(session: &Session, plan: RunPlan, output: Output) -> Result<u8, Failure> {
    let mut live = Live::expecting(output, || session.usual());
    let (run, ended) = session.start(plan, &mut live).await?;
    finish(session, &run, ended, &live)
}

/// Runs one step and prints its result.
async fn step<D: Serialize>(
    session: &Session,
    plan: RunPlan,
    output: Output,
    document: impl Fn(&Facts) -> D,
) -> Result<u8, Failure> {
    match output.format {
        Format::Text | Format::Jsonl => drive(session, plan, output).await,
        Format::Json => {
            let (_, ended) = session.start(plan, &mut Live::new(output)).await?;
            let ended = looked(ended)?;
            output.result(&document(&ended.facts), String::new);
            Ok(ended.end.exit_code())
        }
    }
}

/// The end of a step that could look.
pub(crate) fn looked(ended: Ended) -> Result<Ended, Failure> {
    match ended.error {
        Some(error) => Err(error.into()),
        None => Ok(ended),
    }
}

fn known_suites(session: &Session, names: &[String]) -> Result<(), Failure> {
    let known = || {
        session
            .project
            .suites
            .iter()
            .map(|suite| suite.name.as_str())
    };
    names
        .iter()
        .find(|name| !known().any(|known| known == name.as_str()))
        .map_or(Ok(()), |name| Err(Failure::unknown("suite", name, known())))
}

/// Requests for roll-outs of `services`, in the order given.
fn rollouts(
    session: &Session,
    services: &[String],
    commit: Option<&str>,
    reason: &str,
) -> Result<Vec<Prologue>, Failure> {
    let known = &session.project.services;
    services
        .iter()
        .enumerate()
        .map(|(place, name)| {
            if !known.contains_key(name.as_str()) {
                let names = known.keys().map(ServiceName::as_str);
                return Err(Failure::unknown("service", name, names));
            }
            let source = match commit {
                Some(commit) => RolloutSource::Commit(commit.to_owned()),
                None => RolloutSource::WorkingTree,
            };
            Ok(Prologue::Rollout(RolloutRequest {
                id: RolloutId::new(format!("{}-{name}", place + 1)),
                service: ServiceName::from(name.as_str()),
                source,
                gate: None,
                reason: reason.to_owned(),
            }))
        })
        .collect()
}
