//! `journald`: a unit's messages through `journalctl`, and how it stands through `systemctl show`.

mod story;

use assay_model::{InstanceObservation, Sighting, Source, Timestamp};
use assay_world::process::Command;
use thiserror::Error;

use self::story::{Entry, Unit, tell};
use crate::look::{CannotSee, Look, Seen, blind, log_only};
use crate::programs::{Programs, RunError, run, run_whole};
use crate::tail::{LOG_LINES_MAX, Tail};

const NAME: &str = "journald";

/// What is read of each message.
const FIELDS: &str = "MESSAGE,MESSAGE_ID,PRIORITY,SYSLOG_IDENTIFIER,_PID,UNIT,USER_UNIT,\
                      EXIT_CODE,EXIT_STATUS,UNIT_RESULT,N_RESTARTS";

/// What is read of how a unit stands.
const PROPERTIES: &str = "LoadState,ActiveState,SubState,Result,NRestarts,ExecMainPID,\
                          ExecMainCode,ExecMainStatus";

/// The unit's messages could not be read.
#[derive(Debug, Error)]
pub(crate) enum JournaldError {
    /// `journalctl` or `systemctl` gave no answer.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Neither systemd nor the journal knows the unit.
    #[error("no unit {unit}")]
    None { unit: String },
}

impl CannotSee for JournaldError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::None { .. } => Some(
                "`systemctl list-units --all` lists them; a unit of the user's own manager needs \
                 observe.journald.user = true"
                    .to_owned(),
            ),
            Self::Run(error) if error.said().contains("permission") => Some(
                "let this user read the journal: add it to the group systemd-journal".to_owned(),
            ),
            Self::Run(error) if error.said().contains("booted with systemd") => {
                Some("systemd does not run here; the state of the unit is not known".to_owned())
            }
            Self::Run(error) => error.hint(),
        }
    }
}

/// Looks at one unit.
pub(crate) async fn look(
    unit: &str,
    user: bool,
    programs: &Programs,
    look: &Look,
) -> Result<Seen, JournaldError> {
    let read = journalctl(unit, user, programs, look);
    let show = systemctl(unit, user, programs);
    let (read_output, show_output) = tokio::join!(run(&read, look), run_whole(&show, look));
    let entries = entries(&read_output?.stdout);
    let mut seen = Seen::default();
    let mut record = String::new();
    let standing = match show_output {
        Ok(output) => {
            record.push_str(&String::from_utf8_lossy(&output));
            Some(Unit::parse(&String::from_utf8_lossy(&output)))
        }
        Err(error) => {
            seen.blind.push(blind(NAME, &JournaldError::Run(error)));
            None
        }
    };
    if entries.is_empty() && standing.is_none() {
        // Neither side said anything of it: what is not known is not told.
        return Ok(seen);
    }
    if entries.is_empty() && standing.as_ref().is_some_and(Unit::is_unknown) {
        return Err(JournaldError::None {
            unit: unit.to_owned(),
        });
    }
    let story = tell(&entries, look);
    record.push_str(&story.lines);
    let log = look
        .wants_everything()
        .then(|| log(&entries, look))
        .flatten();
    let log_source = Source::Command {
        command: read.to_string(),
    };
    let source = Source::Derived {
        what: format!("`{show}`, and what systemd wrote about {unit}"),
    };
    seen.instances.push(Sighting {
        wanted: standing.as_ref().is_some_and(Unit::is_wanted),
        instance: InstanceObservation {
            state: Unit::state(standing.as_ref(), &story.exits),
            starts: story.starts,
            exits: story.exits,
            events: if look.wants_everything() {
                story.events
            } else {
                Vec::new()
            },
            ..log_only(NAME, unit)
        },
        log: log.map(|log| (log_source, log)),
        record: (!record.is_empty()).then(|| (source, record.into_bytes())),
    });
    Ok(seen)
}

fn journalctl(unit: &str, user: bool, programs: &Programs, look: &Look) -> Command {
    let unit = if user {
        format!("--user-unit={unit}")
    } else {
        format!("--unit={unit}")
    };
    Command::new(&programs.journalctl).args([
        unit,
        format!("--since={}", seconds(look.window.from)),
        format!("--until={}", seconds(look.window.to)),
        "--output=json".to_owned(),
        // Otherwise a long message is left out.
        "--all".to_owned(),
        format!("--output-fields={FIELDS}"),
        // The latest come first: with a bound on lines, some versions give the first ones of the
        // window when they are asked for them in their order.
        "--reverse".to_owned(),
        format!("--lines={LOG_LINES_MAX}"),
        "--no-pager".to_owned(),
        "--quiet".to_owned(),
    ])
}

fn systemctl(unit: &str, user: bool, programs: &Programs) -> Command {
    let command = Command::new(&programs.systemctl);
    let command = if user {
        command.args(["--user"])
    } else {
        command
    };
    command.args(["show", "--no-pager", "--property", PROPERTIES, "--", unit])
}

/// `@` and seconds since 1970, which `journalctl` reads in any zone.
fn seconds(at: Timestamp) -> String {
    let microseconds = at.as_microsecond().max(0);
    let second = 1_000_000;
    format!("@{}.{:06}", microseconds / second, microseconds % second)
}

/// The messages, oldest first. A line that was cut out of too long an answer is none.
fn entries(output: &[u8]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = output
        .split(|byte| *byte == b'\n')
        .filter_map(Entry::parse)
        .collect();
    entries.reverse();
    entries
}

fn log(entries: &[Entry], look: &Look) -> Option<String> {
    let mut tail = Tail::default();
    for entry in entries.iter().filter(|entry| look.holds(entry.at)) {
        tail.push(entry.at, &entry.message);
    }
    tail.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(at: &str, expected: &str) {
        assert_eq!(seconds(at.parse().unwrap()), expected);
    }

    #[test]
    fn moments_for_journalctl() {
        check("2026-11-23T10:00:00.25Z", "@1795428000.250000");
        check("1970-01-01T00:00:00Z", "@0.000000");
        check("1969-12-31T23:59:59Z", "@0.000000");
    }
}
