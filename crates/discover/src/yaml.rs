//! YAML and JSON as one small tree with lines: anchors resolved, merge keys applied.
//!
//! Scalars stay text, as they were written: a port is `8080` and an image tag is `1.10`, whatever
//! a schema would make of them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};
use thiserror::Error;

/// Nodes of one file, aliases expanded. The largest manifests seen in public repositories have
/// some 100,000; an alias bomb has billions.
const NODES_MAX: usize = 400_000;

/// Levels of nesting. Published schemas of custom resources reach 40; the tree is walked and
/// dropped by recursion, so this also bounds the stack.
const DEPTH_MAX: usize = 100;

/// A value and the line that it begins on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// 1-based.
    pub(crate) line: u64,
    /// A tag of the file's own, such as `reset` for `!reset`.
    pub(crate) tag: Option<String>,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Any scalar, unquoted.
    Text(String),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Scalars only; a key of any other kind is left out.
    pub(crate) key: String,
    /// 1-based line of the key.
    pub(crate) line: u64,
    pub(crate) value: Node,
}

/// Why a file is no YAML that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub(crate) struct YamlError {
    /// 1-based.
    pub(crate) line: u64,
    pub(crate) reason: String,
    /// Whether the grammar is broken, rather than a bound of this file.
    syntax: bool,
}

impl Node {
    /// A scalar that no file holds.
    pub(crate) fn text(line: u64, text: impl Into<String>) -> Self {
        Self {
            line,
            tag: None,
            value: Value::Text(text.into()),
        }
    }

    /// A mapping that no file holds.
    pub(crate) fn map(line: u64, entries: Vec<Entry>) -> Self {
        Self {
            line,
            tag: None,
            value: Value::Map(entries),
        }
    }

    /// The value under `key`; the last one where a key is written twice.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`; the last one where a key is written twice.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().rev().find(|entry| entry.key == key)
    }

    /// Follows several keys.
    pub(crate) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a scalar.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of the scalar under `key`.
    pub(crate) fn str_at(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// A scalar that is a port number; `0` is none.
    pub(crate) fn as_port(&self) -> Option<u16> {
        self.as_str()?.trim().parse().ok().filter(|port| *port != 0)
    }

    /// A scalar that says yes in YAML 1.1 or 1.2.
    pub(crate) fn is_true(&self) -> bool {
        self.as_str()
            .is_some_and(|text| ["true", "yes", "on"].contains(&text.to_ascii_lowercase().as_str()))
    }

    /// Items of a list; none for anything else.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Items of a list, or the scalar itself where one stands alone.
    pub(crate) fn one_or_many(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Text(_) => std::slice::from_ref(self),
            _ => &[],
        }
    }

    /// Entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// Replaces every scalar value below, keys left as they are.
    pub(crate) fn for_each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        match &mut self.value {
            Value::Null => {}
            Value::Text(text) => change(text),
            Value::List(items) => items.iter_mut().for_each(|item| item.for_each_text(change)),
            Value::Map(entries) => entries
                .iter_mut()
                .for_each(|entry| entry.value.for_each_text(change)),
        }
    }
}

/// Reads every document of a file. Empty documents are left out.
///
/// # Errors
/// When it is broken, a template, or larger than the bounds of this file once expanded.
pub(crate) fn read(text: &str) -> Result<Vec<Node>, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let found = Builder::default().build(text);
    let template = match &found {
        Ok(documents) => documents.braces,
        Err(error) => error.syntax && text.contains("{{"),
    };
    if template || is_helm(text) {
        let line = line_of(text, "{{");
        let reason = if is_helm(text) {
            "a Helm template"
        } else {
            "a template: `{{` stands where YAML wants a value"
        };
        return Err(YamlError {
            line,
            reason: reason.to_owned(),
            syntax: true,
        });
    }
    found.map(|documents| documents.roots)
}

/// Whether an expression between `{{` and `}}` uses what only Helm has.
fn is_helm(text: &str) -> bool {
    text.match_indices("{{").any(|(at, _)| {
        let inside = text[at + 2..].trim_start_matches('-').trim_start();
        let inside = inside.split("}}").next().unwrap_or_default();
        let first = inside.split(' ').next().unwrap_or_default();
        [".Values", ".Release", ".Chart", ".Capabilities"]
            .iter()
            .any(|name| inside.contains(name))
            || first == "include"
    })
}

fn line_of(text: &str, needle: &str) -> u64 {
    let before = text.find(needle).map_or("", |at| &text[..at]);
    before.bytes().filter(|byte| *byte == b'\n').count() as u64 + 1
}

/// What a file held.
#[derive(Default)]
struct Documents {
    roots: Vec<Node>,
    /// A mapping was used as the key of a mapping: what `{{ x }}` is in YAML.
    braces: bool,
}

