//! `assay run` and the steps that stand alone.

use std::path::Path;

use assay_engine::Ended;
use assay_model::{
    Facts, Health, Prologue, RolloutId, RolloutRequest, RolloutSource, RunId, RunPlan, ServiceName,
    Step,
};
use assay_world::git::Git;
use serde_json::json;

use crate::args::{DeployArgs, ExecuteArgs, Format, RunArgs};
use crate::failure::Failure;
use crate::screen::finish;
use crate::session::Session;
use crate::terminal::{self, Live};

pub(crate) async fn run(folder: &Path, args: RunArgs) -> Result<u8, Failure> {
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
    drive(&session, plan).await
}

pub(crate) async fn deploy(folder: &Path, args: DeployArgs) -> Result<u8, Failure> {
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
    drive(&session, plan).await
}

pub(crate) async fn ready(folder: &Path, format: Format) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    step(&session, alone(Step::Ready), format, |facts| {
        let services: Vec<&Health> = facts.health.values().map(|(health, _)| health).collect();
        json!({ "services": services })
    })
    .await
}

pub(crate) async fn execute(folder: &Path, args: ExecuteArgs) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    known_suites(&session, &args.suite)?;
    let plan = RunPlan {
        suites: args.suite,
        ..alone(Step::Execute)
    };
    step(&session, plan, args.format, |facts| json!(facts.execution)).await
}

pub(crate) async fn audit(folder: &Path, format: Format) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    step(&session, alone(Step::Audit), format, |facts| {
        json!(facts.audit)
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

fn alone(step: Step) -> RunPlan {
    RunPlan {
        prologue: Vec::new(),
        only: Some(step),
        suites: Vec::new(),
        remedy: false,
        approved: false,
        teardown: false,
    }
}

async fn drive(session: &Session, plan: RunPlan) -> Result<u8, Failure> {
    let mut live = Live::new();
    let (run, ended) = session.start(plan, &mut live).await?;
    finish(session, &run, ended, &live)
}

/// Runs one step and prints its result.
async fn step(
    session: &Session,
    plan: RunPlan,
    format: Format,
    document: impl Fn(&Facts) -> serde_json::Value,
) -> Result<u8, Failure> {
    match format {
        Format::Text => drive(session, plan).await,
        Format::Json => {
            let (_, ended): (RunId, Ended) = session.start(plan, &mut Live::silent()).await?;
            if let Some(error) = ended.error {
                return Err(error.into());
            }
            terminal::print(&format!("{:#}", document(&ended.facts)));
            Ok(ended.end.exit_code())
        }
    }
}

fn known_suites(session: &Session, names: &[String]) -> Result<(), Failure> {
    let suites = &session.project.suites;
    let unknown = names
        .iter()
        .find(|name| !suites.iter().any(|suite| suite.name == **name));
    match unknown {
        None => Ok(()),
        Some(name) => {
            let known: Vec<&str> = suites.iter().map(|suite| suite.name.as_str()).collect();
            Err(
                Failure::usage(format!("no suite {name} in the configuration"))
                    .hint(format!("known suites: {}", known.join(", "))),
            )
        }
    }
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
                let names: Vec<&str> = known.keys().map(ServiceName::as_str).collect();
                return Err(
                    Failure::usage(format!("no service {name} in the configuration"))
                        .hint(format!("known services: {}", names.join(", "))),
                );
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
