//! One file per command.

mod demo;
pub(crate) mod platform;
mod resume;
mod run;
mod runs;
pub(crate) mod supervise;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::session;
use crate::terminal;

/// Carries a command out and gives the exit code.
pub(crate) async fn run(cli: Cli) -> Result<u8, Failure> {
    let folder = cli.project;
    match cli.command {
        Command::Demo(args) => demo::run(args).await,
        Command::Run(args) => run::run(&folder, args).await,
        Command::Deploy(args) => run::deploy(&folder, args).await,
        Command::Ready(args) => run::ready(&folder, args.format).await,
        Command::Execute(args) => run::execute(&folder, args).await,
        Command::Audit(args) => run::audit(&folder, args.format).await,
        Command::Runs(args) => runs::list(&folder, args.format),
        Command::Show(args) => runs::show(&folder, &args),
        Command::Verify(args) => runs::verify(&folder, &args),
        Command::Resume(args) => resume::run(&folder, args).await,
        Command::Down => {
            let stopped = session::down(&session::state_folder(&folder)?).await?;
            terminal::print(if stopped {
                "stopped"
            } else {
                "nothing was running"
            });
            Ok(0)
        }
        // Dispatched before there is a runtime.
        Command::Platform { .. } | Command::E2e { .. } | Command::Supervise { .. } => Ok(5),
    }
}
