//! Laying one service over another, as docker does.

use crate::yaml::{Node, Value};

/// Lists that replace instead of adding to what is below.
const REPLACED: &[&str] = &["command", "entrypoint", "test"];

/// `base` with `over` laid over it. `key` is what both stand under.
pub(super) fn merge(base: Node, over: Node, key: &str) -> Node {
    match over.tag.as_deref() {
        Some("reset") => {
            return Node {
                value: Value::Null,
                ..over
            };
        }
        Some("override") => return over,
        _ => {}
    }
    match (base.value, over.value) {
        (below, Value::Null) => Node {
            value: below,
            line: base.line,
            tag: base.tag,
        },
        (Value::Map(mut below), Value::Map(above)) => {
            for entry in above {
                match below.iter_mut().rev().find(|known| known.key == entry.key) {
                    Some(known) => {
                        let lower = std::mem::replace(&mut known.value, Node::text(0, ""));
                        known.value = merge(lower, entry.value, &entry.key);
                        known.line = entry.line;
                    }
                    None => below.push(entry),
                }
            }
            Node {
                line: over.line,
                tag: base.tag,
                value: Value::Map(below),
            }
        }
        (Value::List(mut below), Value::List(above)) if !REPLACED.contains(&key) => {
            below.extend(above);
            Node {
                line: over.line,
                tag: base.tag,
                value: Value::List(below),
            }
        }
        (_, above) => Node {
            line: over.line,
            tag: over.tag,
            value: above,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn check(base: &str, over: &str, expected: &str) {
        let tree = |text: &str| yaml::read(text).expect("valid").remove(0);
        let mut found = merge(tree(base), tree(over), "");
        let mut expected = tree(expected);
        flatten(&mut found);
        flatten(&mut expected);
        assert_eq!(found, expected, "{base} + {over}");
    }

    /// Forgets lines and tags, which the merged tree takes from two texts.
    fn flatten(node: &mut Node) {
        node.line = 0;
        node.tag = None;
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(flatten),
            Value::Map(entries) => entries.iter_mut().for_each(|entry| {
                entry.line = 0;
                flatten(&mut entry.value);
            }),
            _ => {}
        }
    }

    #[test]
    fn as_docker_does() {
        check("a: 1", "b: 2", "{a: 1, b: 2}");
        check("a: 1", "a: 2", "a: 2");
        check("a: {b: 1, c: 2}", "a: {c: 3}", "a: {b: 1, c: 3}");
        check("ports: [1]", "ports: [2]", "ports: [1, 2]");
        check("command: [a, b]", "command: [c]", "command: [c]");
        check(
            "healthcheck: {test: [a]}",
            "healthcheck: {test: [b]}",
            "healthcheck: {test: [b]}",
        );
        check("command: [a]", "command: b", "command: b");
        check("ports: [1]", "ports: !override [2]", "ports: [2]");
        check("ports: [1]", "ports: !reset []", "ports: ~");
        check("a: 1", "a: ~", "a: 1");
    }
}
