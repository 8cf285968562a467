//! Flask, FastAPI, Starlette, Django, aiohttp, Falcon, Litestar, Tornado.

use std::collections::BTreeSet;

use super::prefix::{Groups, Routers, add, excludes_get, is_client, root};
use super::route::Route;
use crate::lexer::{Call, Source};

const GROUPS: Groups = Groups {
    around: &["path", "re_path", "url", "Mount"],
    chained: &[],
    keyed: &[],
};

pub(super) fn read(source: &Source<'_>) -> Vec<Route> {
    let routers = routers(source);
    let adrift = adrift(source);
    let mut routes = Vec::new();
    for call in source.calls() {
        if decorates(source, call.at) {
            let first = routes.len();
            decorator(source, &routers, call, &mut routes);
            let of = root(source, call.at);
            for route in &mut routes[first..] {
                route.adrift = of.is_some_and(|name| adrift.contains(name));
            }
        } else {
            plain(source, &routers, call, &mut routes);
        }
    }
    for open in 0..source.len() {
        if source.is(open, b'(') && source.call(open).is_none() {
            tornado(source, open, &mut routes);
        }
    }
    routes
}

fn routers<'a>(source: &Source<'a>) -> Routers<'a> {
    let mut routers = Routers::default();
    for call in source.calls() {
        let arguments = source.arguments(call.open);
        let keyed = |keys: &[&str]| {
            source
                .keyed(&arguments, keys)
                .and_then(|run| source.only_literal(&run))
        };
        let Some(prefix) = keyed(&["prefix", "url_prefix"]) else {
            continue;
        };
        match call.name {
            "APIRouter" | "Blueprint" | "APIBlueprint" | "Router" => {
                let first = source.chain(call.at).last().map_or(call.at, |(at, _)| *at);
                if let Some(name) = source.assigned(first) {
                    routers.assign(call.at, name, prefix.into_owned());
                }
            }
            "include_router" | "register_blueprint" => {
                let Some(name) = arguments.first().and_then(|run| source.word(run.start)) else {
                    continue;
                };
                // Flask's replaces the blueprint's own prefix, FastAPI's stands before it.
                if call.name == "register_blueprint" {
                    routers.replace(name, prefix.into_owned());
                } else {
                    routers.mount(name, prefix.into_owned());
                }
            }
            _ => {}
        }
    }
    routers
}

/// The routers of FastAPI that a file makes and does not mount itself.
fn adrift<'a>(source: &Source<'a>) -> BTreeSet<&'a str> {
    let of = |wanted: &'static str| source.calls().filter(move |call| call.name == wanted);
    let mut made: BTreeSet<&str> = of("APIRouter")
        .filter_map(|call| source.assigned(call.at))
        .collect();
    for call in of("include_router") {
        if let Some(run) = source.arguments(call.open).first()
            && let Some(name) = source.word(run.start).filter(|_| run.len() == 1)
        {
            made.remove(name);
        }
    }
    made
}

/// Whether a call is a decorator: an `@` stands before its chain.
fn decorates(source: &Source<'_>, name: usize) -> bool {
    let first = source.chain(name).last().map_or(name, |(at, _)| *at);
    first > 0 && source.is(first - 1, b'@') && source.first_of_line(first - 1)
}

fn decorator(source: &Source<'_>, routers: &Routers<'_>, call: Call<'_>, routes: &mut Vec<Route>) {
    if !matches!(
        call.name,
        "route" | "get" | "api_route" | "view" | "add_url_rule"
    ) {
        return;
    }
    let arguments = source.arguments(call.open);
    let methods = source.keyed(&arguments, &["methods", "method"]);
    if methods.is_some_and(|run| excludes_get(source, &run)) {
        return;
    }
    let named = source.keyed(&arguments, &["path", "rule", "uri"]);
    let prefix =
        root(source, call.at).map_or_else(String::new, |name| routers.prefix(call.at, name));
    for run in named.iter().chain(arguments.first()) {
        for (at, path) in source.literals(run) {
            if path.starts_with('/') || path.is_empty() {
                add(routes, at, &prefix, &path);
            }
        }
    }
}

fn plain(source: &Source<'_>, routers: &Routers<'_>, call: Call<'_>, routes: &mut Vec<Route>) {
    let bare = source.receiver_end(call.at).is_none();
    let django = bare && matches!(call.name, "path" | "re_path" | "url");
    let registers = match call.name {
        "Route" | "APIRoute" => true,
        "add_url_rule" | "add_api_route" | "add_route" | "add_get" | "add_resource" => !bare,
        "get" => root(source, call.at) == Some("web") && !is_client(source, call.at),
        _ => django,
    };
    if !registers {
        return;
    }
    let arguments = source.arguments(call.open);
    let methods = source.keyed(&arguments, &["methods"]);
    if arguments.len() < 2 || methods.is_some_and(|run| excludes_get(source, &run)) {
        return;
    }
    let mut prefix = GROUPS.prefix(source, call.at);
    if let Some(name) = root(source, call.at) {
        prefix = format!("{prefix}/{}", routers.prefix(call.at, name));
    }
    let value = |index: usize| {
        arguments
            .get(index)
            .and_then(|run| source.only_literal(run))
    };
    let found = match call.name {
        // aiohttp names the method first, flask-restful the resource.
        "add_route" if value(0).is_some_and(|first| !first.starts_with('/')) => {
            if excludes_get(source, &arguments[0]) {
                return;
            }
            1
        }
        "add_resource" => 1,
        _ => 0,
    };
    let Some(path) = value(found) else { return };
    let path = match call.name {
        "re_path" | "url" => path
            .trim_start_matches('^')
            .trim_end_matches('$')
            .to_owned(),
        _ => path.into_owned(),
    };
    if django || path.starts_with('/') {
        add(routes, arguments[found].start, &prefix, &path);
    }
}

/// `(r"/health", HealthHandler)`.
fn tornado(source: &Source<'_>, open: usize, routes: &mut Vec<Route>) {
    if !source.is(open + 2, b',') {
        return;
    }
    let Some(path) = source
        .literal(open + 1)
        .filter(|path| path.starts_with('/'))
    else {
        return;
    };
    let arguments = source.arguments(open);
    let handled = arguments.get(1).and_then(|run| source.word(run.end - 1));
    if handled.is_some_and(|name| name.ends_with("Handler")) {
        add(routes, open + 1, "", path.trim_end_matches('$'));
    }
}
