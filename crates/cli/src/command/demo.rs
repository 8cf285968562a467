//! `assay demo`: the whole loop on the reference platform, in a scratch project of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use assay_model::{
    Disturbance, Gate, Prologue, RolloutId, RolloutRequest, RolloutSource, RunPlan, ServiceName,
};
use assay_world::git::{Git, Identity};
use assay_world::{clock, files};
use golden_path::incidents::{self, Action, Incident};
use golden_path::tree::{self, Ports};

use crate::args::DemoArgs;
use crate::document::{IncidentRow, IncidentsDocument};
use crate::failure::Failure;
use crate::live::Live;
use crate::output::Output;
use crate::screen::finish;
use crate::session::{CONFIG_FILE, STATE_FOLDER, Session};
use crate::terminal::{self, COLUMNS, fold};

/// Columns before what an incident is, in the list.
const LIST_INDENT: usize = 32;

/// The services of the platform, in the order in which they are first rolled out.
const SERVICES: [&str; 3] = ["auth", "backend", "frontend"];

/// Tests of `--small`: enough for every step of the loop to have something to do.
const SMALL_TESTS: &str = r#"only = [
    "account::me_names_the_user",
    "auth::login_returns_tokens",
    "chat::five_events_come_in_order",
    "frontend::page_carries_its_configuration",
    "health::backend_reports_its_dependencies",
    "threads::message_is_kept",
]"#;

pub(crate) async fn run(args: DemoArgs, output: Output) -> Result<u8, Failure> {
    if args.list {
        list(output);
        return Ok(0);
    }
    let incident = incidents::get(&args.incident).ok_or_else(|| {
        let known = incidents::all();
        let known = known.iter().map(|incident| incident.name.as_str());
        Failure::unknown("incident", &args.incident, known)
    })?;
    let folder = scratch_folder(args.dir.as_deref())?;
    let plan = prepare(&folder, &incident, args.small, args.keep).await?;
    if args.prepare {
        terminal::print(&folder.display().to_string());
        return Ok(0);
    }
    let summary = fold(&incident.summary, 0, COLUMNS);
    output.note(&format!("{summary}\nin {}\n", folder.display()));

    let session = Session::open(&folder)?;
    let mut live = Live::expecting(output, || session.usual());
    let (run, ended) = session.start(plan, &mut live).await?;
    let code = finish(&session, &run, ended, &live)?;
    if args.keep && output.is_text() {
        terminal::print("the platform is up:");
        for service in session.project.services.values() {
            terminal::print(&format!("  {:<10}{}", service.name, service.url));
        }
        terminal::print(&format!(
            "stop it with: {} down",
            terminal::this_assay(&folder)
        ));
        terminal::print("without that it stops by itself, 8 hours after the last command");
    }
    Ok(code)
}

fn list(output: Output) {
    let incidents = incidents::all();
    let rows = incidents.into_iter().map(|incident| IncidentRow {
        name: incident.name,
        summary: incident.summary,
        end: incident.expect.end.word().to_owned(),
    });
    let document = IncidentsDocument {
        incidents: rows.collect(),
    };
    output.list(&document, &document.incidents, || {
        let line = |row: &IncidentRow| {
            let text = fold(&row.summary, LIST_INDENT, COLUMNS);
            format!("{:<16}ends {:<11}{text}\n", row.name, row.end)
        };
        document.incidents.iter().map(line).collect()
    });
}