/// Builds the tree from the parser's events, with a stack of its own.
#[derive(Default)]
struct Builder {
    out: Documents,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

/// A list or mapping that has not ended.
struct Open {
    node: Node,
    anchor: usize,
    /// Nodes counted when it began.
    nodes_before: usize,
    /// The key that waits for its value; `Some(None)` for one that cannot be kept.
    key: Option<Option<(String, u64)>>,
    /// Values of `<<`.
    merges: Vec<Node>,
}

impl Builder {
    fn build(mut self, text: &str) -> Result<Documents, YamlError> {
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| YamlError {
                line: error.marker().line() as u64,
                reason: error.info(),
                syntax: true,
            })?;
            self.event(event, span)?;
        }
        Ok(self.out)
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let line = span.start.line() as u64;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.filter(|tag| tag.handle() == "!");
                let node = Node {
                    line,
                    tag: tag.map(|tag| tag.suffix().to_owned()),
                    value: scalar(text, style),
                };
                self.count(1, line)?;
                self.keep(anchor, &node, 1);
                self.add(node);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.start(line, anchor, tag.as_deref(), Value::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.start(line, anchor, tag.as_deref(), Value::Map(Vec::new()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let (node, size) = self.anchors.get(&anchor).cloned().ok_or(YamlError {
                    line,
                    reason: "an alias of what has not ended before it".to_owned(),
                    syntax: false,
                })?;
                self.count(size, line)?;
                self.add(node);
            }
            Event::DocumentEnd => {
                self.open.clear();
                self.anchors.clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn start(
        &mut self,
        line: u64,
        anchor: usize,
        tag: Option<&Tag>,
        value: Value,
    ) -> Result<(), YamlError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(YamlError {
                line,
                reason: format!("nested deeper than {DEPTH_MAX} levels"),
                syntax: false,
            });
        }
        self.count(1, line)?;
        self.open.push(Open {
            node: Node {
                line,
                tag: tag
                    .filter(|tag| tag.handle() == "!")
                    .map(|tag| tag.suffix().to_owned()),
                value,
            },
            anchor,
            nodes_before: self.nodes - 1,
            key: None,
            merges: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self) {
        let Some(mut open) = self.open.pop() else {
            return;
        };
        apply_merges(&mut open.node, &open.merges);
        self.keep(open.anchor, &open.node, self.nodes - open.nodes_before);
        self.add(open.node);
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            if node.value != Value::Null {
                self.out.roots.push(node);
            }
            return;
        };
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match open.key.take() {
                None => {
                    self.out.braces |= node.is_map();
                    let line = node.line;
                    open.key = Some(match node.value {
                        Value::Text(text) => Some((text, line)),
                        Value::Null => Some(("null".to_owned(), line)),
                        Value::List(_) | Value::Map(_) => None,
                    });
                }
                Some(Some((key, _))) if key == "<<" => open.merges.push(node),
                Some(Some((key, line))) => entries.push(Entry {
                    key,
                    line,
                    value: node,
                }),
                Some(None) => {}
            },
            Value::Null | Value::Text(_) => {}
        }
    }

    fn keep(&mut self, anchor: usize, node: &Node, size: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
    }

    fn count(&mut self, nodes: usize, line: u64) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > NODES_MAX {
            return Err(YamlError {
                line,
                reason: format!("more than {NODES_MAX} values once aliases are expanded"),
                syntax: false,
            });
        }
        Ok(())
    }
}

