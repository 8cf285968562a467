//! `assay completions` and `assay man`: made from the command line itself.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::failure::Failure;
use crate::terminal;

pub(crate) fn completions(args: &CompletionsArgs) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "assay", &mut script);
    terminal::print(String::from_utf8_lossy(&script).trim_end());
    0
}

pub(crate) fn man(args: &ManArgs) -> Result<u8, Failure> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = &args.dir else {
        terminal::print(&page(&command)?);
        return Ok(0);
    };
    std::fs::create_dir_all(folder).map_err(|error| unwritten(folder).because(error))?;
    let mut written = vec![write_page(folder, "assay", &command)?];
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = format!("assay-{}", sub.get_name());
        let sub = sub.clone().display_name(name.clone());
        written.push(write_page(folder, &name, &sub)?);
    }
    terminal::print(&written.join("\n"));
    Ok(0)
}

fn write_page(folder: &Path, name: &str, command: &clap::Command) -> Result<String, Failure> {
    let path = folder.join(format!("{name}.1"));
    let text = page(command)?;
    std::fs::File::create(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| unwritten(&path).because(error))?;
    Ok(path.display().to_string())
}

fn page(command: &clap::Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| Failure::internal("write a manual page", error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn unwritten(path: &Path) -> Failure {
    Failure::cannot_look(format!("cannot write {}", path.display()))
}
