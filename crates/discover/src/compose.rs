//! Compose files: from the files of a repository to units.
//!
//! `load` reads and interpolates files and follows `include`; `merge` lays an override or an
//! extended service over another; this file says which files belong together and what a merged
//! service means.

mod load;
mod merge;
mod project;
mod service;

use std::collections::{BTreeMap, BTreeSet};

use crate::{Clues, paths};
use project::{Files, Project};

/// Files of compose projects that are read, `include`d ones too. A monorepo with a file for every
/// service has hundreds.
const PROJECTS_MAX: usize = 2_000;

/// Whether a file's name says that it is one.
pub(crate) fn is_compose(path: &str) -> bool {
    let name = paths::name(path).to_ascii_lowercase();
    let stem = name
        .strip_suffix(".yml")
        .or_else(|| name.strip_suffix(".yaml"));
    stem.is_some_and(|stem| {
        [
            "compose",
            "docker-compose",
            "docker_compose",
            "podman-compose",
        ]
        .iter()
        .any(|known| {
            let after = stem.strip_prefix(known);
            let before = stem.strip_suffix(known);
            after.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']))
                || before.is_some_and(|rest| rest.ends_with(['.', '-', '_']))
        })
    })
}

/// Reads every compose file among `found`, in the order of paths.
pub(crate) fn read(found: &BTreeSet<String>, files: Files<'_>, clues: &mut Clues) {
    let mut loader = load::Loader::new(files);
    let mut waiting = projects(found);
    waiting.reverse();
    let mut seen = BTreeSet::new();
    while let Some(project) = waiting.pop() {
        let Some(first) = project.files.first().cloned() else {
            continue;
        };
        if seen.len() >= PROJECTS_MAX || !seen.insert(first) {
            continue;
        }
        let included = loader.includes(&project);
        // What the walk finds by itself is read as what it is there, with its own override.
        let new = |project: &Project| !project.files.iter().any(|file| found.contains(file));
        waiting.extend(included.into_iter().filter(new));
        service::units(&mut loader, &project, clues);
    }
    clues.unreadable.append(&mut loader.unreadable);
}

/// Which files docker would read together: a base and the override beside it. Every other file is
/// an application of its own.
fn projects(found: &BTreeSet<String>) -> Vec<Project> {
    const BASES: &[&str] = &[
        "compose.yaml",
        "compose.yml",
        "docker-compose.yaml",
        "docker-compose.yml",
    ];
    const OVERRIDES: &[&str] = &[
        "compose.override.yaml",
        "compose.override.yml",
        "docker-compose.override.yaml",
        "docker-compose.override.yml",
    ];
    let mut folders: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for path in found {
        folders.entry(paths::folder(path)).or_default().push(path);
    }
    let mut out = Vec::new();
    for (folder, paths_here) in folders {
        let first = |names: &[&str]| {
            names.iter().find_map(|name| {
                let named = |path: &&&String| paths::name(path) == *name;
                paths_here.iter().find(named).copied()
            })
        };
        let base = first(BASES);
        let over = base.and(first(OVERRIDES));
        let others = paths_here
            .iter()
            .copied()
            .filter(|path| Some(*path) != base && Some(*path) != over);
        // The base first: it is what `docker compose up` would start.
        for path in base.into_iter().chain(others) {
            let over = over.filter(|_| Some(path) == base);
            out.push(Project {
                folder: folder.to_owned(),
                files: std::iter::once(path).chain(over).cloned().collect(),
                env_files: Vec::new(),
            });
        }
    }
    out
}

#[cfg(test)]
mod tests;
