//! One file per command.

mod check;
mod demo;
mod doctor;
mod init;
mod manual;
mod observe;
pub(crate) mod platform;
mod ready;
mod resume;
mod run;
mod runs;
mod schema;
pub(crate) mod supervise;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::output::Output;
use crate::session;

/// Carries a command out and gives the exit code.
pub(crate) async fn run(cli: Cli) -> Result<u8, Failure> {
    let folder = cli.project;
    let output = Output::new(cli.output);
    match cli.command {
        Command::Demo(args) => demo::run(args, output).await,
        Command::Init(args) => init::run(&folder, &args, output),
        Command::Check(args) => check::run(&folder, &args, output),
        Command::Doctor => doctor::run(&folder, output).await,
        Command::Run(args) => run::run(&folder, args, output).await,
        Command::Deploy(args) => run::deploy(&folder, args, output).await,
        Command::Ready(args) => ready::run(&folder, args, output).await,
        Command::Observe(args) => observe::run(&folder, args, output).await,
        Command::Execute(args) => run::execute(&folder, args, output).await,
        Command::Audit => run::audit(&folder, output).await,
        Command::Runs => runs::list(&folder, output),
        Command::Show(args) => runs::show(&folder, &args, output),
        Command::Verify(args) => runs::verify(&folder, &args, output),
        Command::Resume(args) => resume::run(&folder, args, output).await,
        Command::Schema(args) => schema::run(&args, output),
        Command::Completions(args) => Ok(manual::completions(&args)),
        Command::Man(args) => manual::man(&args),
        Command::Down => {
            let stopped = session::down(&session::state_folder(&folder)?).await?;
            output.result(&serde_json::json!({ "stopped": stopped }), || {
                let text = match stopped {
                    true => "stopped",
                    false => "nothing was running",
                };
                text.to_owned()
            });
            Ok(0)
        }
        // Dispatched before there is a runtime.
        Command::Platform { .. } | Command::E2e { .. } | Command::Supervise { .. } => Ok(5),
    }
}
