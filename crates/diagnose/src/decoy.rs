//! What is loud and explains nothing.

use std::collections::BTreeMap;

use assay_model::Decoy;

use crate::candidate::Candidate;
use crate::log::Level;
use crate::scene::{Scene, Standing};
use crate::words::{counted, excerpt, span};

/// Warnings of one kind in one log from which on a person would stop at them.
const LOUD_MIN: usize = 20;

/// Kinds of warning that are told apart in one log.
const KINDS_MAX: usize = 1_000;

/// Decoys that are named; the loudest go first.
const DECOYS_MAX: usize = 10;

/// Candidates that explain nothing, with the reason, and floods of warnings.
pub(crate) fn collect(scene: &Scene<'_>, idle: &[(&Candidate<'_>, String)]) -> Vec<Decoy> {
    let mut decoys: Vec<Decoy> = idle
        .iter()
        .map(|(candidate, reason)| Decoy {
            text: describe(candidate),
            reason: reason.clone(),
        })
        .collect();
    decoys.extend(floods(scene));
    decoys.truncate(DECOYS_MAX);
    decoys
}

/// What a candidate showed, for a person.
pub(crate) fn describe(candidate: &Candidate<'_>) -> String {
    let node = &candidate.seen_at;
    match (candidate.sightings.first(), candidate.exits.first()) {
        (Some(seen), _) => {
            format!("{node} logged \"{}\", {}", seen.text, candidate.often())
        }
        (None, Some(exit)) => format!("a process of {node} ended with {}", exit.describe()),
        (None, None) => format!("{node}: {}", candidate.signature.title),
    }
}

fn floods(scene: &Scene<'_>) -> Vec<Decoy> {
    let mut found = Vec::new();
    for log in scene
        .logs
        .iter()
        .filter(|log| log.standing != Standing::Past)
    {
        let mut kinds: BTreeMap<String, Vec<&crate::log::Record>> = BTreeMap::new();
        for record in log
            .records
            .iter()
            .filter(|record| record.level == Level::Warning)
        {
            if scene.catalogue.recognise(record).is_some() {
                continue;
            }
            let kind = masked(&record.message);
            if kinds.len() < KINDS_MAX || kinds.contains_key(&kind) {
                kinds.entry(kind).or_default().push(record);
            }
        }
        found.extend(kinds.into_values().filter(|records| records.len() >= LOUD_MIN).map(
            |records| {
                let at = |record: &crate::log::Record| record.at.unwrap_or(log.evidence.at);
                let (first, last) = (records[0], records[records.len() - 1]);
                let often = counted(records.len() as u64, span(at(first), at(last)));
                let text = format!(
                    "{} warned \"{}\", {often}",
                    log.service,
                    excerpt(&first.message)
                );
                let reason = "it is a warning and no known failure, and no probe, test, exit or \
                              roll-out needs it as an explanation";
                (records.len(), Decoy { text, reason: reason.to_owned() })
            },
        ));
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.text.cmp(&b.1.text)));
    found.into_iter().map(|(_, decoy)| decoy).collect()
}

/// Digits differ from line to line; the rest names the kind.
fn masked(message: &str) -> String {
    message
        .chars()
        .map(|c| if c.is_ascii_digit() { '#' } else { c })
        .collect::<String>()
        .split('#')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("#")
}
