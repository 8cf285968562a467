//! Which process a pid means: pids are used again, start times tell one user from the next.

use serde::{Deserialize, Serialize};

/// A process, told apart from a later one with the same pid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Its pid.
    pub pid: u32,
    /// When it started, in the system's own unit; only good for comparing.
    pub start_time: String,
}

/// The process that has `pid` now; `None` when there is none, or only its unread exit status is
/// left of it.
pub fn identity(pid: u32) -> Option<ProcessIdentity> {
    start_time(pid).map(|start_time| ProcessIdentity { pid, start_time })
}

/// Whether this very process still runs.
pub fn alive(process: &ProcessIdentity) -> bool {
    identity(process.pid).as_ref() == Some(process)
}

#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> Option<String> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Field 22 of proc_pid_stat(5). The second field is a name in parentheses that may hold blanks
/// and parentheses itself, so fields are counted from the last one.
#[cfg(any(target_os = "linux", test))]
fn parse_stat(stat: &str) -> Option<String> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    // `state` is field 3, so field 22 is 18 further on.
    let start = fields.nth(18)?;
    (!matches!(state, "Z" | "X")).then(|| start.to_owned())
}

#[cfg(not(target_os = "linux"))]
fn start_time(pid: u32) -> Option<String> {
    let output = std::process::Command::new("ps")
        .args(["-o", "stat=,lstart=", "-p", &pid.to_string()])
        .env("LC_ALL", "C")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (state, start) = text.trim().split_once(char::is_whitespace)?;
    (!state.starts_with('Z')).then(|| start.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stat: &str, expected: Option<&str>) {
        assert_eq!(parse_stat(stat).as_deref(), expected);
    }

    #[test]
    fn the_start_time_is_field_22() {
        let rest = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21";
        check(&format!("7 (sh) S {rest}"), Some("4242"));
        check(&format!("7 (a ) S (b) R {rest}"), Some("4242"));
        check(&format!("7 (sh) Z {rest}"), None);
        check("7 (sh) S 1 2", None);
        check("", None);
    }

    #[test]
    fn this_process_is_alive_and_another_start_time_is_not() {
        let mut me = identity(std::process::id()).unwrap();
        assert!(alive(&me));
        me.start_time.push('0');
        assert!(!alive(&me));
    }
}
