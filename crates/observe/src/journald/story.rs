//! What a unit went through: from systemd's own messages about it.

use std::collections::BTreeMap;

use assay_model::{Exit, InstanceState, RuntimeEvent, Timestamp};
use serde_json::{Map, Value};

use crate::look::{EVENTS_MAX, Look, one_line};

/// Names that systemd gives its messages (`journalctl --list-catalog`): a unit starts, …
const STARTING: &str = "7d4958e842da4a758f6c1cdc7b36dcc5";
/// … is started, …
const STARTED: &str = "39f53479d3a045ac8e11786248231fbf";
/// … is told to stop, …
const STOPPING: &str = "de5b426a63be47a7b6ac3eaac82e2f6f";
/// … its process ends, …
const PROCESS_EXIT: &str = "98e322203f7a4ed290d09fe03c09fe15";
/// … it fails, …
const FAILED: &str = "d9b373ed55a64feb8242e02dbe79a49c";
/// … memory runs out, …
const OUT_OF_MEMORY: &str = "fe6faa94e7774663a0da52717891d8ef";
/// … it is to be started again.
const RESTART_SCHEDULED: &str = "5eb03494b6584870a536b337290809b3";

/// Messages up to this priority tell of trouble: `warning`.
const PRIORITY_WARNING: u8 = 4;

/// One message of the journal.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) message: String,
    id: String,
    priority: Option<u8>,
    /// It is systemd's, about the unit.
    is_about: bool,
    fields: BTreeMap<&'static str, String>,
}

impl Entry {
    /// A line of `journalctl --output=json`.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let text = |name: &str| fields.get(name).map(text).unwrap_or_default();
        let at = text("__REALTIME_TIMESTAMP").parse().ok()?;
        let known = ["EXIT_CODE", "EXIT_STATUS", "UNIT_RESULT", "N_RESTARTS"];
        Some(Self {
            at: Timestamp::from_microsecond(at).ok()?,
            message: text("MESSAGE"),
            id: text("MESSAGE_ID"),
            priority: text("PRIORITY").parse().ok(),
            is_about: fields.contains_key("UNIT") || fields.contains_key("USER_UNIT"),
            fields: known
                .into_iter()
                .filter(|name| fields.contains_key(*name))
                .map(|name| (name, text(name)))
                .collect(),
        })
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    fn is_out_of_memory(&self) -> bool {
        self.id == OUT_OF_MEMORY
            || self.field("UNIT_RESULT") == "oom-kill"
            || self.message.contains("Failed with result 'oom-kill'")
    }

    fn exit(&self, life: &Life) -> Exit {
        let status: Option<i32> = self.field("EXIT_STATUS").parse().ok();
        let exited = self.field("EXIT_CODE") == "exited";
        let uptime = life
            .started
            .map(|at| self.at.duration_since(at).as_millis());
        Exit {
            at: self.at,
            code: status.filter(|_| exited),
            signal: status.filter(|_| !exited),
            uptime_ms: uptime.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0),
            requested: life.was_told_to_stop,
            out_of_memory: life.out_of_memory,
        }
    }
}

/// A field is text; bytes, where it is not UTF-8 or has control characters; or several of either.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let bytes: Option<Vec<u8>> = items
                .iter()
                .map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok()))
                .collect();
            match bytes {
                Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                None => items.iter().map(text).collect::<Vec<_>>().join("\n"),
            }
        }
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// What systemd's messages tell.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) starts: u32,
    pub(super) exits: Vec<Exit>,
    pub(super) events: Vec<RuntimeEvent>,
    /// The messages that it was read from.
    pub(super) lines: String,
}

#[derive(Default)]
struct Life {
    started: Option<Timestamp>,
    was_told_to_stop: bool,
    out_of_memory: bool,
}

/// The story of a unit from its messages, oldest first.
pub(super) fn tell(entries: &[Entry], look: &Look) -> Story {
    let mut story = Story::default();
    let mut life = Life::default();
    for entry in entries.iter().filter(|it| it.is_about && look.holds(it.at)) {
        story.lines.push_str(&format!(
            "{} {}\n",
            assay_world::clock::stamp(entry.at),
            entry.message
        ));
        if entry.is_out_of_memory() {
            life.out_of_memory = true;
            // Some versions say so only after the process has ended.
            let after = story.exits.last_mut().filter(|_| entry.id == FAILED);
            if let Some(exit) = after {
                exit.out_of_memory = true;
            }
        }
        match entry.id.as_str() {
            STARTING => {
                life = Life {
                    started: Some(entry.at),
                    ..Life::default()
                };
            }
            STARTED => {
                // Simple units say only this.
                story.starts += 1;
                let started = life.started.or(Some(entry.at));
                life = Life {
                    started,
                    ..Life::default()
                };
            }
            STOPPING => life.was_told_to_stop = true,
            PROCESS_EXIT => {
                story.exits.push(entry.exit(&life));
                life.started = None;
            }
            _ => {}
        }
        story.events.extend(event(entry));
    }
    let surplus = story.events.len().saturating_sub(EVENTS_MAX);
    story.events.drain(..surplus);
    story
}

