//! `assay resume`: go on with a run that was killed.

use std::path::Path;

use assay_model::RunId;

use crate::args::ResumeArgs;
use crate::failure::Failure;
use crate::live::Live;
use crate::output::Output;
use crate::screen::finish;
use crate::session::{Session, journal_failed};

pub(crate) async fn run(folder: &Path, args: ResumeArgs, output: Output) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    let runs = session
        .journal
        .runs()
        .map_err(journal_failed(&session.state))?;
    let run = match args.run {
        Some(name) => {
            let run = RunId::new(name);
            let known = runs.iter().find(|known| known.run == run).ok_or_else(|| {
                Failure::usage(format!("no run {run} in this project"))
                    .hint("list them with `assay runs`")
            })?;
            if let Some(end) = known.end {
                return Err(Failure::cannot_look(format!(
                    "run {run} has ended: {}",
                    end.word()
                )));
            }
            run
        }
        None => {
            let unfinished = runs.iter().filter(|run| run.end.is_none());
            unfinished
                .max_by(|a, b| a.run.cmp(&b.run))
                .map(|run| run.run.clone())
                .ok_or_else(|| {
                    Failure::cannot_look("no unfinished run in this project")
                        .hint("list the runs with `assay runs`")
                })?
        }
    };
    let mut live = Live::expecting(output, || session.usual());
    let ended = session.resume(&run, &mut live).await?;
    finish(&session, &run, ended, &live)
}
