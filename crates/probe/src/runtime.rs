//! What observers saw of a service, in short, and what that tells about its health. Pure.

use assay_model::{
    Blind, Exit, Health, InstanceObservation, InstanceState, ProbeTarget, RevisionId, Runtime,
    Sightings, Status, Timestamp,
};

/// Adds what was seen to the result of a probe: the runtime, the revision where the answer named
/// none, and the reason why it does not serve where the runtime tells one.
pub(crate) fn add(health: &mut Health, sightings: &Sightings, now: Timestamp) {
    health.runtime = summary(sightings);
    if health.revision.is_none() {
        health.revision = revision(sightings);
    }
    if health.status.serves() {
        return;
    }
    let wanted = sightings.instances.iter().filter(|seen| seen.wanted);
    let latest = wanted.map(|seen| &seen.instance).next_back().or_else(|| {
        let any = sightings.instances.last();
        any.map(|seen| &seen.instance)
    });
    if let Some(story) = latest.and_then(|instance| story(instance, now)) {
        health.detail.push_str(&format!("; {story}"));
    }
}

/// The health of what has no address: it is well as long as all of it runs that is meant to.
pub(crate) fn judge(target: &ProbeTarget, sightings: &Sightings, now: Timestamp) -> Health {
    let name = target.service.clone();
    let (status, detail) = match summary(sightings) {
        Some(runtime) if runtime.state.is_none() => match runtime.blind.first() {
            Some(blind) => (Status::Unreachable, could_not_look(blind)),
            None => (Status::Unavailable, "nothing of it was seen".to_owned()),
        },
        Some(runtime) if runtime.instances == 0 => (
            Status::Unavailable,
            "nothing of it is meant to run".to_owned(),
        ),
        Some(runtime) => {
            let Runtime {
                running, instances, ..
            } = runtime;
            let status = match running {
                0 => Status::Unavailable,
                _ if running < instances => Status::Degraded,
                _ => Status::Healthy,
            };
            (status, format!("{running} of {instances} running"))
        }
        None => (Status::Unavailable, "nothing of it was seen".to_owned()),
    };
    let observer = match sightings.instances.last() {
        Some(seen) => seen.instance.observer.clone(),
        None => "observers".to_owned(),
    };
    let mut health = Health::new(name, "runtime", observer, status);
    health.detail = detail;
    add(&mut health, sightings, now);
    health
}

/// `docker could not look: permission denied`.
pub(crate) fn could_not_look(blind: &Blind) -> String {
    format!("{} could not look: {}", blind.observer, blind.reason)
}

/// `None` where nothing looked.
fn summary(sightings: &Sightings) -> Option<Runtime> {
    if sightings.instances.is_empty() && sightings.blind.is_empty() {
        return None;
    }
    let latest = sightings.instances.last().map(|seen| &seen.instance);
    let observer = latest.map(|instance| &instance.observer);
    let observer = observer.or_else(|| sightings.blind.first().map(|blind| &blind.observer));
    let all = || sightings.instances.iter();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let runs = |instance: &InstanceObservation| instance.state == InstanceState::Running;
    let last_exit = all().flat_map(|seen| &seen.instance.exits);
    Some(Runtime {
        observer: observer.cloned().unwrap_or_default(),
        instances: count(all().filter(|seen| seen.wanted).count()),
        // One that is on its way out must not stand in for one that is meant to run.
        running: count(
            all()
                .filter(|seen| seen.wanted && runs(&seen.instance))
                .count(),
        ),
        state: latest.map(|instance| instance.state),
        restarts: all()
            .map(|seen| restarts(&seen.instance))
            .fold(0, u32::saturating_add),
        last_exit: last_exit.max_by_key(|exit| exit.at).cloned(),
        blind: sightings.blind.clone(),
    })
}

/// Starts after the first; one that was up before the window began was never first.
fn restarts(instance: &InstanceObservation) -> u32 {
    let exits = u32::try_from(instance.exits.len()).unwrap_or(u32::MAX);
    let is_up = instance.state == InstanceState::Running;
    let began_before = exits >= instance.starts + u32::from(!is_up);
    if began_before {
        instance.starts
    } else {
        instance.starts.saturating_sub(1)
    }
}

/// The one that gets the traffic; or the only one that runs.
fn revision(sightings: &Sightings) -> Option<RevisionId> {
    if let Some(serving) = &sightings.serving {
        return Some(serving.clone());
    }
    let mut running = sightings
        .instances
        .iter()
        .filter(|seen| seen.wanted && seen.instance.state == InstanceState::Running)
        .map(|seen| &seen.instance.revision)
        .filter(|revision| !revision.is_empty());
    let first = running.next()?;
    running.all(|other| other == first).then(|| first.clone())
}

