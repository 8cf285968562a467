//! Units of several files that are the same thing.

use std::collections::BTreeSet;

use super::names::{self, fit, folder_of, image_name, last_part, normal, telling_words};
use crate::clue::{Platform, Unit};

/// The one whose word counts first, first.
const PLATFORMS: [Platform; 5] = [
    Platform::Compose,
    Platform::Kubernetes,
    Platform::Procfile,
    Platform::Dotnet,
    Platform::Dockerfile,
];

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

    /// Those of its units that are started by somebody, else what there is to be started.
    pub(crate) fn started(&self) -> Vec<&'a Unit> {
        let is_started = |unit: &&Unit| is_started(unit.platform);
        let units = || self.units.iter().copied();
        match units().any(|unit| is_started(&unit)) {
            true => units().filter(is_started).collect(),
            false => units().collect(),
        }
    }

    /// Those of them that run on this machine.
    pub(crate) fn here(&self) -> Vec<&'a Unit> {
        let mut units = self.started();
        units.retain(|unit| unit.platform != Platform::Kubernetes);
        units
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

/// Whether a platform starts what it describes; code and images wait for somebody who does.
pub(crate) fn is_started(platform: Platform) -> bool {
    !matches!(platform, Platform::Dotnet | Platform::Dockerfile)
}

/// How two units are known to be the same thing, the surest first.
const TESTS: [fn(&Unit, &Unit, &str) -> bool; 4] =
    [same_name, same_image, same_folder, same_telling_words];

/// Joins units. Two of one platform are never the same; of several that could be meant, none is.
pub(crate) fn join<'a>(units: &[&'a Unit], project: &str) -> Vec<Thing<'a>> {
    let mut joined: Vec<Vec<&Unit>> = Vec::new();
    for platform in PLATFORMS {
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

/// A Procfile or a project in the folder that the other is built from.
fn same_folder(one: &Unit, other: &Unit, _project: &str) -> bool {
    let (image, build, listed) = match (&one.build, &other.build) {
        (Some(build), None) => (one, build, other),
        (None, Some(build)) => (other, build, one),
        _ => return false,
    };
    let is_main = match listed.platform {
        Platform::Procfile => listed.name == "web",
        Platform::Dotnet => true,
        _ => false,
    };
    // Of the root many things are built, but only one by its own Dockerfile.
    let is_telling = build.context != "." || image.platform == Platform::Dockerfile;
    let own = folder_of(&listed.origin.file);
    let own = own.strip_suffix("/Properties").unwrap_or(own);
    is_main && is_telling && (own == build.context || own == folder_of(&build.dockerfile))
}

fn same_telling_words(one: &Unit, other: &Unit, project: &str) -> bool {
    let words = |unit: &Unit| telling_words(&own_name(unit), project);
    let (one, other) = (words(one), words(other));
    !one.is_empty() && one == other
}
