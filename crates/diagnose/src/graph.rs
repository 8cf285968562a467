//! The service graph: who suffers when a node fails.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use assay_model::ServiceName;

/// Callers by what they call. Cycles are allowed.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    callers: BTreeMap<ServiceName, BTreeSet<ServiceName>>,
}

impl Graph {
    /// `caller` needs `callee`.
    pub(crate) fn add(&mut self, caller: &ServiceName, callee: &ServiceName) {
        self.callers
            .entry(callee.clone())
            .or_default()
            .insert(caller.clone());
    }

    /// `node` and everything that needs it, directly or not, with the number of steps.
    pub(crate) fn reach(&self, node: &ServiceName) -> BTreeMap<ServiceName, usize> {
        let mut reached = BTreeMap::from([(node.clone(), 0)]);
        let mut queue = VecDeque::from([(node, 0)]);
        while let Some((at, steps)) = queue.pop_front() {
            for caller in self.callers.get(at).into_iter().flatten() {
                if !reached.contains_key(caller) {
                    reached.insert(caller.clone(), steps + 1);
                    queue.push_back((caller, steps + 1));
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edges: &[(&str, &str)], node: &str, expected: &[(&str, usize)]) {
        let mut graph = Graph::default();
        for (caller, callee) in edges {
            graph.add(&ServiceName::from(*caller), &ServiceName::from(*callee));
        }
        let reached = graph.reach(&ServiceName::from(node));
        let shown: Vec<(&str, usize)> = reached.iter().map(|(n, d)| (n.as_str(), *d)).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn failures_travel_to_callers() {
        check(
            &[("a", "b"), ("b", "c")],
            "c",
            &[("a", 2), ("b", 1), ("c", 0)],
        );
        check(&[("a", "b"), ("b", "c")], "a", &[("a", 0)]);
        check(&[("a", "b"), ("b", "a")], "a", &[("a", 0), ("b", 1)]);
        check(&[], "z", &[("z", 0)]);
    }
}