/// A folder that holds nothing yet.
fn scratch_folder(wanted: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = wanted.map_or_else(
        || {
            let stamp = clock::now().as_millisecond();
            std::env::temp_dir().join(format!("assay-demo-{stamp}-{}", std::process::id()))
        },
        Path::to_owned,
    );
    let failed = |error: std::io::Error| {
        Failure::cannot_look(format!("cannot use {}", folder.display())).because(error)
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    if std::fs::read_dir(&folder).map_err(failed)?.next().is_some() {
        return Err(Failure::usage(format!("{} is not empty", folder.display()))
            .hint("the demo makes a git project of its own: name a folder that does not exist"));
    }
    folder.canonicalize().map_err(failed)
}

/// Writes the scratch project with its good and its bad commit, and says what is to be run.
async fn prepare(
    folder: &Path,
    incident: &Incident,
    small: bool,
    keep: bool,
) -> Result<RunPlan, Failure> {
    let unwritten = |error: std::io::Error| {
        Failure::cannot_look(format!("cannot write the platform to {}", folder.display()))
            .because(error)
    };
    let ports = free_ports()
        .map_err(|error| Failure::cannot_look("no free port on 127.0.0.1").because(error))?;
    tree::write(folder, ports).map_err(unwritten)?;
    if small {
        shorten(folder).map_err(unwritten)?;
    }
    let git = Git::init(folder, "main").await.map_err(git_failed)?;
    let mut head = git
        .commit(&["."], "Platform as it serves", &author())
        .await
        .map_err(git_failed)?;
    let (before, after): (Vec<_>, Vec<_>) = incident
        .inject
        .iter()
        .partition(|inject| inject.before_baseline);
    for inject in before {
        inject_into(folder, &git, &inject.action, &mut head).await?;
    }
    let mut prologue: Vec<Prologue> = SERVICES
        .iter()
        .enumerate()
        .map(|(place, service)| {
            let source = RolloutSource::Commit(head.clone());
            rollout(
                place,
                service,
                source,
                Some(Gate::Probe),
                "the platform as it serves",
            )
        })
        .collect();
    for inject in after {
        let place = prologue.len();
        prologue.extend(match &inject.action {
            Action::Deploy { service } => {
                let source = RolloutSource::Commit(head.clone());
                Some(rollout(place, service, source, None, "a new commit"))
            }
            Action::Kill { service, signal } => Some(Prologue::Disturb(Disturbance::Kill {
                service: ServiceName::from(service.as_str()),
                signal: *signal,
            })),
            Action::Write { file, text } if Path::new(file).starts_with(STATE_FOLDER) => {
                let (file, text) = (file.clone(), text.clone());
                Some(Prologue::Disturb(Disturbance::Write { file, text }))
            }
            action => {
                inject_into(folder, &git, action, &mut head).await?;
                None
            }
        });
    }
    Ok(RunPlan {
        prologue,
        only: None,
        suites: Vec::new(),
        remedy: true,
        approved: false,
        teardown: !keep,
    })
}

fn rollout(
    place: usize,
    service: &str,
    source: RolloutSource,
    gate: Option<Gate>,
    reason: &str,
) -> Prologue {
    Prologue::Rollout(RolloutRequest {
        id: RolloutId::new(format!("{}-{service}", place + 1)),
        service: ServiceName::from(service),
        source,
        gate,
        reason: reason.to_owned(),
    })
}

/// Changes the scratch project's source, or commits what was changed.
async fn inject_into(
    folder: &Path,
    git: &Git,
    action: &Action,
    head: &mut String,
) -> Result<(), Failure> {
    let failed = |file: &str| Failure::cannot_look(format!("change {file} in the scratch project"));
    match action {
        Action::Edit(edit) => {
            let path = folder.join(&edit.file);
            let text = std::fs::read_to_string(&path).map_err(|e| failed(&edit.file).because(e))?;
            let text = edit
                .apply(&text)
                .map_err(|e| failed(&edit.file).because(e))?;
            std::fs::write(&path, text).map_err(|e| failed(&edit.file).because(e))
        }
        Action::Write { file, text } => files::write_atomic(&folder.join(file), text.as_bytes())
            .map_err(|e| failed(file).because(e)),
        Action::Commit { message } => {
            *head = git
                .commit(&["."], message, &author())
                .await
                .map_err(git_failed)?;
            Ok(())
        }
        // These happen to the running platform, as part of the run.
        Action::Deploy { .. } | Action::Kill { .. } => Ok(()),
    }
}

/// Short bakes and few tests.
fn shorten(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(CONFIG_FILE);
    let text = std::fs::read_to_string(&path)?;
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with("bake_s") {
            out.push_str("bake_s = 0.2");
        } else {
            out.push_str(line);
        }
        out.push('\n');
        if line == "[suite.e2e]" {
            out.push_str(SMALL_TESTS);
            out.push('\n');
        }
    }
    std::fs::write(path, out)
}

fn free_ports() -> std::io::Result<Ports> {
    let mut ports = BTreeSet::new();
    while ports.len() < SERVICES.len() {
        ports.insert(files::free_port()?);
    }
    let mut next = ports.into_iter();
    let mut port = || next.next().unwrap_or_default();
    Ok(Ports {
        auth: port(),
        backend: port(),
        frontend: port(),
    })
}

fn author() -> Identity {
    Identity {
        name: "Platform team".to_owned(),
        email: "platform@localhost".to_owned(),
    }
}

fn git_failed(error: assay_world::git::GitError) -> Failure {
    let hint = error.hint().map(ToOwned::to_owned);
    let failure = Failure::cannot_look("prepare the scratch project").because(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
