//! Folders, files and programs below the project's root.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::check::doubt::{error, warning};
use crate::claim::{Claim, ClaimKind};
use crate::problem::Problem;
use crate::reader::nearest;

/// Names in one folder that are looked through for the one that was meant.
const SIBLINGS_MAX: usize = 1_000;

/// What is wrong with one claim about a path, if anything; other claims are left alone.
pub(crate) fn check(root: &Path, claim: &Claim) -> Option<Problem> {
    let found = || fs::metadata(root.join(&claim.value)).ok();
    match claim.kind {
        ClaimKind::Path if found().is_none() => missing(root, claim, "file or folder"),
        ClaimKind::Folder => match found() {
            None => missing(root, claim, "folder"),
            Some(found) if !found.is_dir() => other(claim, "a file, not a folder"),
            Some(_) => None,
        },
        ClaimKind::File => match found() {
            None => missing(root, claim, "file"),
            Some(found) if !found.is_file() => other(claim, "a folder, not a file"),
            Some(_) => None,
        },
        ClaimKind::Program => program(root, claim, found()),
        ClaimKind::LogFile if found().is_none() => log_file(root, claim),
        _ => None,
    }
}

fn missing(root: &Path, claim: &Claim, what: &str) -> Option<Problem> {
    let Claim { key, value, .. } = claim;
    let hint = meant(root, value).map(|path| format!("did you mean `{path}`?"));
    let message = format!("`{key}` names `{value}`, which is not there");
    Some(error(claim, message, format!("no such {what}"), hint))
}

fn other(claim: &Claim, what: &str) -> Option<Problem> {
    let Claim { key, value, .. } = claim;
    Some(error(claim, format!("`{key}` names `{value}`"), what, None))
}

fn program(root: &Path, claim: &Claim, found: Option<Metadata>) -> Option<Problem> {
    match found {
        None => missing(root, claim, "program"),
        Some(found) if !found.is_file() => other(claim, "a folder, not a program"),
        Some(found) if found.permissions().mode() & 0o111 == 0 => {
            let hint = Some(format!("chmod +x {}", claim.value));
            let message = format!("`{}` names `{}`", claim.key, claim.value);
            Some(error(claim, message, "nobody may run it", hint))
        }
        Some(_) => None,
    }
}

/// A log that is not written yet is no mistake; one in a folder that is not there may be.
fn log_file(root: &Path, claim: &Claim) -> Option<Problem> {
    let path = root.join(&claim.value);
    if path.parent().is_some_and(Path::is_dir) {
        return None;
    }
    let message = format!("`{}` names `{}`", claim.key, claim.value);
    let label = "neither the file nor its folder is there yet";
    Some(warning(claim, message, label, None))
}

/// The path that was probably meant: the first part that is not there, mended.
fn meant(root: &Path, path: &str) -> Option<String> {
    let mut there = PathBuf::new();
    let mut parts = Path::new(path).components();
    for part in parts.by_ref() {
        if root.join(&there).join(part).exists() {
            there.push(part);
            continue;
        }
        let names: Vec<String> = fs::read_dir(root.join(&there))
            .ok()?
            .take(SIBLINGS_MAX)
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        let word = part.as_os_str().to_str()?;
        there.push(nearest(word, names.iter().map(String::as_str))?);
        break;
    }
    there.extend(parts);
    root.join(&there)
        .exists()
        .then(|| there.display().to_string())
}
