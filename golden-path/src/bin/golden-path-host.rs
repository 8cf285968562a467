//! The reference platform and its suite as a program of its own, for tests.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use golden_path::{e2e, platform};

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match args.split_first() {
        Some((word, rest)) if word == "platform" => {
            let role = rest
                .first()
                .and_then(|role| role.to_str())
                .unwrap_or_default();
            match role.parse() {
                Ok(role) => platform::run(role),
                Err(error) => usage(&format!("{error}")),
            }
        }
        Some((word, rest)) if word == "e2e" => e2e::main(rest.to_vec()),
        _ => usage("expected: platform auth|backend|frontend, or e2e [ARGUMENTS]"),
    }
}

fn usage(message: &str) -> ExitCode {
    match writeln!(std::io::stderr(), "{message}") {
        Ok(()) | Err(_) => ExitCode::from(2),
    }
}
