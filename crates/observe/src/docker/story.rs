//! What a container went through: from what the engine says of it and of its events.

use std::collections::BTreeMap;

use assay_model::{Exit, InstanceObservation, InstanceState, RuntimeEvent, Timestamp};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;

use crate::look::{EVENTS_MAX, Look, one_line, revision_of_image};

/// The same exit, told once by an event and once by the container, in ms: the two are stamped one
/// after the other.
const SAME_EXIT_MS: i64 = 2_000;

/// Signals by which a person or a tool ends a container: SIGINT, SIGQUIT, SIGKILL, SIGTERM.
const ENDING_SIGNALS: [i32; 4] = [2, 3, 9, 15];

/// Added to the number of the signal that ended a process to get its exit code.
const SIGNAL_BASE: i32 = 128;

/// What an engine says of one container; `inspect` in its own words.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) name: String,
    created: Option<Timestamp>,
    state: State,
    /// The image's digest.
    #[serde(default)]
    image: String,
    #[serde(default)]
    restart_count: u32,
    #[serde(default)]
    config: Config,
    #[serde(default)]
    host_config: HostConfig,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    #[serde(default)]
    status: String,
    #[serde(default, rename = "OOMKilled")]
    oom_killed: bool,
    #[serde(default)]
    exit_code: i32,
    #[serde(default)]
    error: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    health: Option<Health>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    log: Option<Vec<HealthCheck>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HealthCheck {
    end: Option<Timestamp>,
    #[serde(default)]
    exit_code: i32,
    #[serde(default)]
    output: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    tty: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    #[serde(default)]
    restart_policy: RestartPolicy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RestartPolicy {
    #[serde(default)]
    name: String,
}

/// One event of a container.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Event {
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Actor")]
    actor: Actor,
    #[serde(rename = "timeNano")]
    time_ns: i64,
}

#[derive(Clone, Debug, Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default, rename = "Attributes")]
    attributes: BTreeMap<String, String>,
}

impl Event {
    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.time_ns)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    pub(super) fn is_of(&self, id: &str) -> bool {
        self.actor.id == id
    }

    /// Whether it belongs to the container's story. Health checks and people run programs inside
    /// of it all the time.
    pub(super) fn tells(&self) -> bool {
        const NOISE: [&str; 8] = [
            "exec_", "attach", "detach", "resize", "top", "export", "archive-", "extract-",
        ];
        !NOISE.iter().any(|noise| self.action.starts_with(noise))
    }

    fn number(&self, name: &str) -> Option<i32> {
        self.actor.attributes.get(name)?.parse().ok()
    }

    /// One line of what is kept as evidence: what was read, without the container's labels.
    pub(super) fn line(&self) -> String {
        format!("{} {}{}\n", self.at(), self.action, self.details())
    }

    fn details(&self) -> String {
        let shown = ["exitCode", "signal", "execDuration", "image"];
        let attributes = &self.actor.attributes;
        shown
            .iter()
            .filter_map(|name| Some(format!(" {name}={}", attributes.get(*name)?)))
            .collect()
    }

    fn as_runtime(&self) -> RuntimeEvent {
        let code = self.number("exitCode");
        let warning = match self.action.as_str() {
            "oom" | "health_status: unhealthy" => true,
            "die" => code != Some(0),
            _ => false,
        };
        RuntimeEvent {
            at: self.at(),
            kind: self.action.clone(),
            message: self.details().trim_start().to_owned(),
            warning,
        }
    }
}

impl Container {
    /// Its name as people write it.
    pub(super) fn plain_name(&self) -> &str {
        self.name.trim_start_matches('/')
    }

    pub(super) fn has_terminal(&self) -> bool {
        self.config.tty
    }

    pub(super) fn created(&self) -> Option<Timestamp> {
        self.created
    }

    /// The instance, out of the container and its own events, oldest first.
    pub(super) fn observed(&self, events: &[Event], look: &Look) -> InstanceObservation {
        let exits = self.exits(events, look);
        InstanceObservation {
            id: self.plain_name().to_owned(),
            observer: "docker".to_owned(),
            revision: revision_of_image(&self.image),
            state: self.state(&exits),
            starts: self.starts(events, look),
            exits,
            log: None,
            exits_evidence: None,
            events: if look.wants_everything() {
                self.events(events, look)
            } else {
                Vec::new()
            },
        }
    }

