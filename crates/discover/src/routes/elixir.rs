//! Phoenix and Plug.

use super::blocks::{Blocks, argument};
use super::prefix::add;
use super::route::Route;
use crate::lexer::Source;

pub(super) fn read(source: &Source<'_>) -> Vec<Route> {
    let blocks = Blocks::new(source);
    let mut routes = Vec::new();
    for at in (0..source.len()).filter(|at| source.first_of_line(*at)) {
        if !matches!(source.word(at), Some("get" | "match" | "forward")) {
            continue;
        }
        let Some((place, path)) = argument(source, at).filter(|(_, path)| path.starts_with('/'))
        else {
            continue;
        };
        // A handler or a block follows; `get("/health")` alone is a client's.
        let handled = source.is(place + 1, b',') || source.word(place + 1) == Some("do");
        if !handled {
            continue;
        }
        let prefixes: Vec<String> = blocks
            .around(at)
            .iter()
            .rev()
            .filter(|at| source.word(**at) == Some("scope"))
            .filter_map(|at| argument(source, *at))
            .map(|(_, prefix)| prefix)
            .collect();
        add(&mut routes, place, &prefixes.join("/"), &path);
    }
    routes
}
