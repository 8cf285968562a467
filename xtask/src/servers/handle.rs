//! The guard, seen from the process that wants servers.

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

/// How the servers are reached.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Variables and their values.
    pub(crate) variables: Vec<(String, String)>,
    /// Names of servers that could not be started.
    pub(crate) failed: Vec<String>,
}

/// Servers that start, or run. They end when this is dropped, or when this process is no more.
pub(crate) struct Servers {
    guard: Child,
    /// Closing it tells the guard to stop.
    input: Option<ChildStdin>,
    output: Option<ChildStdout>,
}

impl Servers {
    /// Starts them, and does not wait for it.
    pub(crate) fn start() -> Result<Self, String> {
        let mut guard = spawn(Stdio::piped())?;
        Ok(Self {
            input: guard.stdin.take(),
            output: guard.stdout.take(),
            guard,
        })
    }

    /// Waits until every server answers or has failed, which each does within a minute.
    pub(crate) fn wait(&mut self) -> Reached {
        let Some(output) = self.output.take() else {
            return Reached::default();
        };
        let mut output = BufReader::new(output);
        let reached = read(&mut output);
        // The guard says nothing more, and its pipe stays open for it.
        self.output = Some(output.into_inner());
        reached
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.guard.wait());
    }
}

/// `cargo xtask servers`: prints how the servers are reached, and keeps them until standard input
/// closes. Whether all were started.
pub(crate) fn in_front() -> Result<bool, String> {
    let mut guard = spawn(Stdio::inherit())?;
    let input = guard.stdin.take();
    thread::spawn(move || {
        drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
        drop(input);
    });
    let status = guard
        .wait()
        .map_err(|error| format!("cannot wait for the guard: {error}"))?;
    Ok(status.success())
}

/// In a group of its own, so that an interrupt of ours from the terminal is none of it.
fn spawn(output: Stdio) -> Result<Child, String> {
    let own = std::env::current_exe().map_err(|error| format!("cannot find xtask: {error}"))?;
    Command::new(own)
        .args(["servers", "--guard"])
        .stdin(Stdio::piped())
        .stdout(output)
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot start the guard: {error}"))
}

/// What the guard says, up to `# ready`; one that ends before has failed.
fn read(output: impl BufRead) -> Reached {
    let mut reached = Reached::default();
    for line in output.lines() {
        let Ok(line) = line else { break };
        if line == "# ready" {
            return reached;
        }
        if let Some(name) = line.strip_prefix("# failed ") {
            reached.failed.push(name.to_owned());
        }
        let assignment = line.strip_prefix("export ");
        if let Some((variable, value)) = assignment.and_then(|rest| rest.split_once('=')) {
            let value = value.trim_matches('\'').to_owned();
            reached.variables.push((variable.to_owned(), value));
        }
    }
    reached.failed.push("the guard".to_owned());
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, variables: &[(&str, &str)], failed: &[&str]) {
        let reached = read(output.as_bytes());
        let expected = Reached {
            variables: variables
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            failed: failed.iter().map(|&name| name.to_owned()).collect(),
        };
        assert_eq!(reached, expected, "{output:?}");
    }

    #[test]
    fn variables_and_failures_are_read_up_to_the_end() {
        check("# ready\nexport A='1'\n", &[], &[]);
        check(
            "export A='u://p=q@h'\n# failed nginx\nexport B='2'\n# ready\n",
            &[("A", "u://p=q@h"), ("B", "2")],
            &["nginx"],
        );
        check("export A='1'\n", &[("A", "1")], &["the guard"]);
        check("", &[], &["the guard"]);
    }
}
