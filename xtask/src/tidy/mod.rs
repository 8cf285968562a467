//! Rules that the compiler does not know: who may depend on whom, no circles, no strays.

mod circles;
mod edges;
mod files;
mod manifests;

use std::fs;
use std::path::Path;

use crate::workspace::{self, Package};

/// Checks every rule; whether all hold. Sizes are only remarked upon.
pub(crate) fn run() -> Result<bool, String> {
    println!("\n$ tidy");
    let root = workspace::root()?;
    let packages = workspace::packages(false)?;
    let mut errors = edges::check(&packages);
    for package in &packages {
        let manifest = read(&package.manifest)?;
        errors.extend(manifests::check(&package.name, &manifest));
        errors.extend(circles_of(package)?);
    }
    let (mut warnings, mut files_looked_at) = (Vec::new(), 0);
    for path in files::list(&root)? {
        // What is not text has neither lines nor paths that a person wrote.
        let Ok(text) = fs::read_to_string(root.join(&path)) else {
            continue;
        };
        files_looked_at += 1;
        errors.extend(files::home_paths(&path, &text));
        warnings.extend(files::too_long(&path, &text));
    }
    warnings
        .iter()
        .for_each(|warning| println!("warning: {warning}"));
    errors.iter().for_each(|error| println!("error: {error}"));
    println!(
        "{} packages, {files_looked_at} files, {} errors",
        packages.len(),
        errors.len()
    );
    Ok(errors.is_empty())
}

fn circles_of(package: &Package) -> Result<Vec<String>, String> {
    let source = package.folder().join("src");
    let mut modules = Vec::new();
    for path in files::list(&source)? {
        if let Some(module) = circles::module_of(&path) {
            modules.push((module, read(&source.join(&path))?));
        }
    }
    let circles = circles::find(&modules).map_err(|error| format!("{}: {error}", package.name))?;
    Ok(circles
        .into_iter()
        .map(|circle| {
            format!(
                "{}: modules in a circle: {}",
                package.name,
                circle.join(" → ")
            )
        })
        .collect())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
