//! `assay supervise` and `assay launch`: the processes behind the process driver.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use assay_gateway::FrontDoors;
use assay_world::supervisor;

use crate::failure::Failure;

pub(crate) fn run(state: &Path) -> Result<ExitCode, Failure> {
    supervisor::serve(state, Box::new(FrontDoors::new())).map_err(|error| {
        Failure::cannot_look(format!("supervise {}", state.display())).because(error)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Becomes the program. Gives the error and the exit code when it cannot.
pub(crate) fn launch(args: &[OsString]) -> Result<ExitCode, Failure> {
    match supervisor::launch(args.iter().cloned()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            crate::terminal::complain(&format!("error: {error}"));
            Ok(ExitCode::from(error.exit_code()))
        }
    }
}
