//! axum, actix-web, Rocket, warp, poem, Salvo.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::prefix::{Groups, Routers, add, excludes_get, first};
use super::route::Route;
use crate::lexer::{Call, Source};

const GROUPS: Groups = Groups {
    around: &["nest", "nest_service", "mount"],
    chained: &["scope"],
    keyed: &[],
};
/// How far a `fn` may stand behind its attribute.
const ATTRIBUTE_TOKENS_MAX: usize = 96;

pub(super) fn read(source: &Source<'_>) -> Vec<Route> {
    let tests = test_modules(source);
    let tested = |at: usize| tests.iter().any(|range| range.contains(&at));
    let nested = nested(source);
    let mut routes = Vec::new();
    let mut handlers: Vec<(usize, String, &str)> = Vec::new();
    for call in source.calls().filter(|call| !tested(call.at)) {
        if let Some((path, handler)) = attribute(source, call) {
            handlers.push((call.open + 1, path, handler));
        } else {
            registered(source, &nested, call, &mut routes);
        }
    }
    let names: HashMap<&str, usize> = places(source, &handlers);
    for (at, path, handler) in handlers {
        let prefix = names
            .get(handler)
            .map_or_else(String::new, |at| GROUPS.prefix(source, *at));
        add(&mut routes, at, &prefix, &path);
    }
    routes
}

/// `.route("/health", get(handler))` and what other frameworks call it.
fn registered(source: &Source<'_>, nested: &Routers<'_>, call: Call<'_>, routes: &mut Vec<Route>) {
    let arguments = source.arguments(call.open);
    let Some(path) = arguments.first().and_then(|run| source.only_literal(run)) else {
        return;
    };
    let owner = source
        .receiver_end(call.at)
        .and_then(|end| source.word(end));
    let registers = match call.name {
        "route" | "route_service" | "at" | "nest" => arguments.len() > 1,
        "resource" => owner == Some("web") || owner == Some("scope"),
        "path" => owner == Some("warp"),
        "with_path" => true,
        _ => false,
    };
    let rooted = path.starts_with('/') || matches!(call.name, "path" | "with_path");
    if !registers
        || !rooted
        || arguments
            .get(1)
            .is_some_and(|run| excludes_get(source, run))
    {
        return;
    }
    let mut prefix = GROUPS.prefix(source, call.at);
    for name in holders(source, call.at) {
        prefix = format!("{}/{prefix}", nested.prefix(call.at, name));
    }
    add(routes, call.open + 1, &prefix, &path);
}

/// The variable that a chain of calls is assigned to and the function that it stands in.
fn holders<'a>(source: &Source<'a>, name: usize) -> Vec<&'a str> {
    let start = source.chain(name).last().map_or(name, |(at, _)| *at);
    let mut found: Vec<&str> = source.assigned(start).into_iter().collect();
    let mut around = source.parent(name);
    // A function inside this many brackets is not one that returns a router.
    for _ in 0..16 {
        let Some(open) = around else { break };
        if source.is(open, b'{') {
            let before = open.saturating_sub(ATTRIBUTE_TOKENS_MAX)..open;
            let header = before.rev().take_while(|at| {
                !source.is(*at, b'}') && !source.is(*at, b';') && !source.is(*at, b'{')
            });
            let name = header.into_iter().find(|at| source.word(*at) == Some("fn"));
            if let Some(name) = name.and_then(|at| source.word(at + 1)) {
                found.push(name);
                break;
            }
        }
        around = source.parent(open);
    }
    found
}

/// Routers by variable or function that are nested under a prefix.
fn nested<'a>(source: &Source<'a>) -> Routers<'a> {
    let mut routers = Routers::default();
    for call in source.calls().filter(|call| call.name == "nest") {
        let arguments = source.arguments(call.open);
        // `api`, `api()`, `users::api()`
        let name = arguments.get(1).and_then(|run| {
            run.clone()
                .find(|at| !source.is(at + 1, b':'))
                .and_then(|at| source.word(at))
        });
        if let (Some(name), Some(prefix)) =
            (name.filter(|n| *n != "Router"), first(source, call.open))
        {
            routers.mount(name, prefix);
        }
    }
    routers
}

/// `#[get("/health")]` with the function behind it.
fn attribute<'a>(source: &Source<'a>, call: Call<'a>) -> Option<(String, &'a str)> {
    let bracket = source
        .parent(call.at)
        .filter(|open| source.is(*open, b'['))?;
    if !source.is(bracket.checked_sub(1)?, b'#') || !matches!(call.name, "get" | "route") {
        return None;
    }
    let arguments = source.arguments(call.open);
    let path = source
        .only_literal(arguments.first()?)
        .filter(|path| path.starts_with('/'))?;
    let method = source.keyed(&arguments, &["method"]);
    if method.is_some_and(|run| excludes_get(source, &run)) {
        return None;
    }
    let end = source.mate(bracket)?;
    let function = (end..end + ATTRIBUTE_TOKENS_MAX).find(|at| source.word(*at) == Some("fn"))?;
    Some((path.into_owned(), source.word(function + 1)?))
}

/// Where handlers are passed on: `.service(health)`, `routes![health]`.
fn places<'a>(
    source: &Source<'a>,
    handlers: &[(usize, String, &'a str)],
) -> HashMap<&'a str, usize> {
    let known: HashSet<&str> = handlers.iter().map(|(_, _, handler)| *handler).collect();
    let mut places = HashMap::new();
    for at in 1..source.len() {
        let Some(word) = source.word(at) else {
            continue;
        };
        let passed = source.parent(at).is_some_and(|open| !source.is(open, b'{'))
            && source.word(at - 1) != Some("fn")
            && !source.is(at + 1, b'(');
        if passed && known.contains(word) {
            places.entry(word).or_insert(at);
        }
    }
    places
}

/// The bodies of `#[cfg(test)] mod …`.
fn test_modules(source: &Source<'_>) -> Vec<Range<usize>> {
    let mut modules = Vec::new();
    for at in 0..source.len() {
        let marked = source.word(at) == Some("cfg") && source.word(at + 2) == Some("test");
        if !marked || !source.is(at + 1, b'(') {
            continue;
        }
        let body = (at + 4..at + 4 + ATTRIBUTE_TOKENS_MAX).find(|at| source.is(*at, b'{'));
        if let Some(open) = body
            && let Some(close) = source.mate(open)
        {
            modules.push(open..close);
        }
    }
    modules
}
