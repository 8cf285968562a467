//! Where the code of a Procfile's lines reads the variables of the example beside it.

use std::collections::BTreeSet;

use memchr::memmem;

use super::file::Reader;
use crate::lexer::Language;
use crate::procfile::{Named, named};
use crate::{Origin, Unit, Variable, VariableUse, paths};

/// Files of code beside the one that a line names. A folder that is written by hand has fewer.
const FILES_MAX: usize = 100;

/// Finds them, each variable once for a file.
pub(super) fn find(
    reader: &Reader<'_>,
    units: &[Unit],
    variables: &[Variable],
) -> Vec<VariableUse> {
    let mut found = BTreeSet::new();
    for unit in units {
        let folder = paths::folder(&unit.origin.file);
        let names: BTreeSet<&str> = variables
            .iter()
            .filter(|variable| paths::folder(&variable.origin.file) == folder)
            .map(|variable| variable.name.as_str())
            .collect();
        if names.is_empty() {
            continue;
        }
        for file in files(reader, folder, named(unit)) {
            let Ok(Some(text)) = reader.text(&file) else {
                continue;
            };
            found.extend(names.iter().filter_map(|name| read_in(&file, &text, name)));
        }
    }
    found.into_iter().collect()
}

/// The files that a line names, and the code beside them where they have a folder of their own.
fn files(reader: &Reader<'_>, home: &str, named: Named) -> BTreeSet<String> {
    let Named { files, folders } = named;
    let own = files.iter().map(|file| paths::folder(file).to_owned());
    let folders: BTreeSet<String> = own.chain(folders).filter(|own| own != home).collect();
    let mut all: BTreeSet<String> = files.iter().cloned().collect();
    for folder in folders {
        let beside = reader.names(&folder, FILES_MAX).into_iter();
        all.extend(
            beside
                .filter(|name| Language::of(name).is_some())
                .filter_map(|name| paths::join(&folder, &name)),
        );
    }
    all
}

/// Where a text names a variable, as a whole word.
fn read_in(file: &str, text: &str, name: &str) -> Option<VariableUse> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    let at = memmem::find_iter(bytes, name.as_bytes()).find(|at| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let after = bytes.get(at + name.len());
        !before.is_some_and(|byte| is_part(*byte)) && !after.is_some_and(|byte| is_part(*byte))
    })?;
    let line = memchr::memchr_iter(b'\n', &bytes[..at]).count() as u64 + 1;
    Some(VariableUse {
        origin: Origin {
            file: file.to_owned(),
            line,
        },
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<u64>) {
        let found = read_in("a.py", text, "API_URL").map(|found| found.origin.line);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn whole_words_count() {
        check("x\nos.environ[\"API_URL\"]", Some(2));
        check("MY_API_URL = 1\nAPI_URLS", None);
        check("MY_API_URL\nAPI_URL", Some(2));
        check("", None);
    }
}