    /// Whether it is meant to run: it does, or its policy brings it back.
    pub(super) fn is_wanted(&self, state: InstanceState) -> bool {
        let always = ["always", "unless-stopped"].contains(&&*self.host_config.restart_policy.name);
        match state {
            InstanceState::Running | InstanceState::BackingOff | InstanceState::Paused => true,
            InstanceState::Stopped => false,
            _ => always,
        }
    }

    fn state(&self, exits: &[Exit]) -> InstanceState {
        match self.state.status.as_str() {
            "running" => InstanceState::Running,
            "paused" => InstanceState::Paused,
            "restarting" => InstanceState::BackingOff,
            "created" => InstanceState::Pending,
            "exited" | "stopped" | "dead" | "removing" => {
                if exits.last().is_some_and(|exit| exit.requested) {
                    InstanceState::Stopped
                } else {
                    InstanceState::Exited
                }
            }
            _ => InstanceState::Unknown,
        }
    }

    /// Starts in the window. The engine remembers some hundred events, of all containers.
    fn starts(&self, events: &[Event], look: &Look) -> u32 {
        let told = events.iter().filter(|event| event.action == "start");
        let told = u32::try_from(told.count()).unwrap_or(u32::MAX);
        let started = moment(self.state.started_at.as_deref());
        let mut known = u32::from(started.is_some_and(|at| look.holds(at)));
        // All that it ever did was in the window.
        if started.is_some() && self.created.is_some_and(|at| look.holds(at)) {
            known = self.restart_count.saturating_add(1);
        }
        told.max(known)
    }

    fn exits(&self, events: &[Event], look: &Look) -> Vec<Exit> {
        let mut exits: Vec<Exit> = Vec::new();
        let mut life = Life::default();
        for event in events {
            match event.action.as_str() {
                "start" => {
                    life = Life {
                        started: Some(event.at()),
                        ..Life::default()
                    };
                }
                // The kernel's notice may come after the end that it brought.
                "oom" => match exits.last_mut().filter(|_| life.started.is_none()) {
                    Some(exit) => exit.out_of_memory = true,
                    None => life.out_of_memory = true,
                },
                "kill" => life.signal = event.number("signal").or(life.signal),
                "die" => {
                    exits.push(life.end(event));
                    life = Life::default();
                }
                _ => {}
            }
        }
        let Some(last) = self.last_exit().filter(|exit| look.holds(exit.at)) else {
            return exits;
        };
        let same = SignedDuration::from_millis(SAME_EXIT_MS);
        match exits.last_mut() {
            Some(told) if told.at.duration_since(last.at).abs() <= same => {
                told.out_of_memory |= last.out_of_memory;
                told.uptime_ms = last.uptime_ms;
            }
            Some(told) if told.at > last.at => {}
            _ => exits.push(last),
        }
        exits
    }

    /// The exit that the container itself remembers.
    fn last_exit(&self) -> Option<Exit> {
        let finished = moment(self.state.finished_at.as_deref())?;
        let started = moment(self.state.started_at.as_deref());
        // Once it is started again, the code and the mark are those of the new process.
        if started.is_some_and(|at| at > finished) {
            return None;
        }
        Some(Exit {
            at: finished,
            code: Some(self.state.exit_code),
            signal: None,
            uptime_ms: started.map_or(0, |at| ms_between(at, finished)),
            requested: false,
            out_of_memory: self.state.oom_killed,
        })
    }

    fn events(&self, events: &[Event], look: &Look) -> Vec<RuntimeEvent> {
        let mut told: Vec<RuntimeEvent> = events.iter().map(Event::as_runtime).collect();
        let checks = self
            .state
            .health
            .iter()
            .filter_map(|health| health.log.as_ref());
        for check in checks.flatten().filter(|check| check.exit_code != 0) {
            if let Some(at) = check.end.filter(|at| look.holds(*at)) {
                let output = one_line(&check.output);
                told.push(RuntimeEvent {
                    at,
                    kind: "health check".to_owned(),
                    message: format!("exit code {}: {output}", check.exit_code),
                    warning: true,
                });
            }
        }
        if !self.state.error.is_empty() {
            let finished = moment(self.state.finished_at.as_deref());
            told.push(RuntimeEvent {
                at: finished.or(self.created).unwrap_or(look.window.to),
                kind: "error".to_owned(),
                message: one_line(&self.state.error),
                warning: true,
            });
        }
        told.sort_by_key(|event| event.at);
        let surplus = told.len().saturating_sub(EVENTS_MAX);
        told.split_off(surplus)
    }
}

/// One process of a container, from its start to its end.
#[derive(Default)]
struct Life {
    started: Option<Timestamp>,
    signal: Option<i32>,
    out_of_memory: bool,
}

