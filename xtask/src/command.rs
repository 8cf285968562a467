//! Running other programs, in sight.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The cargo that runs this chore.
pub(crate) fn cargo_program() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Runs cargo with its output in sight; whether it succeeded.
pub(crate) fn cargo(arguments: &[&str]) -> bool {
    announce("cargo", arguments);
    succeeds(Command::new(cargo_program()).args(arguments))
}

/// Shows what is about to run.
pub(crate) fn announce(program: &str, arguments: &[&str]) {
    println!("\n$ {program} {}", arguments.join(" "));
}

/// Whether a command could be run and succeeded; says why not, if it could not be run.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!(
                "xtask: cannot run {}: {error}",
                command.get_program().display()
            );
            false
        }
    }
}

/// What a command printed, if it succeeded.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().display().to_string();
    let output = command
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program}: {}: {}", output.status, said.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where `program` lies, looked for in the folders of `path` (a `PATH`).
pub(crate) fn find_program(program: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|folder| folder.join(program))
        .find(|file| is_program(file))
}

/// Where `program` lies on this machine: in `PATH`, or where servers are put that a `PATH` does
/// not name.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let servers = std::env::join_paths(server_folders()).unwrap_or_default();
    find_program(program, &path).or_else(|| find_program(program, &servers))
}

/// Folders of servers on Debian and its kin, the newest PostgreSQL before older ones.
fn server_folders() -> Vec<PathBuf> {
    let mut folders = ["/usr/local/sbin", "/usr/sbin", "/sbin"]
        .map(PathBuf::from)
        .to_vec();
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path()).collect();
    let number = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    versions.sort_by_key(number);
    folders.extend(versions.iter().rev().map(|version| version.join("bin")));
    folders
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}
