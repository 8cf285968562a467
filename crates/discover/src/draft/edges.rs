//! Who calls whom.

use std::collections::{BTreeMap, BTreeSet};

use super::home::Home;
use super::hosts::{Directory, mentions};
use super::join::Thing;
use super::names::{folder_of, image_name, is_below};
use super::types::Guess;
use super::variables::Told;
use crate::clue::{Clues, Platform};

/// One thing that needs another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) found: Guess<()>,
}

/// Every call that the files tell of, each pair once, without circles; and the edges that closed
/// one.
pub(crate) fn find(
    things: &[Thing<'_>],
    homes: &[Home<'_>],
    directory: &Directory,
    told: &[Told<'_>],
    clues: &Clues,
) -> (Vec<Edge>, Vec<Edge>) {
    let mut edges: BTreeMap<(usize, usize), Guess<()>> = BTreeMap::new();
    let mut add = |from: usize, to: usize, found: Guess<()>| {
        if from != to {
            let known = edges.entry((from, to)).or_insert_with(|| found.clone());
            if found.sureness < known.sureness {
                *known = found;
            }
        }
    };
    for (from, thing) in things.iter().enumerate() {
        for unit in &thing.units {
            let at = unit.depends_on_at.as_ref().unwrap_or(&unit.origin);
            let why = match unit.platform {
                Platform::Dotnet => "the host of Aspire",
                _ => "depends_on",
            };
            for name in &unit.depends_on {
                if let Some(to) = directory.find(&name.to_ascii_lowercase(), None) {
                    add(from, to, Guess::certain((), at, why));
                }
            }
            for (key, value) in &unit.env {
                for mention in mentions(key, value) {
                    if let Some(to) = directory.find(&mention.host, mention.port) {
                        add(from, to, Guess::likely((), &unit.origin, key.as_str()));
                    }
                }
            }
        }
    }
    for Told { from, to, by } in told {
        add(*from, *to, Guess::likely((), &by.origin, by.name.as_str()));
    }
    for rule in &clues.proxies {
        let Some(from) = proxy(things, homes, &rule.origin.file) else {
            continue;
        };
        for upstream in &rule.upstreams {
            for mention in mentions("UPSTREAM_HOST", upstream) {
                if let Some(to) = directory.find(&mention.host, mention.port) {
                    let why = "passed on by nginx";
                    add(from, to, Guess::certain((), &rule.origin, why));
                }
            }
        }
    }
    let edges = edges
        .into_iter()
        .map(|((from, to), found)| Edge { from, to, found });
    without_circles(edges.collect())
}

/// The thing that an nginx configuration belongs to.
fn proxy(things: &[Thing<'_>], homes: &[Home<'_>], file: &str) -> Option<usize> {
    let is_nginx = |image: &str| {
        image_name(image)
            .is_some_and(|(name, _)| name.contains("nginx") || name.contains("openresty"))
    };
    let runs_nginx = |index: &usize| {
        let own = things[*index].units.iter();
        let mut images = own.filter_map(|unit| unit.image.as_deref());
        let from = homes[*index]
            .dockerfile
            .and_then(|file| file.from.as_deref());
        images.any(is_nginx) || from.is_some_and(is_nginx)
    };
    let candidates: Vec<usize> = (0..things.len()).filter(runs_nginx).collect();
    let copies = |index: &usize| {
        homes[*index].dockerfile.is_some_and(|dockerfile| {
            let beside = folder_of(&dockerfile.origin.file);
            let copied = dockerfile.copies.iter().any(|copy| {
                let copy = copy.trim_start_matches("./").trim_end_matches('/');
                copy == file || (!copy.is_empty() && file == format!("{beside}/{copy}"))
            });
            copied || (beside != "." && is_below(file, beside))
        })
    };
    let built = |index: &usize| {
        let mut units = things[*index]
            .units
            .iter()
            .filter_map(|unit| unit.build.as_ref());
        units.any(|build| build.context != "." && is_below(file, &build.context))
    };
    let mut owners = candidates
        .iter()
        .filter(|index| copies(index) || built(index));
    match (owners.next(), owners.next()) {
        (Some(owner), None) => Some(*owner),
        (None, _) if candidates.len() == 1 => Some(candidates[0]),
        _ => None,
    }
}

/// Keeps the surest edges that close no circle; the rest is given apart.
fn without_circles(mut edges: Vec<Edge>) -> (Vec<Edge>, Vec<Edge>) {
    edges.sort_by_key(|edge| (edge.found.sureness, edge.from, edge.to));
    let mut kept: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let (mut straight, mut closing) = (Vec::new(), Vec::new());
    for edge in edges {
        if reaches(&kept, edge.to, edge.from) {
            closing.push(edge);
        } else {
            kept.entry(edge.from).or_default().push(edge.to);
            straight.push(edge);
        }
    }
    straight.sort_by_key(|edge| (edge.from, edge.to));
    (straight, closing)
}

fn reaches(edges: &BTreeMap<usize, Vec<usize>>, from: usize, to: usize) -> bool {
    let (mut waiting, mut seen) = (vec![from], BTreeSet::new());
    while let Some(node) = waiting.pop() {
        if node == to {
            return true;
        }
        if seen.insert(node) {
            waiting.extend(edges.get(&node).into_iter().flatten());
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::types::Sureness;
    use super::*;

    fn edge(from: usize, to: usize, sureness: Sureness) -> Edge {
        let found = Guess::new((), None, sureness, "");
        Edge { from, to, found }
    }

    fn check(edges: &[(usize, usize, Sureness)], dropped: &[(usize, usize)]) {
        let edges = edges.iter().map(|(from, to, sure)| edge(*from, *to, *sure));
        let (_, closing) = without_circles(edges.collect());
        let pairs: Vec<(usize, usize)> = closing.iter().map(|edge| (edge.from, edge.to)).collect();
        assert_eq!(pairs, dropped);
    }

    #[test]
    fn circles_lose_their_least_sure_edge() {
        use Sureness::{Certain, Likely};
        check(&[(0, 1, Certain), (1, 2, Certain)], &[]);
        check(&[(0, 1, Likely), (1, 0, Certain)], &[(0, 1)]);
        check(
            &[(0, 1, Certain), (1, 2, Likely), (2, 0, Certain)],
            &[(1, 2)],
        );
    }

    proptest! {
        #[test]
        fn no_circle_is_left(pairs in prop::collection::vec((0_usize..6, 0_usize..6), 0..20)) {
            let pairs = pairs.into_iter().filter(|(from, to)| from != to);
            let edges = pairs.map(|(from, to)| edge(from, to, Sureness::Likely));
            let (kept, _) = without_circles(edges.collect());
            let mut graph: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for edge in &kept {
                graph.entry(edge.from).or_default().push(edge.to);
            }
            for edge in &kept {
                prop_assert!(!reaches(&graph, edge.to, edge.from));
            }
        }
    }
}
