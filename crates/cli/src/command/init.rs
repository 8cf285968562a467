//! `assay init`: a commented assay.toml from what a repository says of itself.

use std::path::{Path, PathBuf};

use assay_discover::{Clues, Draft, Guess, Merged, Survey, merge, survey};
use assay_world::files;

use crate::args::InitArgs;
use crate::document::InitDocument;
use crate::failure::Failure;
use crate::narration::counted;
use crate::output::Output;
use crate::session::CONFIG_FILE;
use crate::terminal::{self, COLUMNS, fold};

/// Columns of what a table is.
const KIND_COLUMNS: usize = 12;

/// Widest name that shares a line with its address.
const NAME_COLUMNS_MAX: usize = 26;

/// Places of unreadable files that are told one by one.
const UNREADABLE_SHOWN_MAX: usize = 5;

pub(crate) fn run(folder: &Path, args: &InitArgs, output: Output) -> Result<u8, Failure> {
    let root = folder.canonicalize().map_err(|error| {
        Failure::usage(format!("no folder {}", folder.display())).because(error)
    })?;
    if !root.is_dir() {
        return Err(Failure::usage(format!(
            "{} is not a folder",
            root.display()
        )));
    }
    let path = root.join(CONFIG_FILE);
    let existing = existing(&path)?;
    if existing.is_some() && !args.merge && !args.dry_run {
        return Err(
            Failure::usage(format!("{} is there already", path.display()))
                .hint("--merge adds what it lacks and changes nothing; --dry-run prints a new one"),
        );
    }
    let Survey { clues, files, .. } = survey(&root).map_err(|error| {
        Failure::cannot_look(format!("cannot look at {}", root.display())).because(error)
    })?;
    let name = project_name(args, &root);
    let draft = Draft::from_clues(&clues, &name);
    let merged = match existing.filter(|_| args.merge) {
        Some(existing) => Some(merge(&existing, &draft).map_err(|error| {
            Failure::usage(format!("{} cannot be merged into", path.display()))
                .because(error)
                .hint("mend it first: `assay check` shows where it is broken")
        })?),
        None => None,
    };
    let text = merged
        .as_ref()
        .map_or_else(|| draft.render(), |merged| merged.text.clone());
    let found = !draft.services.is_empty() || !draft.dependencies.is_empty();
    if !args.dry_run {
        files::write_atomic(&path, text.as_bytes()).map_err(|error| {
            Failure::cannot_look(format!("cannot write {}", path.display())).because(error)
        })?;
    }
    let document = InitDocument {
        file: path.display().to_string(),
        written: !args.dry_run,
        files_seen: files,
        added: merged.as_ref().map(|merged| merged.added.clone()),
        draft: draft.to_json(),
        unreadable: clues
            .unreadable
            .iter()
            .map(|file| format!("{}: {}", file.origin, file.reason))
            .collect(),
    };
    output.result(&document, || match args.dry_run {
        true => text,
        false => summary(&path, &draft, merged.as_ref(), files),
    });
    tell_unreadable(&clues, output);
    // A file that describes nothing is a start, not an answer.
    Ok(if found || merged.is_some() { 0 } else { 3 })
}

fn existing(path: &PathBuf) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::usage(format!("cannot read {}", path.display())).because(error)),
    }
}

fn project_name(args: &InitArgs, root: &Path) -> String {
    let folder = || {
        let name = root.file_name()?.to_str()?;
        Some(name.to_owned())
    };
    args.name
        .clone()
        .or_else(folder)
        .unwrap_or_else(|| "project".to_owned())
}

fn summary(path: &Path, draft: &Draft, merged: Option<&Merged>, files: usize) -> String {
    let mut text = format!("looked at {}\n", counted(files, "file"));
    match merged {
        Some(merged) if merged.added.is_empty() => {
            text.push_str(&format!(
                "{} lacks nothing that was found\n",
                path.display()
            ));
        }
        Some(merged) => {
            text.push_str(&format!("added to {}:\n", path.display()));
            for added in &merged.added {
                text.push_str(&format!("  {added}\n"));
            }
        }
        None => {
            let found = match outline(draft) {
                rows if rows.is_empty() => "  nothing was found: it holds an example\n".to_owned(),
                rows => rows,
            };
            text.push_str(&format!("wrote {}:\n{found}", path.display()));
            for note in &draft.notes {
                text.push_str(&format!("  - {}\n", fold(note, 4, COLUMNS)));
            }
        }
    }
    let assay = terminal::this_assay(path.parent().unwrap_or(path));
    text.push_str("\nread it, mend what is only guessed, then\n");
    for (command, what) in [
        ("check", "does it fit?"),
        ("doctor", "what does this machine lack?"),
        ("ready", "what is up?"),
    ] {
        text.push_str(&format!("  {assay} {command:<8}# {what}\n"));
    }
    text
}

/// One entry for each table, with how sure its address is.
fn outline(draft: &Draft) -> String {
    let address = |url: &Option<Guess<String>>| {
        url.as_ref().map_or_else(
            || "no address".to_owned(),
            |url| format!("{} ({})", url.value, url.sureness.word()),
        )
    };
    let services = draft.services.iter().map(|service| {
        let what = match &service.disabled {
            Some(_) => "only as a comment: it says why".to_owned(),
            None => address(&service.url),
        };
        ("service", &service.name, what)
    });
    let stores = draft.dependencies.iter().map(|store| {
        let what = match &store.disabled {
            Some(_) => "only as a comment: it says why".to_owned(),
            None => address(&store.url),
        };
        ("dependency", &store.name, what)
    });
    let suites = draft.suites.iter().map(|suite| {
        let runner = &suite.runner.value;
        let what = match &suite.disabled {
            Some(_) => format!("{runner}, only as a comment: it says why"),
            None => runner.clone(),
        };
        ("suite", &suite.name, what)
    });
    let rows: Vec<(&str, &String, String)> = services.chain(stores).chain(suites).collect();
    let widest = rows.iter().map(|(_, name, _)| name.chars().count()).max();
    let name_columns = widest.unwrap_or(0).min(NAME_COLUMNS_MAX);
    let indent = KIND_COLUMNS + name_columns + 4;
    let mut text = String::new();
    for (kind, name, what) in rows {
        let head = format!("  {kind:<KIND_COLUMNS$}{name:<name_columns$}");
        // A name that is too long for its column has a line of its own.
        let gap = match name.chars().count() > name_columns {
            true => format!("\n{:indent$}", ""),
            false => "  ".to_owned(),
        };
        text.push_str(&format!("{head}{gap}{}\n", fold(&what, indent, COLUMNS)));
    }
    text
}

fn tell_unreadable(clues: &Clues, output: Output) {
    for file in clues.unreadable.iter().take(UNREADABLE_SHOWN_MAX) {
        output.note(&format!(
            "warning: not read: {}: {}",
            file.origin, file.reason
        ));
    }
    let more = clues.unreadable.len().saturating_sub(UNREADABLE_SHOWN_MAX);
    if more > 0 {
        output.note(&format!("warning: not read: {more} more files"));
    }
}