fn event(entry: &Entry) -> Option<RuntimeEvent> {
    let kind = match entry.id.as_str() {
        STARTED => "started",
        STOPPING => "stopping",
        PROCESS_EXIT => "process exited",
        FAILED => "failed",
        OUT_OF_MEMORY => "oom",
        RESTART_SCHEDULED => "restart scheduled",
        _ if entry.priority.is_some_and(|it| it <= PRIORITY_WARNING) => "warning",
        _ => return None,
    };
    let ended_badly = entry.id == PROCESS_EXIT
        && !(entry.field("EXIT_CODE") == "exited" && entry.field("EXIT_STATUS") == "0");
    Some(RuntimeEvent {
        at: entry.at,
        kind: kind.to_owned(),
        message: one_line(&entry.message),
        warning: ended_badly || matches!(kind, "failed" | "oom" | "warning"),
    })
}

/// How a unit stands, as `systemctl show` prints it.
#[derive(Debug, Default)]
pub(super) struct Unit {
    load: String,
    active: String,
    sub: String,
}

impl Unit {
    pub(super) fn parse(output: &str) -> Self {
        let mut unit = Self::default();
        for (name, value) in output.lines().filter_map(|line| line.split_once('=')) {
            let place = match name {
                "LoadState" => &mut unit.load,
                "ActiveState" => &mut unit.active,
                "SubState" => &mut unit.sub,
                _ => continue,
            };
            value.trim().clone_into(place);
        }
        unit
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.load == "not-found"
    }

    pub(super) fn is_wanted(&self) -> bool {
        ["active", "activating", "reloading"].contains(&&*self.active)
    }

    /// What it is doing; without an answer of systemd nobody knows.
    pub(super) fn state(unit: Option<&Self>, exits: &[Exit]) -> InstanceState {
        let Some(unit) = unit else {
            return InstanceState::Unknown;
        };
        match (unit.active.as_str(), unit.sub.as_str()) {
            ("active", "exited") => InstanceState::Exited,
            ("active" | "reloading" | "deactivating", _) => InstanceState::Running,
            ("activating", "auto-restart" | "auto-restart-queued") => InstanceState::BackingOff,
            ("activating", _) => InstanceState::Pending,
            ("failed", _) => InstanceState::Exited,
            ("inactive", _) if unit.is_unknown() => InstanceState::Unknown,
            ("inactive", _) => match exits.last() {
                Some(exit) if !exit.requested => InstanceState::Exited,
                _ => InstanceState::Stopped,
            },
            _ => InstanceState::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(json: &str, expected: &str) {
        assert_eq!(text(&serde_json::from_str(json).unwrap()), expected);
    }

    #[test]
    fn fields_are_text_or_bytes() {
        check_text(r#""up""#, "up");
        check_text("[117,112]", "up");
        check_text("[255,112]", "\u{fffd}p");
        check_text(r#"["a","b"]"#, "a\nb");
        check_text("null", "");
    }

    #[track_caller]
    fn check_state(shown: &str, expected: InstanceState) {
        assert_eq!(
            Unit::state(Some(&Unit::parse(shown)), &[]),
            expected,
            "{shown}"
        );
    }

    #[test]
    fn states_in_systemds_words() {
        check_state(
            "ActiveState=active\nSubState=running",
            InstanceState::Running,
        );
        check_state("ActiveState=active\nSubState=exited", InstanceState::Exited);
        check_state(
            "ActiveState=activating\nSubState=auto-restart",
            InstanceState::BackingOff,
        );
        check_state(
            "ActiveState=activating\nSubState=start",
            InstanceState::Pending,
        );
        check_state("ActiveState=failed\nSubState=failed", InstanceState::Exited);
        check_state(
            "ActiveState=inactive\nSubState=dead",
            InstanceState::Stopped,
        );
        check_state(
            "LoadState=not-found\nActiveState=inactive",
            InstanceState::Unknown,
        );
        check_state("", InstanceState::Unknown);
    }
}
