//! The process that owns the servers, until its standard input closes.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Instant;

use super::certificates::Certificates;
use super::daemon::{Place, Running, Stop};
use super::{clickhouse, docker, leftovers, nginx, postgres, redis};
use crate::{command, need};

/// A name, and what starts the server of it.
type Server = (&'static str, fn(&Place) -> Result<Running, String>);

/// The names are those of the programs.
const SERVERS: [Server; 5] = [
    ("postgres", postgres::start),
    ("redis-server", redis::start),
    ("clickhouse-server", clickhouse::start),
    ("nginx", nginx::start),
    ("dockerd", docker::start),
];

/// What became of one server, and after how many seconds.
struct Outcome {
    name: &'static str,
    variables: Result<Vec<(&'static str, String)>, String>,
    seconds: f64,
}

/// Starts every server that this machine has, prints on standard output how each is reached, and
/// `# ready` at the end. Stops and removes everything once standard input is closed. Whether
/// every server was started.
pub(crate) fn run() -> Result<bool, String> {
    let stop = Stop::default();
    let closed = stop.clone();
    // Not joined: it may be in the middle of a read when everything else has ended.
    thread::spawn(move || {
        drop(io::stdin().read_to_end(&mut Vec::new()));
        closed.set();
    });
    leftovers::remove_abandoned();
    let folder = leftovers::make_folder()?;
    let started = with_servers(&folder, &stop);
    let removed = leftovers::remove(&folder);
    started.and_then(|all| removed.map(|()| all))
}

fn with_servers(folder: &Path, stop: &Stop) -> Result<bool, String> {
    let own = |name: &str| {
        let folder = folder.join(name);
        fs::create_dir(&folder)
            .map(|()| folder)
            .map_err(|error| format!("cannot make a folder for {name}: {error}"))
    };
    let certificates = Arc::new(Certificates::make(&own("certificates")?)?);
    let (sender, outcomes) = mpsc::channel();
    let mut all = true;
    thread::scope(|scope| {
        for server in SERVERS.iter().filter(|(name, _)| is_here(name)) {
            let place = own(server.0).map(|folder| Place {
                folder,
                certificates: Arc::clone(&certificates),
                stop: stop.clone(),
            });
            let sender = sender.clone();
            scope.spawn(move || own_one(server, place, sender));
        }
        drop(sender);
        for outcome in outcomes {
            all &= outcome.variables.is_ok();
            show(&outcome);
        }
        say(&mut io::stdout(), "# ready");
        stop.wait();
    });
    Ok(all)
}

/// From its start to its end in one thread, since the kernel takes the end of this thread for
/// that of the server's owner.
fn own_one(server: &Server, place: Result<Place, String>, sender: Sender<Outcome>) {
    let (name, start) = server;
    let started = Instant::now();
    let running = place.and_then(|place| Ok((start(&place)?, place)));
    let outcome = Outcome {
        name,
        variables: match &running {
            Ok((running, _)) => Ok(running.variables.clone()),
            Err(problem) => Err(problem.clone()),
        },
        seconds: started.elapsed().as_secs_f64(),
    };
    // Whoever collects the outcomes waits until the last sender is gone.
    drop(sender.send(outcome));
    drop(sender);
    if let Ok((running, place)) = running {
        place.stop.wait();
        running.end();
    }
}

/// Says on standard error where there is a server to start but no way to.
fn is_here(name: &str) -> bool {
    let problem = if command::find(name).is_none() {
        format!("not installed; {}", need::hint(name))
    } else if need::is_for_root_only(name) && !command::is_root() {
        "needs root".to_owned()
    } else {
        return true;
    };
    say(&mut io::stderr(), &format!("servers: {name}: {problem}"));
    false
}

fn show(outcome: &Outcome) {
    let Outcome {
        name,
        variables,
        seconds,
    } = outcome;
    match variables {
        Ok(variables) => {
            let line = format!("servers: {name}: ready after {seconds:.1} s");
            say(&mut io::stderr(), &line);
            for (variable, value) in variables {
                say(&mut io::stdout(), &format!("export {variable}='{value}'"));
            }
        }
        Err(problem) => {
            let line = format!("servers: {name}: not started: {problem}");
            say(&mut io::stderr(), &line);
            say(&mut io::stdout(), &format!("# failed {name}"));
        }
    }
}

/// Writes a line. Nobody may be there to read it any more, and the servers have to end all the
/// same.
fn say(out: &mut impl Write, line: &str) {
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
