//! Routers that one file makes and another one mounts under a prefix, as FastAPI's are.

use std::collections::BTreeSet;

use super::prefix::join;
use crate::clue::{HealthRoute, Package};
use crate::lexer::{Language, Source};
use crate::paths;

/// A call that mounts a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    file: String,
    /// The router that it is mounted on: `api` in `api.include_router(…)`.
    onto: String,
    /// The router, by the last of its names: `router` in `include_router(users.router)`.
    router: String,
    prefix: Prefix,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Prefix {
    None,
    Known(String),
    /// Not plain text.
    Unknown,
}

/// Whether a file may mount routers.
pub(crate) fn may_mount(path: &str, bytes: &[u8]) -> bool {
    path.ends_with(".py") && memchr::memmem::find(bytes, b"include_router").is_some()
}

/// The routers that a file mounts.
pub(crate) fn mounts(path: &str, text: &str) -> Vec<Mount> {
    if !may_mount(path, text.as_bytes()) {
        return Vec::new();
    }
    let source = Source::new(text, Language::Python);
    let mut found = Vec::new();
    for call in source.calls().filter(|call| call.name == "include_router") {
        let arguments = source.arguments(call.open);
        let onto = source
            .chain(call.at)
            .last()
            .and_then(|(at, _)| source.word(*at));
        let router = arguments.first().and_then(|run| source.word(run.end - 1));
        let (Some(onto), Some(router)) = (onto, router) else {
            continue;
        };
        let prefix = match source.keyed(&arguments, &["prefix"]) {
            None => Prefix::None,
            Some(run) => match source.only_literal(&run) {
                Some(prefix) => Prefix::Known(prefix.into_owned()),
                None => Prefix::Unknown,
            },
        };
        found.push(Mount {
            file: path.to_owned(),
            onto: onto.to_owned(),
            router: router.to_owned(),
            prefix,
        });
    }
    found
}

/// Puts in front of routes that are adrift the prefix that their package mounts them under, where
/// it has only one and every router stands below that.
pub(crate) fn mount(mounts: &[Mount], packages: &[Package], routes: &mut [HealthRoute]) {
    for route in routes.iter_mut().filter(|route| route.adrift) {
        let home = package_of(&route.origin.file, packages);
        let own: Vec<&Mount> = mounts
            .iter()
            .filter(|mount| package_of(&mount.file, packages) == home)
            .collect();
        match front(&own) {
            Some(None) => route.adrift = false,
            Some(Some(prefix)) => {
                if let Some(path) = join(prefix, &route.path) {
                    route.path = path;
                    route.adrift = false;
                }
            }
            None => {}
        }
    }
}

/// The one prefix of a package, or that it has none; `None` where that cannot be told.
fn front<'m>(mounts: &[&'m Mount]) -> Option<Option<&'m str>> {
    let mut known = BTreeSet::new();
    for mount in mounts {
        match &mount.prefix {
            Prefix::None => {}
            Prefix::Known(prefix) => {
                known.insert((mount.router.as_str(), prefix.as_str()));
            }
            Prefix::Unknown => return None,
        }
    }
    let mut known = known.into_iter();
    match (known.next(), known.next()) {
        _ if mounts.is_empty() => None,
        (None, _) => Some(None),
        (Some((router, prefix)), None) => {
            // A router beside it may be the one of the route.
            let others = mounts.iter().filter(|mount| mount.prefix == Prefix::None);
            let all_below = others.clone().all(|mount| mount.onto == router);
            all_below.then_some(Some(prefix))
        }
        (Some(_), Some(_)) => None,
    }
}

/// The folder of the package that a file is in.
fn package_of<'p>(file: &str, packages: &'p [Package]) -> Option<&'p str> {
    let folder = paths::folder(file);
    let holds = |own: &str| {
        let rest = folder.strip_prefix(own);
        own == "." || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let folders = packages.iter().map(|package| package.folder.as_str());
    folders
        .filter(|own| holds(own))
        .max_by_key(|own| match *own {
            "." => 0,
            own => own.len(),
        })
}
