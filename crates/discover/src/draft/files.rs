//! Which of the files that describe units count, and which are variants of them.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{folder_of, last_part, list};
use crate::clue::{Clues, Platform, Unit};

/// Folders whose stacks are not the project's own deployment.
const SIDE_FOLDERS: [&str; 26] = [
    ".devcontainer",
    ".github",
    "bench",
    "benchmark",
    "benchmarks",
    "ci",
    "contrib",
    "demo",
    "demos",
    "devcontainer",
    "docs",
    "e2e",
    "example",
    "examples",
    "fixtures",
    "hack",
    "integration",
    "integration-tests",
    "sample",
    "samples",
    "template",
    "templates",
    "test",
    "testdata",
    "testing",
    "tests",
];

/// Words of variants of a compose file, the one that suits this machine best first; others come
/// after these and before [`FAR_VARIANTS`].
const NEAR_VARIANTS: [&str; 5] = ["local", "dev", "development", "full", "all"];

/// Variants that are meant for other machines.
const FAR_VARIANTS: [&str; 8] = [
    "stage",
    "staging",
    "prod",
    "production",
    "test",
    "tests",
    "ci",
    "e2e",
];

/// The units that count.
#[derive(Debug, Default)]
pub(crate) struct Chosen<'a> {
    /// Compose first, then Kubernetes, then Procfiles; each in the order of its files.
    pub(crate) units: Vec<&'a Unit>,
    /// What was used and left out.
    pub(crate) notes: Vec<String>,
}

/// Chooses among everything that was found.
pub(crate) fn choose(clues: &Clues) -> Chosen<'_> {
    let of = |platform| -> Vec<&Unit> {
        let units = clues.units.iter();
        units.filter(|unit| unit.platform == platform).collect()
    };
    let (compose, manifests, procfiles) = (
        of(Platform::Compose),
        of(Platform::Kubernetes),
        of(Platform::Procfile),
    );
    let has_own = |units: &[&Unit]| units.iter().any(|unit| !is_aside(&unit.origin.file));
    let mut chosen = Chosen::default();
    let elsewhere = has_own(&manifests) || has_own(&procfiles);
    choose_compose(&compose, elsewhere, &mut chosen);
    let elsewhere = !chosen.units.is_empty() || has_own(&procfiles);
    choose_manifests(&manifests, elsewhere, &mut chosen);
    choose_procfiles(&procfiles, !chosen.units.is_empty(), &mut chosen);
    let projects = of(Platform::Dotnet).into_iter();
    chosen
        .units
        .extend(projects.filter(|unit| !is_aside(&unit.origin.file)));
    chosen
}

/// Whether a file is in a folder of examples, tests and the like.
pub(crate) fn is_aside(file: &str) -> bool {
    let folder = folder_of(file).to_ascii_lowercase();
    folder.split('/').any(|part| {
        let is_test = |word: &str| matches!(word, "test" | "tests" | "testing" | "e2e");
        SIDE_FOLDERS.contains(&part) || part.split(['-', '_']).any(is_test)
    })
}

fn depth(file: &str) -> usize {
    file.matches('/').count()
}

/// What a compose file is to the others of its folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// The file that `docker compose up` reads; the lower number wins.
    Base(usize),
    /// Read together with the base.
    Override,
    /// Read when it is asked for; the lower number is nearer to this machine.
    Variant(usize, String),
    /// A file of another name, which one of the others includes.
    Included,
}

fn role(file: &str) -> Role {
    /// In the order in which Docker looks for them.
    const BASES: [&str; 4] = [
        "compose.yaml",
        "compose.yml",
        "docker-compose.yaml",
        "docker-compose.yml",
    ];
    let name = last_part(file).to_ascii_lowercase();
    if let Some(rank) = BASES.iter().position(|base| *base == name) {
        return Role::Base(rank);
    }
    let stem = name.trim_end_matches(".yaml").trim_end_matches(".yml");
    if !stem.contains("compose") {
        return Role::Included;
    }
    if stem.ends_with("compose.override") {
        return Role::Override;
    }
    let words: Vec<&str> = stem.split(['.', '-', '_']).collect();
    let near = NEAR_VARIANTS.iter().position(|near| words.contains(near));
    let far = FAR_VARIANTS.iter().position(|far| words.contains(far));
    let rank = match (near, far) {
        (_, Some(far)) => NEAR_VARIANTS.len() + 1 + far,
        (Some(near), None) => near,
        (None, None) => NEAR_VARIANTS.len(),
    };
    Role::Variant(rank, name)
}