/// Why an instance does not serve; `None` where it says nothing about that.
fn story(instance: &InstanceObservation, now: Timestamp) -> Option<String> {
    let what = match &*instance.observer {
        "docker" => "container",
        "kubernetes" => "pod",
        "journald" => "unit",
        _ => "process",
    };
    let id = &instance.id;
    let restarts = match restarts(instance) {
        0 => String::new(),
        1 => ", 1 restart".to_owned(),
        n => format!(", {n} restarts"),
    };
    let last = instance.exits.last();
    let exited = |exit: &Exit| {
        let ago = ago(exit.at, now);
        format!("exited {ago} ago: {}{restarts}", exit.describe())
    };
    let text = match (instance.state, last) {
        (InstanceState::Running, Some(exit)) if !exit.requested => {
            format!("runs again, {}", exited(exit))
        }
        (InstanceState::Running | InstanceState::Unknown, _) => return None,
        (InstanceState::Stopped, Some(exit)) => format!("was stopped {} ago", ago(exit.at, now)),
        (InstanceState::BackingOff, Some(exit)) => {
            format!("waits to be started again, {}", exited(exit))
        }
        (InstanceState::Exited, Some(exit)) => exited(exit),
        (InstanceState::Pending, _) => format!("has not started yet{}", warning(instance)),
        (state, _) => format!("is {}{restarts}{}", state.word(), warning(instance)),
    };
    Some(format!("{what} {id} {text}"))
}

/// The last thing that whoever runs it complained about.
fn warning(instance: &InstanceObservation) -> String {
    let last = instance.events.iter().rev().find(|event| event.warning);
    last.map(|event| format!(" ({}: {})", event.kind, event.message))
        .unwrap_or_default()
}

/// `12 s`, `3 min`, `5 h`.
fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_second() - then.as_second()).max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use assay_model::{Sighting, Status};

    use super::*;

    const NOW: i64 = 1_000_000;

    fn at(seconds_ago: i64) -> Timestamp {
        Timestamp::from_second(NOW - seconds_ago).unwrap()
    }

    fn instance(state: InstanceState, starts: u32, exits: &[i64]) -> Sighting {
        let exit = |seconds_ago: &i64| Exit {
            at: at(*seconds_ago),
            code: Some(137),
            signal: None,
            uptime_ms: 1,
            requested: state == InstanceState::Stopped,
            out_of_memory: true,
        };
        Sighting {
            instance: InstanceObservation {
                id: "api-1".to_owned(),
                observer: "docker".to_owned(),
                revision: "abc".into(),
                state,
                starts,
                exits: exits.iter().map(exit).collect(),
                log: None,
                exits_evidence: None,
                events: Vec::new(),
            },
            wanted: true,
            log: None,
            record: None,
        }
    }

    fn seen(state: InstanceState, starts: u32, exits: &[i64]) -> Health {
        let mut health = Health::new("api".into(), "tcp", "tcp://host:1", Status::Refused);
        health.detail = "connection refused".to_owned();
        let sightings = Sightings {
            instances: vec![instance(state, starts, exits)],
            ..Sightings::default()
        };
        add(&mut health, &sightings, at(0));
        health
    }

    fn check(state: InstanceState, starts: u32, exits: &[i64], expected: &str) {
        let detail = seen(state, starts, exits).detail;
        let told = detail.strip_prefix("connection refused").unwrap();
        assert_eq!(told, expected, "{state:?} {starts} {exits:?}");
    }

    #[test]
    fn the_runtime_tells_why() {
        use InstanceState::{BackingOff, Exited, Paused, Pending, Running, Stopped};
        check(
            Exited,
            4,
            &[90, 70, 50, 12],
            "; container api-1 exited 12 s ago: exit code 137, out of memory, 3 restarts",
        );
        check(
            BackingOff,
            2,
            &[300, 240],
            "; container api-1 waits to be started again, exited 4 min ago: exit code 137, out of memory, 1 restart",
        );
        check(
            Running,
            1,
            &[12],
            "; container api-1 runs again, exited 12 s ago: exit code 137, out of memory, 1 restart",
        );
        check(Running, 1, &[], "");
        check(Stopped, 1, &[7200], "; container api-1 was stopped 2 h ago");
        check(Paused, 1, &[], "; container api-1 is paused");
        check(Pending, 0, &[], "; container api-1 has not started yet");
    }

    #[test]
    fn a_service_that_serves_is_only_counted() {
        let mut health = Health::new("api".into(), "tcp", "tcp://host:1", Status::Healthy);
        let sightings = Sightings {
            instances: vec![
                instance(InstanceState::Exited, 1, &[50]),
                instance(InstanceState::Running, 3, &[30, 20]),
            ],
            ..Sightings::default()
        };
        add(&mut health, &sightings, at(0));
        let runtime = health.runtime.unwrap();
        assert_eq!(
            (runtime.instances, runtime.running, runtime.restarts),
            (2, 1, 2)
        );
        assert_eq!(runtime.last_exit.unwrap().at, at(20));
        assert_eq!(health.detail, "");
        assert_eq!(health.revision.as_deref(), Some("abc"));
    }

    #[test]
    fn nothing_seen_is_nothing_said() {
        let mut health = Health::new("api".into(), "tcp", "tcp://host:1", Status::Refused);
        add(&mut health, &Sightings::default(), at(0));
        assert_eq!((health.runtime, &*health.detail), (None, ""));
    }
}
