//! Laravel, Lumen, Slim, Symfony.

use super::annotated::{self, Dialect};
use super::prefix::{Groups, add, excludes_get, is_client, root};
use super::route::Route;
use crate::lexer::Source;

const ATTRIBUTES: Dialect = Dialect {
    types: &["Route"],
    methods: &["Route", "Get"],
    paths: &[],
    clients: &[],
    names_type: false,
};
const GROUPS: Groups = Groups {
    around: &["group"],
    chained: &["prefix"],
    keyed: &["group"],
};

pub(super) fn read(path: &str, source: &Source<'_>) -> Vec<Route> {
    let mut routes = annotated::read(source, &ATTRIBUTES);
    for call in source.calls() {
        let arguments = source.arguments(call.open);
        // Laravel: `->withRouting(health: '/up')`.
        if call.name == "withRouting" {
            let health = source.keyed(&arguments, &["health"]);
            if let Some(run) = health
                && let Some(value) = source.only_literal(&run)
            {
                add(&mut routes, run.start, "", &value);
            }
            continue;
        }
        let index = match call.name {
            "get" | "any" | "view" => 0,
            "match" | "map" => 1,
            _ => continue,
        };
        let Some(router) = root(source, call.at).filter(|_| !is_client(source, call.at)) else {
            continue;
        };
        if arguments.len() < index + 2 || index == 1 && excludes_get(source, &arguments[0]) {
            continue;
        }
        let Some(value) = source.only_literal(&arguments[index]) else {
            continue;
        };
        let laravel = router == "Route";
        if !laravel && !value.starts_with('/') && router != "$router" {
            continue;
        }
        // Laravel serves this file under `/api` unless it is told otherwise.
        let base = if laravel && path.ends_with("routes/api.php") {
            "api"
        } else {
            ""
        };
        let prefix = format!("{base}/{}", GROUPS.prefix(source, call.at));
        add(&mut routes, arguments[index].start, &prefix, &value);
    }
    routes
}