/// The stack of one folder.
struct Stack<'a> {
    files: BTreeMap<&'a str, Vec<&'a Unit>>,
}

impl<'a> Stack<'a> {
    /// The files that are read together, and the variants of them.
    fn split(&self) -> (Vec<&'a str>, Vec<&'a str>) {
        let main = self
            .files
            .keys()
            .filter(|file| matches!(role(file), Role::Base(_) | Role::Variant(..)))
            .min_by_key(|file| role(file));
        let has_base = main.is_some_and(|file| matches!(role(file), Role::Base(_)));
        self.files
            .keys()
            .copied()
            .partition(|file| match role(file) {
                Role::Override => has_base || main.is_none(),
                Role::Included => true,
                Role::Base(_) | Role::Variant(..) => main == Some(file),
            })
    }

    fn units(&self, files: &[&str]) -> Vec<&'a Unit> {
        let mut units: Vec<&Unit> = Vec::new();
        for file in files {
            for unit in self.files.get(file).into_iter().flatten() {
                if units.iter().all(|other| other.name != unit.name) {
                    units.push(unit);
                }
            }
        }
        units
    }
}

fn choose_compose<'a>(units: &[&'a Unit], elsewhere: bool, chosen: &mut Chosen<'a>) {
    let mut stacks: BTreeMap<&str, Stack<'a>> = BTreeMap::new();
    for unit in units {
        let file = unit.origin.file.as_str();
        let stack = stacks.entry(folder_of(file)).or_insert(Stack {
            files: BTreeMap::new(),
        });
        stack.files.entry(file).or_default().push(unit);
    }
    let mut ordered: Vec<(&str, Stack<'a>)> = stacks.into_iter().collect();
    ordered.sort_by_key(|(folder, stack)| {
        let any = stack.files.keys().next().copied().unwrap_or_default();
        let is_root = *folder == ".";
        (is_aside(any), !is_root, depth(folder), *folder)
    });
    let (mut used, mut variants, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (_, stack) in &ordered {
        let (main, rest) = stack.split();
        let units = stack.units(&main);
        let aside = main.first().is_some_and(|file| is_aside(file));
        let is_first = chosen.units.is_empty() && !(aside && elsewhere);
        let has_base = main.iter().any(|file| matches!(role(file), Role::Base(_)));
        if is_first || (!aside && has_base && !collides(&chosen.units, &units)) {
            chosen.units.extend(units);
            used.extend(main);
            variants.extend(rest);
        } else {
            others.extend(main.into_iter().chain(rest));
        }
    }
    if !used.is_empty() {
        chosen.notes.push(format!("Compose: used {}.", list(&used)));
    }
    if !variants.is_empty() {
        let names = list(&variants);
        let extra = only_in(&ordered, &variants, &chosen.units);
        let mut note = format!("Compose: left out, as variants of these: {names}.");
        if !extra.is_empty() {
            note.push_str(&format!(" Only there: {}.", list(&extra)));
        }
        chosen.notes.push(note);
    }
    if !others.is_empty() {
        let names = list(&others);
        chosen.notes.push(format!(
            "Compose: left out, as stacks of their own: {names}. `assay init` in their folders \
             drafts those."
        ));
    }
}

/// Whether two stacks cannot run at once, or describe the same.
fn collides(one: &[&Unit], other: &[&Unit]) -> bool {
    let published = |units: &[&Unit]| -> BTreeSet<u16> {
        let ports = units.iter().flat_map(|unit| &unit.ports);
        ports.filter_map(|port| port.published).collect()
    };
    let names = |units: &[&Unit]| -> BTreeSet<String> {
        units.iter().map(|unit| unit.name.clone()).collect()
    };
    !published(one).is_disjoint(&published(other)) || !names(one).is_disjoint(&names(other))
}

fn only_in<'a>(stacks: &[(&str, Stack<'a>)], files: &[&str], chosen: &[&Unit]) -> Vec<&'a str> {
    let known: BTreeSet<&str> = chosen.iter().map(|unit| unit.name.as_str()).collect();
    let names: BTreeSet<&str> = stacks
        .iter()
        .flat_map(|(_, stack)| stack.units(files))
        .map(|unit| unit.name.as_str())
        .filter(|name| !known.contains(name))
        .collect();
    names.into_iter().collect()
}

