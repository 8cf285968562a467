//! Units of several files that are the same thing.

use std::collections::BTreeSet;

use super::names::{self, fit, folder_of, image_name, last_part, normal, telling_words};
use crate::clue::{Platform, Unit};

/// One thing that runs, and everybody who describes it.
#[derive(Clone, Debug)]
pub(crate) struct Thing<'a> {
    /// Fit for the configuration, and taken by nothing else.
    pub(crate) name: String,
    /// The one whose word counts first.
    pub(crate) units: Vec<&'a Unit>,
}

impl<'a> Thing<'a> {
    /// Who describes it first; compose before Kubernetes before a Procfile.
    pub(crate) fn lead(&self) -> &'a Unit {
        self.units[0]
    }

    /// Those of its units that run on this machine.
    pub(crate) fn here(&self) -> Vec<&'a Unit> {
        let units = self.units.iter().copied();
        units
            .filter(|unit| unit.platform != Platform::Kubernetes)
            .collect()
    }

    /// Whether only a cluster knows it.
    pub(crate) fn is_of_cluster(&self) -> bool {
        self.here().is_empty()
    }

    /// What this platform says of it.
    pub(crate) fn on(&self, platform: Platform) -> Option<&'a Unit> {
        self.units
            .iter()
            .copied()
            .find(|unit| unit.platform == platform)
    }
}

/// How two units are known to be the same thing, the surest first.
const TESTS: [fn(&Unit, &Unit, &str) -> bool; 4] =
    [same_name, same_image, same_folder, same_telling_words];

/// Joins units. Two of one platform are never the same; of several that could be meant, none is.
pub(crate) fn join<'a>(units: &[&'a Unit], project: &str) -> Vec<Thing<'a>> {
    let mut joined: Vec<Vec<&Unit>> = Vec::new();
    for platform in [Platform::Compose, Platform::Kubernetes, Platform::Procfile] {
        let mut waiting: Vec<&Unit> = units
            .iter()
            .copied()
            .filter(|unit| unit.platform == platform)
            .collect();
        for is_same in TESTS {
            let fits = |units: &[&Unit], unit: &Unit| {
                let is_free = units.iter().all(|other| other.platform != platform);
                is_free && units.iter().any(|other| is_same(other, unit, project))
            };
            let mut rest = Vec::new();
            for unit in &waiting {
                let meant: Vec<usize> = (0..joined.len())
                    .filter(|index| fits(&joined[*index], unit))
                    .collect();
                let rivals = |index: usize| {
                    let others = waiting.iter();
                    others.filter(|other| fits(&joined[index], other)).count()
                };
                match meant[..] {
                    [index] if rivals(index) == 1 => joined[index].push(unit),
                    _ => rest.push(*unit),
                }
            }
            waiting = rest;
        }
        joined.extend(waiting.into_iter().map(|unit| vec![unit]));
    }
    let mut taken = BTreeSet::new();
    joined
        .into_iter()
        .map(|units| {
            let name = names::unique(&fit(&own_name(units[0])), &mut taken);
            Thing { name, units }
        })
        .collect()
}

/// The name of a unit; `web` of a Procfile in a folder is what that folder is.
fn own_name(unit: &Unit) -> String {
    let folder = folder_of(&unit.origin.file);
    if unit.platform != Platform::Procfile || folder == "." {
        return unit.name.clone();
    }
    match unit.name.as_str() {
        "web" => last_part(folder).to_owned(),
        name => format!("{}-{name}", last_part(folder)),
    }
}

fn same_name(one: &Unit, other: &Unit, _project: &str) -> bool {
    normal(&own_name(one)) == normal(&own_name(other))
}

fn same_image(one: &Unit, other: &Unit, _project: &str) -> bool {
    let image = |unit: &Unit| unit.image.as_deref().and_then(image_name);
    matches!((image(one), image(other)), (Some(one), Some(other)) if one.0 == other.0)
}

/// A Procfile in the folder that the other is built from.
fn same_folder(one: &Unit, other: &Unit, _project: &str) -> bool {
    let (built, listed) = match (&one.build, &other.build) {
        (Some(build), None) => (build, other),
        (None, Some(build)) => (build, one),
        _ => return false,
    };
    let is_main = listed.platform == Platform::Procfile && listed.name == "web";
    is_main && built.context != "." && folder_of(&listed.origin.file) == built.context
}

fn same_telling_words(one: &Unit, other: &Unit, project: &str) -> bool {
    let words = |unit: &Unit| telling_words(&own_name(unit), project);
    let (one, other) = (words(one), words(other));
    !one.is_empty() && one == other
}
