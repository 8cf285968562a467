//! ASP.NET Core: minimal endpoints, health checks, controllers.

use super::annotated::{self, Dialect};
use super::prefix::{Groups, Routers, add, first, root};
use super::route::Route;
use crate::lexer::Source;

const ATTRIBUTES: Dialect = Dialect {
    types: &["Route"],
    methods: &["HttpGet"],
    paths: &["Route"],
    clients: &[],
    names_type: true,
};
const GROUPS: Groups = Groups {
    around: &[],
    chained: &["MapGroup"],
    keyed: &[],
};

pub(super) fn read(source: &Source<'_>) -> Vec<Route> {
    let mut routers = Routers::default();
    for call in source.calls().filter(|call| call.name == "MapGroup") {
        let start = source.chain(call.at).last().map_or(call.at, |(at, _)| *at);
        if let (Some(name), Some(own)) = (source.assigned(start), first(source, call.open)) {
            let outer = root(source, call.at)
                .map_or_else(String::new, |parent| routers.prefix(call.at, parent));
            routers.assign(call.at, name, format!("{outer}/{own}"));
        }
    }
    let mut routes = annotated::read(source, &ATTRIBUTES);
    for call in source.calls() {
        let needed = match call.name {
            "MapHealthChecks" | "UseHealthChecks" => 1,
            "MapGet" | "Map" => 2,
            _ => continue,
        };
        let arguments = source.arguments(call.open);
        let Some(path) = arguments.first().and_then(|run| source.only_literal(run)) else {
            continue;
        };
        if arguments.len() >= needed {
            let own = root(source, call.at)
                .map_or_else(String::new, |name| routers.prefix(call.at, name));
            let prefix = format!("{own}/{}", GROUPS.prefix(source, call.at));
            add(&mut routes, call.open + 1, &prefix, &path);
        }
    }
    routes
}
