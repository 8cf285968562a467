//! Every tool and every kind of server that is known.

use std::sync::LazyLock;

use rust_embed::RustEmbed;

use crate::server::Server;
use crate::tool::Tool;

#[derive(RustEmbed)]
#[folder = "tools/"]
struct ToolFiles;

#[derive(RustEmbed)]
#[folder = "servers/"]
struct ServerFiles;

static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let read = |(stem, text): (String, String)| {
        Tool::checked(&stem, &text).expect("a test loads every embedded tool")
    };
    files::<ToolFiles>().map(read).collect()
});

static SERVERS: LazyLock<Vec<Server>> = LazyLock::new(|| {
    let read = |(stem, text): (String, String)| {
        Server::checked(&stem, &text).expect("a test loads every embedded server")
    };
    files::<ServerFiles>().map(read).collect()
});

/// `(stem of the file's name, text)`.
fn files<Embedded: RustEmbed>() -> impl Iterator<Item = (String, String)> {
    Embedded::iter().filter_map(|name| {
        let text = String::from_utf8_lossy(&Embedded::get(&name)?.data).into_owned();
        Some((name.strip_suffix(".toml")?.to_owned(), text))
    })
}

/// The tool of this id.
pub(crate) fn tool(id: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.id == id)
}

/// The tool that a program of this name (without folders) is by itself.
pub(crate) fn of_program(name: &str) -> Option<&'static Tool> {
    // A way through another program (`npx playwright`) makes that program no copy of the tool.
    let own = |tool: &&Tool| tool.is_program(name) && (tool.id == name || !is_shared(tool, name));
    TOOLS.iter().find(own)
}

/// Whether `name` is a program through which `tool` is only reached.
fn is_shared(tool: &Tool, name: &str) -> bool {
    let modular = !tool.modules.is_empty();
    modular
        && TOOLS
            .iter()
            .any(|other| other.id != tool.id && other.modules.is_empty() && other.is_program(name))
}

/// The tool that `python -m`, `npx` and their like call so.
pub(crate) fn of_module(name: &str) -> Option<&'static Tool> {
    TOOLS
        .iter()
        .find(|tool| tool.modules.iter().any(|module| module == name))
}

/// The tools that suites with this runner need.
pub(crate) fn of_runner(runner: &str) -> impl Iterator<Item = &'static Tool> {
    TOOLS
        .iter()
        .filter(move |tool| tool.runners.iter().any(|known| known == runner))
}

/// The kind of server that URLs with this scheme mean.
pub(crate) fn of_scheme(scheme: &str) -> Option<&'static Server> {
    SERVERS
        .iter()
        .find(|server| server.schemes.iter().any(|known| known == scheme))
}

/// Where a server listens whose URL names no port.
pub(crate) fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => of_scheme(scheme).map(|server| server.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_valid_and_every_sample_is_read() {
        for (stem, text) in files::<ToolFiles>() {
            Tool::checked(&stem, &text).unwrap();
        }
        for (stem, text) in files::<ServerFiles>() {
            Server::checked(&stem, &text).unwrap();
        }
        assert!(TOOLS.len() > 10 && SERVERS.len() > 4);
    }

    fn check(program: &str, expected: Option<&str>) {
        assert_eq!(
            of_program(program).map(|tool| &*tool.id),
            expected,
            "{program}"
        );
    }

    #[test]
    fn programs_are_known_by_name() {
        check("git", Some("git"));
        check("python", Some("python3"));
        check("python3", Some("python3"));
        check("python3.11", Some("python3"));
        check("pytest", Some("pytest"));
        check("npx", Some("npx"));
        check("playwright", Some("playwright"));
        check("nodejs", Some("node"));
        check("gitk", None);
        check("", None);
    }

    #[test]
    fn schemes_have_ports() {
        assert_eq!(usual_port("postgresql"), Some(5432));
        assert_eq!(usual_port("https"), Some(443));
        assert_eq!(usual_port("tcp"), None);
    }

    #[test]
    fn runners_need_tools() {
        let ids = |runner| of_runner(runner).map(|tool| &*tool.id).collect::<Vec<_>>();
        assert_eq!(ids("pytest"), ["pytest", "python3"]);
        assert_eq!(ids("playwright"), ["node", "playwright"]);
        assert!(ids("junit").is_empty());
    }
}
