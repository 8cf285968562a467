//! Folders with a manifest: what they are called, whether they can be started, and which web
//! frameworks and stores they use.
//!
//! One file per language; each is given the text of one manifest and asks, where the manifest
//! alone does not tell, whether some other file exists.

mod cargo;
mod dotnet;
mod found;
mod go;
mod gradle;
mod ini;
mod java;
mod npm;
mod python;

use crate::clue::{Origin, Package};
use crate::paths;
use found::{Beside, Found};

pub(crate) use gradle::coordinates;
pub(crate) use ini::Sections;
pub(crate) use java::Pom;
pub(crate) use python::{pipfile_names, pyproject_names, requirement_names};

/// Whether [`read`] has a reader for a file of this name.
pub(crate) fn knows(path: &str) -> bool {
    let name = paths::name(path);
    matches!(
        name,
        "Cargo.toml"
            | "go.mod"
            | "package.json"
            | "pyproject.toml"
            | "setup.cfg"
            | "setup.py"
            | "Pipfile"
            | "pom.xml"
            | "build.gradle"
            | "build.gradle.kts"
    ) || python::is_requirements(path)
        || dotnet::is_project(path)
}

/// The package that a manifest describes; `None` for a workspace without a package of its own, a
/// file that only configures tools, and one that cannot be read. `exists` answers for files and
/// folders relative to the repository's root.
pub(crate) fn read(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Option<Package> {
    let beside = Beside {
        folder: paths::folder(path),
        exists,
    };
    let found = match paths::name(path) {
        "Cargo.toml" => cargo::read(text, &beside),
        "go.mod" => go::read(text, &beside),
        "package.json" => npm::read(text),
        "pyproject.toml" => python::pyproject(text, &beside),
        "setup.cfg" => python::setup_cfg(text, &beside),
        "setup.py" => python::setup_py(text, &beside),
        "Pipfile" => python::pipfile(text, &beside),
        "pom.xml" => java::read(text),
        "build.gradle" | "build.gradle.kts" => gradle::read(path, text),
        _ if dotnet::is_project(path) => return dotnet::read(path, text),
        _ if python::is_requirements(path) => {
            // `requirements/base.txt` belongs to the folder above.
            let above = beside
                .folder
                .strip_suffix("requirements")
                .map(|f| f.trim_end_matches('/'));
            let folder = match above {
                Some("") => ".",
                Some(above) => above,
                None => beside.folder,
            };
            let found = python::requirements(path, text, &Beside { folder, exists })?;
            return Some(package(found, path, folder));
        }
        _ => None,
    }?;
    Some(package(found, path, beside.folder))
}

/// A package with the notable ones among its dependencies.
fn package(found: Found, path: &str, folder: &str) -> Package {
    let notable = match found.language {
        "rust" => cargo::NOTABLE,
        "go" => go::NOTABLE,
        "node" => npm::NOTABLE,
        "python" => python::NOTABLE,
        _ => java::NOTABLE,
    };
    let known = |name: &String| notable.contains(&name.as_str());
    Package {
        origin: Origin {
            file: path.to_owned(),
            line: 0,
        },
        folder: folder.to_owned(),
        name: found.name,
        language: found.language.to_owned(),
        runs: found.runs,
        notable: found.dependencies.into_iter().filter(known).collect(),
        uses: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