/// Adds what `<<` names and the mapping itself does not say.
fn apply_merges(node: &mut Node, merges: &[Node]) {
    let Value::Map(entries) = &mut node.value else {
        return;
    };
    if merges.is_empty() {
        return;
    }
    let mut known: BTreeSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    for merge in merges {
        let sources = match &merge.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(merge),
        };
        for entry in sources.iter().flat_map(Node::entries) {
            if known.insert(entry.key.clone()) {
                entries.push(entry.clone());
            }
        }
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    let null =
        style == ScalarStyle::Plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
    if null {
        Value::Null
    } else {
        Value::Text(text.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One line for a tree, so that a case fits on one.
    fn show(node: &Node) -> String {
        let tag = node
            .tag
            .as_ref()
            .map_or(String::new(), |tag| format!("!{tag} "));
        let value = match &node.value {
            Value::Null => "~".to_owned(),
            Value::Text(text) => text.clone(),
            Value::List(items) => {
                format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(","))
            }
            Value::Map(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|entry| format!("{}:{}", entry.key, show(&entry.value)))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }
        };
        tag + &value
    }

    fn check(text: &str, expected: &str) {
        let found = match read(text) {
            Ok(documents) => documents.iter().map(show).collect::<Vec<_>>().join(" | "),
            Err(error) => format!("{}: {}", error.line, error.reason),
        };
        assert_eq!(found, expected, "of {text:?}");
    }

    #[test]
    fn trees() {
        check("", "");
        check("---\n---\n", "");
        check("# nothing", "");
        check("a: 1\nb: [x, y]", "{a:1,b:[x,y]}");
        check("a: 1\n---\nb: 2\n", "{a:1} | {b:2}");
        check("\u{feff}a: 1", "{a:1}");
        check(
            "a:\nb: ~\nc: null\nd: 'null'\ne: ''",
            "{a:~,b:~,c:~,d:null,e:}",
        );
        check(
            "p: 0123\nq: 1.10\nr: yes\ns: 22:22",
            "{p:0123,q:1.10,r:yes,s:22:22}",
        );
        check("a: |\n  x\n  y\nb: >-\n  x\n  y", "{a:x\ny\n,b:x y}");
        check(
            "a: !reset null\nb: !override [1]",
            "{a:!reset ~,b:!override [1]}",
        );
        check(
            "{\"a\": [1, {\"b\": null}], \"c\": \"\\u00e9\"}",
            "{a:[1,{b:~}],c:é}",
        );
        check("{\n\t\"a\":\t1\n}", "{a:1}");
        check(
            "a:\n  b: [\n    x,\n  ]\n  c: {\n    y: 1\n  }\nd: [\n]\n",
            "{a:{b:[x],c:{y:1}},d:[]}",
        );
        check("? [x]\n: 1\nb: 2", "{b:2}");
        check("1: a\ntrue: b", "{1:a,true:b}");
        check("a: 1\r\nb: 2\r\n", "{a:1,b:2}");
    }

    #[test]
    fn anchors_and_merge_keys() {
        check("a: &x 1\nb: *x", "{a:1,b:1}");
        check(
            "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3",
            "{a:{p:1,q:2},b:{q:3,p:1}}",
        );
        check(
            "a: &x {p: 1}\nb: &y {p: 2, r: 3}\nc: {<<: [*x, *y]}",
            "{a:{p:1},b:{p:2,r:3},c:{p:1,r:3}}",
        );
        check(
            "a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y}",
            "{a:{p:1},b:{q:2,p:1},c:{q:2,p:1}}",
        );
        check("a: {<<: {p: 1}}", "{a:{p:1}}");
        check(
            "a: &x 1\n---\nb: *x",
            "3: while parsing node, found unknown anchor",
        );
        check("a: &x [*x]", "1: an alias of what has not ended before it");
    }

    #[test]
    fn lines_are_those_of_keys_and_values() {
        let root = read("# c\na:\n  b:\n\n    - x\n").expect("valid").remove(0);
        let entry = root.get("a").and_then(|a| a.entry("b")).expect("there");
        assert_eq!((entry.line, entry.value.items()[0].line), (3, 5));
    }

    #[test]
    fn templates_are_told_from_broken_files() {
        let helm = "1: a Helm template";
        check("image: {{ .Values.image }}", helm);
        check("{{- if .Values.on }}\na: 1\n{{- end }}", helm);
        check("a: '{{ .Values.x }}'", helm);
        check("{{ include \"x\" . }}", helm);
        check(
            "a: 1\nb: {{ port }}",
            "2: a template: `{{` stands where YAML wants a value",
        );
        check("a: '{{.Node.Hostname}}'", "{a:{{.Node.Hostname}}}");
        check("a: |\n  {{ range }}\n", "{a:{{ range }}\n}");
    }

    #[test]
    fn bounds_hold() {
        let bomb: String = (1..12)
            .map(|n| {
                format!(
                    "a{n}: &a{n} [{}]\n",
                    vec![format!("*a{}", n - 1); 10].join(",")
                )
            })
            .collect();
        let error = read(&format!("a0: &a0 x\n{bomb}")).expect_err("a bomb");
        assert!(
            error.reason.starts_with("more than 400000 values"),
            "{error}"
        );
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&"- ".repeat(5_000)).is_err());
        assert!(read(&"{a: ".repeat(90)).is_err());
        assert!(read(&format!("{}{}", "[".repeat(90), "]".repeat(90))).is_ok());
    }

    #[test]
    fn broken_files_say_where() {
        let error = read("a: 1\nb: [1\nc: 2\n").expect_err("broken");
        assert!(error.line >= 2, "{error:?}");
        assert_eq!(read("a: 'x").expect_err("broken").line, 1);
        assert!(read("\t\ta: b\n  - c").is_err());
        assert!(read("a: b: c").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[\\n\\t:&*<>{}\\[\\]|!'\"#,?-]|  |- |: |&a |\\*a){0,80}") {
            if let Err(error) = read(&text) {
                prop_assert!(!error.reason.is_empty());
            }
        }
    }
}
