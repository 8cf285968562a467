//! The binary `assay`: composes the rooms and prints.
//!
//! `args` is the command line; `session` opens a project and puts the stages together; `command`
//! holds one file per command; `narration` says what an event means, `live` and `screen` show
//! it in the colours of `palette`; `output` prints results, which as JSON are the types of
//! `document`; `failure` maps what went wrong to a message, a hint and an exit
//! code.

mod args;
mod command;
mod document;
mod failure;
mod live;
mod narration;
mod output;
mod palette;
mod screen;
mod session;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    // The supervisor's own call, whose arguments are another program's.
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == "launch") {
        return command::supervise::launch(args);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            // The stream may be a closed pipe: there is nobody left to tell.
            drop(error.print());
            return ExitCode::from(if usage { 2 } else { 0 });
        }
    };
    match dispatch(cli) {
        Ok(code) => code,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    // These run inside a service's or a test's own process and bring their own runtime.
    match cli.command {
        Command::Platform { service } => return command::platform::run(&service),
        Command::E2e { args } => return Ok(golden_path::e2e::main(args)),
        Command::Supervise { state } => return command::supervise::run(&state),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::internal("start the runtime", error))?;
    let code = runtime.block_on(command::run(cli));
    // A look-up of a name or a dead mount may hang in a thread for longer than any deadline; what
    // is done is done, and nobody waits for it.
    runtime.shutdown_background();
    let code = code?;
    Ok(ExitCode::from(if terminal::output_lost() {
        3
    } else {
        code
    }))
}