impl Life {
    fn end(&self, die: &Event) -> Exit {
        let code = die.number("exitCode");
        let signalled = self
            .signal
            .filter(|signal| code == Some(SIGNAL_BASE + signal));
        let seconds = die
            .number("execDuration")
            .and_then(|it| u64::try_from(it).ok());
        let uptime_ms = self
            .started
            .map(|started| ms_between(started, die.at()))
            .or(seconds.map(|seconds| seconds * 1_000));
        Exit {
            at: die.at(),
            code: code.filter(|_| signalled.is_none()),
            signal: signalled,
            uptime_ms: uptime_ms.unwrap_or(0),
            requested: self.signal.is_some_and(|it| ENDING_SIGNALS.contains(&it)),
            out_of_memory: self.out_of_memory,
        }
    }
}

/// What is kept as evidence of a container: what was read of it, in the engine's words. Its
/// environment and its labels, which hold secrets more often than not, are not part of it.
pub(super) fn evidence(inspect: &Value) -> Value {
    let mut kept = serde_json::Map::new();
    for name in ["Id", "Name", "Created", "Image", "RestartCount", "State"] {
        if let Some(value) = inspect.get(name) {
            kept.insert(name.to_owned(), value.clone());
        }
    }
    let policy = &inspect["HostConfig"]["RestartPolicy"];
    kept.insert(
        "HostConfig".to_owned(),
        serde_json::json!({ "RestartPolicy": policy }),
    );
    Value::Object(kept)
}

/// Engines write the year 1 for "never".
fn moment(text: Option<&str>) -> Option<Timestamp> {
    let at: Timestamp = text?.parse().ok()?;
    (at > Timestamp::UNIX_EPOCH).then_some(at)
}

