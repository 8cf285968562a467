//! All needs at once, each within its deadline.

use futures_util::stream::{self, StreamExt};
use tokio::time::timeout;

use crate::check::{engine, host, journal, network, program};
use crate::checked::{Checked, Seen, Status};
use crate::machine::Machine;
use crate::need::{Need, Subject};

/// Checks at a time: enough that a hundred slow servers cost a few deadlines, and few enough to
/// stay clear of the limit of open files, which is itself one of the checks.
const CHECKS_AT_ONCE_MAX: usize = 32;

/// Looks at what `needs` names, and gives one answer for each, in the same order. Changes
/// nothing; may be repeated.
pub async fn examine(needs: &[Need], machine: &Machine) -> Vec<Checked> {
    let doors = network::Doors::default();
    let check = async |need: &Need| {
        // Checks keep the deadline themselves, to say more than that it passed; this is for what
        // hangs where nobody thought of it, such as a file on a dead server.
        let seen = timeout(machine.deadline * 2, look(&need.subject, machine, &doors)).await;
        seen.unwrap_or_else(|_| Seen::wrong(Status::Unknown, "looking at it took too long"))
            .of(need)
    };
    stream::iter(needs)
        .map(check)
        .buffered(CHECKS_AT_ONCE_MAX)
        .collect()
        .await
}

async fn look(subject: &Subject, machine: &Machine, doors: &network::Doors) -> Seen {
    match subject {
        Subject::Tool {
            id,
            program,
            folders,
        } => program::tool(id, program.as_deref(), folders, machine).await,
        Subject::Program { program } => program::unknown(program, machine),
        Subject::DockerEngine { host } => engine::look(host.as_deref(), machine).await,
        Subject::Port {
            service,
            host,
            port,
        } => network::port(service, host, *port, machine, doors).await,
        Subject::Server {
            name,
            scheme,
            host,
            port,
        } => network::server(name, scheme, host, *port, machine).await,
        // These ask the file system, which may take as long as it likes.
        subject => {
            let (subject, machine) = (subject.clone(), machine.clone());
            tokio::task::spawn_blocking(move || look_at_files(&subject, &machine))
                .await
                .unwrap_or_else(|error| Seen::wrong(Status::Unknown, error.to_string()))
        }
    }
}

fn look_at_files(subject: &Subject, machine: &Machine) -> Seen {
    match subject {
        Subject::Variable { name } => host::variable(name, machine),
        Subject::Journal { user } => journal::look(*user, machine),
        Subject::LogFile { path } => host::log_file(path, machine),
        Subject::Repository => host::repository(machine),
        Subject::StateFolder => host::state_folder(machine),
        Subject::DiskSpace => host::disk_space(machine),
        Subject::OpenFiles { at_least } => host::open_files(*at_least),
        Subject::Clock => host::clock(machine),
        Subject::Tool { .. }
        | Subject::Program { .. }
        | Subject::DockerEngine { .. }
        | Subject::Port { .. }
        | Subject::Server { .. } => Seen::new(Status::Unknown),
    }
}
