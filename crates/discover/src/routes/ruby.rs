//! Rails, Sinatra, Rack.

use super::blocks::{Blocks, argument};
use super::prefix::add;
use super::route::Route;
use crate::lexer::Source;

pub(super) fn read(source: &Source<'_>) -> Vec<Route> {
    let rails = (0..source.len()).any(|at| source.word(at) == Some("draw"));
    let blocks = Blocks::new(source);
    let mut routes = Vec::new();
    for at in (0..source.len()).filter(|at| source.first_of_line(*at)) {
        let Some(name @ ("get" | "match" | "map")) = source.word(at) else {
            continue;
        };
        let Some((place, path)) = argument(source, at) else {
            continue;
        };
        let routed = rails || path.starts_with('/') && has_block(source, place);
        if source.is(place, b':') || !routed {
            continue;
        }
        if rails && name == "map" || name == "match" && other_methods(source, place) {
            continue;
        }
        let around = blocks.around(at);
        let resource = around.iter().any(|statement| {
            matches!(
                source.word(*statement),
                Some("resources" | "resource" | "member")
            )
        });
        if resource {
            continue;
        }
        let prefixes: Vec<String> = around
            .iter()
            .rev()
            .filter(|at| matches!(source.word(**at), Some("scope" | "namespace" | "map")))
            .filter_map(|at| argument(source, *at))
            .map(|(_, prefix)| prefix)
            .collect();
        add(&mut routes, place, &prefixes.join("/"), &path);
    }
    routes
}

/// Whether a block follows on the line.
fn has_block(source: &Source<'_>, from: usize) -> bool {
    rest_of_line(source, from).any(|at| source.word(at) == Some("do") || source.is(at, b'{'))
}

/// Whether `via:` leaves out GET.
fn other_methods(source: &Source<'_>, from: usize) -> bool {
    let words: Vec<_> = rest_of_line(source, from)
        .filter_map(|at| source.word(at))
        .collect();
    words.contains(&"via") && !words.contains(&"get") && !words.contains(&"all")
}

fn rest_of_line<'s>(source: &'s Source<'_>, from: usize) -> impl Iterator<Item = usize> + 's {
    let line = source.line(from);
    (from + 1..source.len()).take_while(move |at| source.line(*at) == line)
}