fn ms_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use assay_model::{Detail, Window};
    use serde_json::json;

    use super::*;

    fn look() -> Look {
        let window = Window {
            from: "2026-11-23T10:00:00Z".parse().unwrap(),
            to: "2026-11-23T11:00:00Z".parse().unwrap(),
        };
        Look::begin(&window, Detail::Everything)
    }

    fn event(second: u32, action: &str, attributes: &[(&str, &str)]) -> Event {
        let at: Timestamp = format!("2026-11-23T10:00:{second:02}Z").parse().unwrap();
        let attributes: BTreeMap<_, _> = attributes.iter().copied().collect();
        serde_json::from_value(json!({
            "Action": action,
            "Actor": { "ID": "c1", "Attributes": attributes },
            "timeNano": i64::try_from(at.as_nanosecond()).unwrap(),
        }))
        .unwrap()
    }

    fn container(state: Value, policy: &str) -> Container {
        serde_json::from_value(json!({
            "Id": "c1",
            "Name": "/api",
            "Created": "2026-11-23T09:00:00Z",
            "Image": "sha256:e8c6dae1c3872eb18b7d8a4384199ee2c9da",
            "RestartCount": 2,
            "State": state,
            "HostConfig": { "RestartPolicy": { "Name": policy } },
        }))
        .unwrap()
    }

    fn exited(code: i32) -> Value {
        json!({
            "Status": "exited", "ExitCode": code, "OOMKilled": code == 137,
            "StartedAt": "2026-11-23T10:00:05Z", "FinishedAt": "2026-11-23T10:00:10.5Z",
        })
    }

    /// The state, and each exit in words.
    #[track_caller]
    fn check(container: &Container, events: &[Event], state: InstanceState, exits: &[&str]) {
        let seen = container.observed(events, &look());
        let told = |exit: &Exit| {
            let asked = if exit.requested { ", on request" } else { "" };
            format!("{} after {} ms{asked}", exit.describe(), exit.uptime_ms)
        };
        let told: Vec<String> = seen.exits.iter().map(told).collect();
        assert_eq!(
            (seen.state, told),
            (state, exits.iter().map(|&it| it.to_owned()).collect())
        );
    }

    #[test]
    fn an_exit_is_told_once() {
        let events = [
            event(5, "start", &[]),
            event(10, "die", &[("exitCode", "3")]),
        ];
        let state = InstanceState::Exited;
        check(
            &container(exited(3), "no"),
            &events,
            state,
            &["exit code 3 after 5500 ms"],
        );
        check(
            &container(exited(3), "no"),
            &[],
            state,
            &["exit code 3 after 5500 ms"],
        );
    }

    #[test]
    fn memory_that_ran_out() {
        let events = [
            event(5, "start", &[]),
            event(9, "oom", &[]),
            event(10, "die", &[("exitCode", "137")]),
        ];
        let told = &["exit code 137, out of memory after 5500 ms"];
        check(
            &container(exited(137), "no"),
            &events,
            InstanceState::Exited,
            told,
        );
        check(
            &container(exited(137), "no"),
            &[],
            InstanceState::Exited,
            told,
        );
    }

    #[test]
    fn a_late_notice_of_memory_is_of_the_process_that_ended() {
        let state = json!({ "Status": "running", "StartedAt": "2026-11-23T10:00:20Z" });
        let die = ("exitCode", "137");
        let late = [
            event(5, "start", &[]),
            event(10, "die", &[die]),
            event(11, "oom", &[]),
            event(20, "start", &[]),
        ];
        let told = &["exit code 137, out of memory after 5000 ms"];
        let running = InstanceState::Running;
        check(&container(state.clone(), "always"), &late, running, told);
        let first_start_forgotten = [event(9, "oom", &[]), event(10, "die", &[die])];
        let told = &["exit code 137, out of memory after 0 ms"];
        check(
            &container(state, "always"),
            &first_start_forgotten,
            running,
            told,
        );
    }

    #[test]
    fn a_stop_on_request() {
        let events = [
            event(5, "start", &[]),
            event(9, "kill", &[("signal", "15")]),
            event(10, "die", &[("exitCode", "143")]),
            event(10, "stop", &[]),
        ];
        let told = &["signal 15 after 5500 ms, on request"];
        check(
            &container(exited(143), "always"),
            &events,
            InstanceState::Stopped,
            told,
        );
    }

    #[test]
    fn a_crash_loop() {
        let state = json!({
            "Status": "restarting", "ExitCode": 3,
            "StartedAt": "2026-11-23T10:00:03Z", "FinishedAt": "2026-11-23T10:00:04Z",
        });
        let events = [
            event(1, "start", &[]),
            event(2, "die", &[("exitCode", "3")]),
            event(3, "start", &[]),
            event(4, "die", &[("exitCode", "3"), ("execDuration", "1")]),
        ];
        let container = container(state, "always");
        let told = &["exit code 3 after 1000 ms", "exit code 3 after 1000 ms"];
        check(&container, &events, InstanceState::BackingOff, told);
        let seen = container.observed(&events, &look());
        assert_eq!(seen.starts, 2);
        assert_eq!(seen.revision.as_str(), "e8c6dae1c387");
        assert!(container.is_wanted(seen.state));
    }

    #[test]
    fn states_in_the_engines_words() {
        let state = |status: &str| json!({ "Status": status, "StartedAt": "0001-01-01T00:00:00Z" });
        for (word, expected) in [
            ("running", InstanceState::Running),
            ("paused", InstanceState::Paused),
            ("created", InstanceState::Pending),
            ("dead", InstanceState::Exited),
            ("else", InstanceState::Unknown),
        ] {
            check(&container(state(word), "no"), &[], expected, &[]);
        }
    }

    #[test]
    fn failed_health_checks_and_errors_are_events() {
        let state = json!({
            "Status": "running",
            "Error": "OCI runtime create failed",
            "FinishedAt": "2026-11-23T10:00:01Z",
            "Health": { "Status": "unhealthy", "Log": [
                { "End": "2026-11-23T10:00:20Z", "ExitCode": 1, "Output": "refused\n" },
                { "End": "2026-11-23T10:00:30Z", "ExitCode": 0, "Output": "" },
                { "End": "2026-11-23T09:00:00Z", "ExitCode": 1, "Output": "old" },
            ] },
        });
        let events = [event(21, "health_status: unhealthy", &[])];
        let seen = container(state, "no").observed(&events, &look());
        let told: Vec<_> = seen
            .events
            .iter()
            .map(|event| (event.kind.as_str(), event.message.as_str(), event.warning))
            .collect();
        assert_eq!(
            told,
            [
                ("error", "OCI runtime create failed", true),
                ("health check", "exit code 1: refused", true),
                ("health_status: unhealthy", "", true),
            ]
        );
    }

    #[test]
    fn evidence_has_no_environment_and_no_labels() {
        let inspect = json!({
            "Id": "c1", "State": { "Status": "running" },
            "Config": { "Env": ["PASSWORD=x"], "Labels": { "a": "b" } },
            "HostConfig": { "RestartPolicy": { "Name": "no" }, "Binds": ["/x"] },
        });
        assert_eq!(
            evidence(&inspect).to_string(),
            r#"{"HostConfig":{"RestartPolicy":{"Name":"no"}},"Id":"c1","State":{"Status":"running"}}"#
        );
    }
}
