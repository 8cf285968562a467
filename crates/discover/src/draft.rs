//! From clues to a draft.
//!
//! `files` chooses which of the files count, `join` makes things of units, `lonely` adds images
//! that nothing starts. `known` gathers what `stores`, `home`, `address` and `edges` tell of every
//! thing, and `write` says it of one at a time with `probe` and `run`; `suites` comes last because
//! variables of tests name services.

mod address;
mod edges;
mod files;
mod home;
mod hosts;
mod join;
mod known;
mod line;
mod lonely;
mod names;
mod place;
mod probe;
mod run;
mod stores;
mod suites;
mod types;
mod unlisted;
mod variables;
mod write;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use names::list;
pub use types::{
    Draft, DraftDependency, DraftDeploy, DraftObserve, DraftProbe, DraftService, DraftSuite, Guess,
    Sureness,
};

use crate::clue::{Clues, Unit};
use crate::{dotenv, secret};
use known::Known;

/// Reasons for files not being read that are told; more of them drown the rest.
const REASONS_MAX: usize = 8;

impl Draft {
    /// What the clues suggest. Pure: the same clues give the same draft.
    pub fn from_clues(clues: &Clues, project_name: &str) -> Self {
        let chosen = files::choose(clues);
        let mut notes = chosen.notes;
        let (once, lasting): (Vec<&Unit>, Vec<&Unit>) =
            chosen.units.iter().partition(|unit| unit.one_shot);
        let lonely = lonely::units(&lasting, clues, project_name);
        let all: Vec<&Unit> = lasting.into_iter().chain(&lonely).collect();
        let mut things = join::join(&all, project_name);
        notes.extend(lonely::left_out(&mut things));
        let known = Known::of(clues, &things);
        let mut draft = Self {
            project: match project_name.trim() {
                // The configuration would look the second kind up in the environment.
                name if name.is_empty() || name.starts_with("env:") => "unnamed".to_owned(),
                name => name.to_owned(),
            },
            ..Self::default()
        };
        let closing = write::tables(&known, &mut draft);
        notes.extend(note_of_units("Run to their end, no services", &once));
        for edge in closing {
            notes.push(format!(
                "Left out that {} depends on {}: it would close a circle.",
                things[edge.from].name, things[edge.to].name
            ));
        }
        unlisted::add(&mut draft, clues);
        let (suites, note) = suites::draft(&clues.tests, &draft.services);
        draft.suites = suites;
        notes.extend(note);
        draft.services.sort_by(|a, b| a.name.cmp(&b.name));
        draft.dependencies.sort_by(|a, b| a.name.cmp(&b.name));
        draft.secrets = secrets(clues);
        notes.extend(unreadable(clues));
        draft.notes = notes;
        draft
    }
}

fn note_of_units(what: &str, units: &[&Unit]) -> Option<String> {
    let named: Vec<String> = units
        .iter()
        .map(|unit| format!("{} ({}:{})", unit.name, unit.origin.file, unit.origin.line))
        .collect();
    (!named.is_empty()).then(|| format!("{what}: {}.", list(&named)))
}

/// Variables of examples that smell of a secret, each once.
fn secrets(clues: &Clues) -> Vec<Guess<String>> {
    /// Endings of what only leads to a secret.
    const HARMLESS: [&str; 8] = [
        "_URI",
        "_URL",
        "_FILE",
        "_PATH",
        "_ID",
        "_CERT",
        "_HOST",
        "_ENDPOINT",
    ];
    let mut seen = BTreeSet::new();
    let is_secret = |name: &str| {
        let upper = name.to_ascii_uppercase();
        names::is_variable(name)
            && secret::smells(name)
            && !HARMLESS.iter().any(|end| upper.ends_with(end))
    };
    clues
        .variables
        .iter()
        .filter(|variable| dotenv::kind(&variable.origin.file) == Some(dotenv::Kind::Example))
        .filter(|variable| !files::is_aside(&variable.origin.file))
        .filter(|variable| is_secret(&variable.name) && seen.insert(variable.name.as_str()))
        .map(|variable| Guess::likely(variable.name.clone(), &variable.origin, "its name"))
        .collect()
}

/// What could not be read, by the reason.
fn unreadable(clues: &Clues) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for broken in &clues.unreadable {
        let place = match broken.origin.line {
            0 => broken.origin.file.clone(),
            line => format!("{}:{line}", broken.origin.file),
        };
        let reason = broken.reason.trim_end_matches('.');
        by_reason.entry(reason).or_default().push(place);
    }
    let notes = by_reason
        .into_iter()
        .map(|(reason, places)| format!("Not read: {}: {reason}.", list(&places)));
    let mut notes: Vec<String> = notes.collect();
    let rest = notes.len().saturating_sub(REASONS_MAX);
    if rest > 0 {
        notes.truncate(REASONS_MAX);
        notes.push(format!("Not read: {rest} more kinds of broken files."));
    }
    notes
}