fn choose_manifests<'a>(units: &[&'a Unit], elsewhere: bool, chosen: &mut Chosen<'a>) {
    let suitable = |file: &str| !(elsewhere && is_aside(file));
    let mut by_name: BTreeMap<&str, Vec<&'a Unit>> = BTreeMap::new();
    for unit in units.iter().filter(|unit| suitable(&unit.origin.file)) {
        by_name.entry(&unit.name).or_default().push(unit);
    }
    let mut variants = BTreeSet::new();
    for mut same in by_name.into_values() {
        same.sort_by_key(|unit| {
            let file = &unit.origin.file;
            let parts: Vec<&str> = file.split('/').collect();
            let is_base = parts.contains(&"base");
            let is_overlay = parts.iter().any(|part| {
                matches!(*part, "overlay" | "overlays" | "patches") || FAR_VARIANTS.contains(part)
            });
            let aside = is_aside(file);
            (
                unit.image.is_none(),
                aside,
                !is_base,
                is_overlay,
                file,
                unit.origin.line,
            )
        });
        let best = same[0];
        let rest = same.iter().skip(1).map(|unit| unit.origin.file.as_str());
        variants.extend(rest.filter(|file| *file != best.origin.file));
        chosen.units.push(best);
    }
    let kept: BTreeSet<&str> = kubernetes_files(&chosen.units);
    let variants: Vec<&str> = variants.difference(&kept).copied().collect();
    if !kept.is_empty() {
        let kept: Vec<&str> = kept.into_iter().collect();
        chosen
            .notes
            .push(format!("Kubernetes: used {}.", list(&kept)));
    }
    if !variants.is_empty() {
        let names = list(&variants);
        chosen.notes.push(format!(
            "Kubernetes: left out, as they describe the same workloads: {names}."
        ));
    }
}

fn kubernetes_files<'a>(units: &[&'a Unit]) -> BTreeSet<&'a str> {
    units
        .iter()
        .filter(|unit| unit.platform == Platform::Kubernetes)
        .map(|unit| unit.origin.file.as_str())
        .collect()
}

fn choose_procfiles<'a>(units: &[&'a Unit], elsewhere: bool, chosen: &mut Chosen<'a>) {
    let mut by_folder: BTreeMap<&str, BTreeMap<&str, Vec<&'a Unit>>> = BTreeMap::new();
    for unit in units {
        let file = unit.origin.file.as_str();
        if elsewhere && is_aside(file) {
            continue;
        }
        let files = by_folder.entry(folder_of(file)).or_default();
        files.entry(file).or_default().push(unit);
    }
    let (mut used, mut variants) = (Vec::new(), Vec::new());
    for files in by_folder.into_values() {
        let main = files
            .keys()
            .copied()
            .min_by_key(|file| (last_part(file) != "Procfile", *file));
        for (file, units) in files {
            if main == Some(file) {
                used.push(file);
                chosen.units.extend(units);
            } else {
                variants.push(file);
            }
        }
    }
    if !used.is_empty() {
        chosen
            .notes
            .push(format!("Procfile: used {}.", list(&used)));
    }
    if !variants.is_empty() {
        let names = list(&variants);
        chosen.notes.push(format!(
            "Procfile: left out, as variants of these: {names}."
        ));
    }
}

#[cfg(test)]
mod tests;
