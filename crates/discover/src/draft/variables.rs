//! Services that variables name: `API_URL` means `api`.

use super::home::Home;
use super::join::Thing;
use super::names::{folder_of, is_below, normal};
use crate::clue::{Clues, Platform, VariableUse};

/// Prefixes of variables that say who reads them and not what they hold.
const PREFIXES: [&str; 9] = [
    "TEST_",
    "E2E_",
    "NEXT_PUBLIC_",
    "NUXT_PUBLIC_",
    "VITE_",
    "REACT_APP_",
    "PLAYWRIGHT_",
    "CYPRESS_",
    "APP_",
];

/// Endings of variables that hold a whole address.
const ENDINGS: [&str; 6] = [
    "_BASE_URL",
    "_URL",
    "_URI",
    "_BASE_URI",
    "_ENDPOINT",
    "_BASEURL",
];

/// Endings of variables that hold a part of one.
const PARTS: [&str; 5] = ["_HOST", "_HOSTNAME", "_ADDR", "_ADDRESS", "_SERVER"];

/// A variable that the code of one thing reads and that names another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'c> {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) by: &'c VariableUse,
}

impl Told<'_> {
    /// Whether the variable takes a whole address.
    pub(crate) fn takes_url(&self) -> bool {
        stem(
            without_prefixes(&self.by.name.to_ascii_uppercase()),
            &ENDINGS,
        )
        .is_some()
    }
}

/// What the code of lines of Procfiles reads that names another of them.
pub(crate) fn told<'c>(
    things: &[Thing<'_>],
    homes: &[Home<'_>],
    clues: &'c Clues,
) -> Vec<Told<'c>> {
    let listed = |index: usize| things[index].on(Platform::Procfile);
    let names: Vec<(usize, &str)> = (0..things.len())
        .filter(|index| listed(*index).is_some())
        .map(|index| (index, things[index].name.as_str()))
        .collect();
    let mut told = Vec::new();
    for (from, _) in &names {
        let Some(unit) = listed(*from) else { continue };
        let of_all = folder_of(&unit.origin.file);
        let is_own = |file: &String| {
            let folders = homes[*from].folders().iter();
            let mut own = folders.filter(|folder| *folder != of_all);
            homes[*from].files.contains(file) || own.any(|folder| is_below(file, folder))
        };
        for by in clues.uses.iter().filter(|by| is_own(&by.origin.file)) {
            let others = names.iter().filter(|(index, _)| index != from);
            let others: Vec<&str> = others.map(|(_, name)| *name).collect();
            let name = named(&by.name, &others, &[&ENDINGS[..], &PARTS[..]].concat());
            let to = names.iter().find(|(_, other)| Some(*other) == name);
            told.extend(to.map(|(to, _)| Told {
                from: *from,
                to: *to,
                by,
            }));
        }
    }
    told
}

/// The one of `names` that a variable for an address names plainly.
pub(crate) fn of_address<'n>(variable: &str, names: &[&'n str]) -> Option<&'n str> {
    named(variable, names, &ENDINGS)
}

fn named<'n>(variable: &str, names: &[&'n str], endings: &[&str]) -> Option<&'n str> {
    let upper = variable.to_ascii_uppercase();
    let wanted = normal(stem(without_prefixes(&upper), endings)?);
    let exact = names.iter().find(|name| normal(name) == wanted);
    let mut similar = names.iter().filter(|name| {
        let other = normal(name);
        other.ends_with(&format!("-{wanted}")) || other.starts_with(&format!("{wanted}-"))
    });
    let similar = match (similar.next(), similar.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    };
    exact.or(similar).copied()
}

/// A variable without what says who reads it.
pub(crate) fn without_prefixes(upper: &str) -> &str {
    let mut own = upper;
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| own.strip_prefix(prefix)) {
        own = rest;
    }
    own
}

/// What a variable for an address is the address of.
pub(crate) fn address_of(own: &str) -> Option<&str> {
    stem(own, &ENDINGS)
}

fn stem<'v>(own: &'v str, endings: &[&str]) -> Option<&'v str> {
    let stems = endings.iter().filter_map(|ending| own.strip_suffix(ending));
    stems.min_by_key(|stem| stem.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variable: &str, names: &[&str], expected: Option<&str>) {
        assert_eq!(of_address(variable, names), expected, "{variable}");
    }

    #[test]
    fn variables_name_services() {
        check("API_URL", &["web", "api"], Some("api"));
        check("API_BASE_URL", &["web", "api"], Some("api"));
        check("NEXT_PUBLIC_API_URL", &["web", "api"], Some("api"));
        check("API_URL", &["web", "shop-api"], Some("shop-api"));
        check("API_URL", &["a-api", "b-api"], None);
        check("API_HOST", &["api"], None);
        check("BASE_URL", &["api"], None);
        check("API", &["api"], None);
    }
}
