//! kustomize: which manifests are a base, and which only change one.

use std::collections::BTreeSet;

use crate::yaml::Node;
use crate::{Unit, paths};

/// What a `kustomization.yaml` says of its folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Kustomization {
    /// Its folder.
    folder: String,
    /// Files that are patches.
    patches: BTreeSet<String>,
    /// It builds on another folder, and so is an overlay.
    over: bool,
}

/// Whether a file's name says that it is one.
pub(crate) fn is_kustomization(path: &str) -> bool {
    ["kustomization.yaml", "kustomization.yml", "Kustomization"].contains(&paths::name(path))
}

/// What one says.
pub(super) fn read(path: &str, node: &Node) -> Kustomization {
    let folder = paths::folder(path);
    let texts = |key: &str| {
        let items = node.get(key).map_or(&[][..], Node::items).iter();
        items
            .filter_map(|item| item.as_str().or_else(|| item.str_at("path")))
            .collect::<Vec<_>>()
    };
    let patches = ["patches", "patchesStrategicMerge", "patchesJson6902"]
        .into_iter()
        .flat_map(&texts);
    let patches = patches
        .filter_map(|file| paths::join(folder, file))
        .collect();
    let mut resources = ["resources", "bases", "components"]
        .into_iter()
        .flat_map(&texts);
    Kustomization {
        folder: folder.to_owned(),
        patches,
        over: resources.any(|resource| resource.starts_with("..")),
    }
}

/// Whether a file only changes what another one says.
pub(super) fn is_patch(file: &str, all: &[Kustomization]) -> bool {
    all.iter().any(|one| one.patches.contains(file))
}

/// Leaves out patches, and what an overlay says of a workload that has a description elsewhere.
pub(super) fn without_patches(units: Vec<Unit>, all: &[Kustomization]) -> Vec<Unit> {
    let in_overlay = |unit: &Unit| {
        let folder = paths::folder(&unit.origin.file);
        all.iter().any(|one| one.over && one.folder == folder)
    };
    let whole = |unit: &Unit| unit.image.is_some() && !in_overlay(unit);
    let described: BTreeSet<String> = units
        .iter()
        .filter(|unit| whole(unit))
        .map(|unit| unit.name.clone())
        .collect();
    let kept = units.into_iter().filter(|unit| {
        !is_patch(&unit.origin.file, all) && (whole(unit) || !described.contains(&unit.name))
    });
    kept.collect()
}
