//! `process`: what assay's own supervisor saw; without one, what its records say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use assay_model::{
    Exit, InstanceObservation, InstanceState, ServiceName, Sighting, Source, Timestamp,
};
use assay_world::clock::stamp;
use assay_world::files::FileError;
use assay_world::supervisor::records::{exits_path, read_exits, read_log_window, read_starts};
use assay_world::supervisor::{Client, ClientError, InstanceStatus};
use thiserror::Error;

use crate::look::{CannotSee, INSTANCES_MAX, Look, Seen, off_thread};
use crate::tail::LOG_BYTES_MAX;

/// The word for this observer in tables and JSON.
pub(crate) const NAME: &str = "process";

/// The supervisor or its records could not be read.
#[derive(Debug, Error)]
pub(crate) enum SupervisorError {
    /// It gave no answer.
    #[error("ask the supervisor for {service}")]
    Ask {
        service: ServiceName,
        #[source]
        source: ClientError,
    },
    /// What it left cannot be read.
    #[error("read what the supervisor left of {what}")]
    Records {
        what: String,
        #[source]
        source: FileError,
    },
    /// No thread to read with.
    #[error("read what the supervisor left of {what}")]
    Reader {
        what: String,
        #[source]
        source: std::io::Error,
    },
}

impl CannotSee for SupervisorError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Ask { source, .. } => source.hint().map(str::to_owned),
            Self::Records { .. } | Self::Reader { .. } => None,
        }
    }
}

/// Looks at the instances of a service. It starts no supervisor.
pub(crate) async fn look(
    service: &ServiceName,
    state: &Path,
    root: &Path,
    look: &Look,
) -> Result<Seen, SupervisorError> {
    let ask = |source| SupervisorError::Ask {
        service: service.clone(),
        source,
    };
    let (mut instances, upstream) = match Client::connect(state).await {
        Ok(client) => {
            let (instances, doors) = tokio::join!(client.status(), client.doors());
            let doors = doors.map_err(ask)?;
            let door = doors.into_iter().find(|door| door.service == *service);
            (instances.map_err(ask)?, door.and_then(|door| door.upstream))
        }
        Err(ClientError::NotRunning { .. }) => (recorded(service, state, look).await?, None),
        Err(error) => return Err(ask(error)),
    };
    instances.retain(|instance| instance.service == *service);
    instances.sort_by(|a, b| a.id.cmp(&b.id));
    let mut seen = Seen::default();
    let skip = instances.len().saturating_sub(INSTANCES_MAX);
    for instance in instances.into_iter().skip(skip) {
        let serves = upstream
            .as_ref()
            .is_some_and(|upstream| upstream.instance == instance.id);
        let mut sighting = sighting(instance, state, root, look).await?;
        sighting.wanted |= serves;
        seen.instances.push(sighting);
    }
    seen.serving = upstream.map(|upstream| upstream.revision);
    Ok(seen)
}

async fn sighting(
    instance: InstanceStatus,
    state: &Path,
    root: &Path,
    look: &Look,
) -> Result<Sighting, SupervisorError> {
    let exits: Vec<Exit> = instance
        .exits
        .into_iter()
        .filter(|exit| look.holds(exit.at))
        .collect();
    let log = if look.wants_everything() {
        log(&instance.id, instance.log_path, root, look).await?
    } else {
        None
    };
    let record = (!exits.is_empty()).then(|| {
        let file = relative(&exits_path(state), root);
        let what = format!("exits of {} (from {file})", instance.id);
        let lines: String = exits.iter().map(exit_line).collect();
        (Source::Derived { what }, lines.into_bytes())
    });
    Ok(Sighting {
        instance: InstanceObservation {
            id: instance.id,
            observer: NAME.to_owned(),
            revision: instance.revision,
            state: instance.state,
            starts: instance.starts,
            exits,
            log: None,
            exits_evidence: None,
            events: Vec::new(),
        },
        wanted: matches!(
            instance.state,
            InstanceState::Running | InstanceState::BackingOff
        ),
        log,
        record,
    })
}

fn exit_line(exit: &Exit) -> String {
    let asked = if exit.requested {
        "on request"
    } else {
        "by itself"
    };
    let at = stamp(exit.at);
    format!(
        "{at} {} after {} ms, {asked}\n",
        exit.describe(),
        exit.uptime_ms
    )
}

async fn log(
    id: &str,
    path: PathBuf,
    root: &Path,
    look: &Look,
) -> Result<Option<(Source, String)>, SupervisorError> {
    let label = relative(&path, root);
    let window = look.window.clone();
    let found = off_thread(move || read_log_window(&path, window.from, window.to, LOG_BYTES_MAX))
        .await
        .map_err(unread(id))?
        .map_err(|source| SupervisorError::Records {
            what: id.to_owned(),
            source,
        })?;
    let source = Source::Log {
        path: label,
        from_line: found.from_line,
        to_line: found.to_line,
    };
    Ok((!found.text.is_empty()).then_some((source, found.text)))
}

fn unread(what: &str) -> impl Fn(std::io::Error) -> SupervisorError {
    move |source| SupervisorError::Reader {
        what: what.to_owned(),
        source,
    }
}

/// The instances of a supervisor that has ended, as far as they started or ended in the window.
async fn recorded(
    service: &ServiceName,
    state: &Path,
    look: &Look,
) -> Result<Vec<InstanceStatus>, SupervisorError> {
    let dir = state.to_owned();
    let (starts, exits) = off_thread(move || (read_starts(&dir), read_exits(&dir)))
        .await
        .map_err(unread(service))?;
    let unreadable = |source| SupervisorError::Records {
        what: service.to_string(),
        source,
    };
    let (starts, exits) = (starts.map_err(unreadable)?, exits.map_err(unreadable)?);
    let mut lives: BTreeMap<String, Life> = BTreeMap::new();
    for start in starts.into_iter().filter(|start| start.service == *service) {
        let status = || InstanceStatus {
            id: start.instance.clone(),
            service: start.service.clone(),
            revision: start.revision.clone(),
            state: InstanceState::Unknown,
            pid: None,
            port: start.port,
            starts: 0,
            restarts: 0,
            exits: Vec::new(),
            log_path: state.join("logs").join(format!("{}.log", start.instance)),
        };
        let life = lives
            .entry(start.instance.clone())
            .or_insert_with(|| Life::new(status()));
        life.last_start = start.at;
        life.status.starts += u32::from(look.holds(start.at));
    }
    for exit in exits {
        if let Some(life) = lives.get_mut(&exit.instance) {
            life.status.exits.push(exit.exit);
        }
    }
    Ok(lives
        .into_values()
        .filter(|life| life.lived_in(look))
        .map(Life::finish)
        .collect())
}

struct Life {
    status: InstanceStatus,
    last_start: Timestamp,
}

impl Life {
    fn new(status: InstanceStatus) -> Self {
        Self {
            status,
            last_start: Timestamp::MIN,
        }
    }

    fn lived_in(&self, look: &Look) -> bool {
        self.status.starts > 0 || self.status.exits.iter().any(|exit| look.holds(exit.at))
    }

    /// Its services die with a supervisor. Where nobody was left to record that, nobody knows how.
    fn finish(self) -> InstanceStatus {
        let mut status = self.status;
        status.restarts = status.starts.saturating_sub(1);
        if let Some(exit) = status.exits.last()
            && exit.at >= self.last_start
        {
            status.state = if exit.requested {
                InstanceState::Stopped
            } else {
                InstanceState::Exited
            };
        }
        status
    }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}
