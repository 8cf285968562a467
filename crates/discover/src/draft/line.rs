//! Where a line of a Procfile listens. A runner (foreman, honcho, overmind) sets PORT for every
//! process: the first line is given 5000, each further one a hundred more.

use super::names::{folder_of, is_below};
use super::place::Address;
use super::types::{Guess, Sureness};
use crate::clue::{Clues, Platform, Port, Unit, Variable};
use crate::procfile::{Named, named};

/// The port of the first line, and the distance to the next.
const PORT_FIRST: u16 = 5000;
const PORT_STEP: u16 = 100;

/// Where a line listens, if it does.
pub(crate) fn address(unit: &Unit, clues: &Clues) -> Option<Guess<Address>> {
    let usable = |port: &Port| port.published.filter(|number| *number != 0);
    if let Some(port) = unit.ports.iter().find_map(usable)
        && !is_told(unit)
    {
        let address = on_this_machine(port);
        return Some(Guess::likely(address, &unit.origin, "the port in its line"));
    }
    if !serves(unit, clues) {
        return None;
    }
    if let Some((variable, port)) = example(unit, clues) {
        let why = "its example of PORT";
        return Some(Guess::likely(on_this_machine(port), &variable.origin, why));
    }
    let place = lines(unit, clues)
        .filter(|other| other.origin.line < unit.origin.line)
        .count();
    let step = PORT_STEP.checked_mul(u16::try_from(place).ok()?)?;
    let port = PORT_FIRST.checked_add(step)?;
    let why = "ports from 5000 on, as foreman gives them";
    let origin = Some(&unit.origin);
    Some(Guess::new(
        on_this_machine(port),
        origin,
        Sureness::Guess,
        why,
    ))
}

fn on_this_machine(port: u16) -> Address {
    Address {
        scheme: "http",
        host: "127.0.0.1".to_owned(),
        port,
        target: port,
    }
}

/// The lines of the same Procfile.
fn lines<'c>(unit: &Unit, clues: &'c Clues) -> impl Iterator<Item = &'c Unit> {
    let file = unit.origin.file.clone();
    clues
        .units
        .iter()
        .filter(move |other| other.platform == Platform::Procfile && other.origin.file == file)
}

/// What an example says of PORT, where only one line of the file can be meant.
fn example<'c>(unit: &Unit, clues: &'c Clues) -> Option<(&'c Variable, u16)> {
    let serving = lines(unit, clues).filter(|other| serves(other, clues));
    if serving.count() != 1 {
        return None;
    }
    clues.variables.iter().find_map(|variable| {
        let same_folder = folder_of(&variable.origin.file) == folder_of(&unit.origin.file);
        let port = variable.example.trim().parse().ok();
        let port = port.filter(|port| *port != 0 && variable.name == "PORT" && same_folder)?;
        Some((variable, port))
    })
}

/// Whether a line is told its port in its own words.
fn is_told(unit: &Unit) -> bool {
    unit.command
        .iter()
        .any(|word| word.contains("$PORT") || word.contains("${PORT"))
}

/// Whether a line listens: by its name, by its words, or by a health route in what it names.
fn serves(unit: &Unit, clues: &Clues) -> bool {
    let Named { files, folders } = named(unit);
    let is_named = |file: &String| {
        let below = |folder: &String| folder != "." && is_below(file, folder);
        files.contains(file) || folders.iter().any(below)
    };
    let mut routes = clues.routes.iter();
    unit.name == "web" || is_told(unit) || routes.any(|route| is_named(&route.origin.file))
}
