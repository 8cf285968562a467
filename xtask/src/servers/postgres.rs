//! PostgreSQL, with passwords by SCRAM and with TLS for those who ask for it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::certificates::Kind;
use super::daemon::{self, Account, Daemon, Place, Running, ask};
use super::{POSTGRES_TLS_CA, POSTGRES_URL, ports};
use crate::command;

/// Role, and database of the same name.
const ROLE: &str = "assay";

const PASSWORD: &str = "correct-horse";

/// The role that may do everything; it has no password and so cannot log in.
const OWNER: &str = "owner";

/// Who may run the server where root may not, the best first.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

pub(crate) fn start(place: &Place) -> Result<Running, String> {
    let program = daemon::program("postgres")?;
    let account = account()?;
    let own = |path: &Path| match account {
        None => Ok(()),
        Some(Account { uid, gid }) => chown(path, Some(uid), Some(gid))
            .map_err(|error| format!("cannot give {} away: {error}", path.display())),
    };
    own(&place.folder)?;
    let key = private_key(place)?;
    own(&key)?;
    let data = place.folder.join("data");
    set_up(&program, place, account, &data)?;
    let port = ports::free()?;
    write_settings(place, &data, &key, port)?;
    let arguments = ["-D".to_owned(), data.display().to_string()];
    // QUIT ends every session at once.
    let mut daemon = Daemon::spawn(&program, &arguments, place, account, Signal::QUIT)?;
    daemon.wait_until(&place.stop, || answers(port))?;
    let ca = place.certificates.authority_file().display().to_string();
    Ok(Running::new(
        daemon,
        vec![
            (
                POSTGRES_URL,
                format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{port}/{ROLE}"),
            ),
            (POSTGRES_TLS_CA, ca),
        ],
    ))
}

/// Whose process it is; `None` is whoever runs this.
fn account() -> Result<Option<Account>, String> {
    if !command::is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")
        .map_err(|error| format!("cannot read /etc/passwd: {error}"))?;
    let known = ACCOUNTS.iter().find_map(|name| find(&users, name));
    known.map(Some).ok_or_else(|| {
        format!(
            "postgres refuses root, and there is no user {}",
            ACCOUNTS[0]
        )
    })
}

fn find(users: &str, name: &str) -> Option<Account> {
    let fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let mut known = fields.filter(|fields| fields.first() == Some(&name));
    let fields = known.next()?;
    Some(Account {
        uid: fields.get(2)?.parse().ok()?,
        gid: fields.get(3)?.parse().ok()?,
    })
}

/// The server reads no key that others may read, nor one of another user.
fn private_key(place: &Place) -> Result<PathBuf, String> {
    let key = place.folder.join("server.key");
    fs::copy(place.certificates.key(Kind::Good), &key)
        .and_then(|_| fs::set_permissions(&key, fs::Permissions::from_mode(0o600)))
        .map_err(|error| format!("cannot write {}: {error}", key.display()))?;
    Ok(key)
}

/// Makes the cluster, the role and its database.
fn set_up(
    program: &Path,
    place: &Place,
    account: Option<Account>,
    data: &Path,
) -> Result<(), String> {
    let as_account = |program: &Path| {
        let mut command = Command::new(program);
        if let Some(Account { uid, gid }) = account {
            command.uid(uid).gid(gid);
        }
        command.current_dir(&place.folder).env("LC_ALL", "C");
        command
    };
    let mut initdb = as_account(&program.with_file_name("initdb"));
    initdb.arg("-D").arg(data).args(["-U", OWNER]);
    initdb.args([
        "-E",
        "UTF8",
        "--no-locale",
        "--no-sync",
        "--no-instructions",
    ]);
    initdb.args(["--auth-local=reject", "--auth-host=scram-sha-256"]);
    command::output(&mut initdb)?;
    let mut single = as_account(program);
    single
        .args(["--single", "-F", "-D"])
        .arg(data)
        .arg("postgres");
    // A server on its own takes one statement a line.
    let statements = format!(
        "CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'\nCREATE DATABASE {ROLE} OWNER {ROLE}\n"
    );
    feed(&mut single, &statements)
}

/// Runs a command with `text` as its input.
fn feed(command: &mut Command, text: &str) -> Result<(), String> {
    let cannot = |error| format!("cannot create role {ROLE}: {error}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(cannot)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes()).map_err(cannot)?;
    }
    let output = child.wait_with_output().map_err(cannot)?;
    let said = String::from_utf8_lossy(&output.stderr);
    // It goes on after an error, and ends as if there had been none.
    if !output.status.success() || said.contains("ERROR:") {
        return Err(format!("cannot create role {ROLE}: {}", said.trim()));
    }
    Ok(())
}

fn write_settings(place: &Place, data: &Path, key: &Path, port: u16) -> Result<(), String> {
    let certificate = place.certificates.certificate(Kind::Good);
    let settings = format!(
        "listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
ssl = on
ssl_cert_file = '{}'
ssl_key_file = '{}'
fsync = off
full_page_writes = off
max_connections = 50
shared_buffers = '16MB'
",
        certificate.display(),
        key.display()
    );
    daemon::write(&data.join("postgresql.conf"), &settings)?;
    daemon::write(
        &data.join("pg_hba.conf"),
        "host all all 127.0.0.1/32 scram-sha-256\n",
    )
}

/// Whether the server asks for a password; while it starts it answers with an error instead.
fn answers(port: u16) -> bool {
    let parameters = format!("user\0{ROLE}\0database\0{ROLE}\0\0");
    // Protocol 3.0.
    let mut body = 0x0003_0000_u32.to_be_bytes().to_vec();
    body.extend(parameters.as_bytes());
    let Ok(length) = u32::try_from(body.len() + 4) else {
        return false;
    };
    let question = [length.to_be_bytes().to_vec(), body].concat();
    ask(port, &question, |answer| !answer.is_empty()).is_some_and(|answer| answer[0] == b'R')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(users: &str, name: &str, expected: Option<(u32, u32)>) {
        let expected = expected.map(|(uid, gid)| Account { uid, gid });
        assert_eq!(find(users, name), expected, "{users:?}");
    }

    #[test]
    fn accounts_are_read() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\nnobody2:x:1:1::/:/\nnobody:x:65534:65533::/:/\n";
        check(users, "nobody", Some((65534, 65533)));
        check(users, "postgres", None);
        check("nobody:x", "nobody", None);
        check("nobody:x:a:b", "nobody", None);
        check("", "nobody", None);
    }
}
