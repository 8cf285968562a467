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

/// `assay launch …`: becomes the program. Returns only when it cannot.
pub(crate) fn launch(args: impl Iterator<Item = OsString>) -> ExitCode {
    match supervisor::launch(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = error.exit_code();
            Failure::cannot_look("launch").because(error).print();
            ExitCode::from(code)
        }
    }
}
