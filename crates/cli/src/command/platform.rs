//! `assay platform SERVICE`: one service of the reference platform.

use std::process::ExitCode;

use golden_path::platform::{self, Role};

use crate::failure::Failure;

pub(crate) fn run(service: &str) -> Result<ExitCode, Failure> {
    let role: Role = service.parse().map_err(|error| {
        Failure::usage(format!("no such service: {service}"))
            .because(error)
            .hint("known services: auth, backend, frontend")
    })?;
    Ok(platform::run(role))
}
