//! Circles between the modules of one crate. Cargo forbids them between crates; between modules
//! they are as hard to read and to test.
//!
//! A node is a file. An edge is a path in its code that leads to another file: `crate::a::B`,
//! `super::B`, or the name of a module below. Declaring a module and re-exporting from it are
//! no edges, so that a root may be a table of contents; a path through a re-export leads to the
//! file that really has the name. Code under `#[cfg(test)]` does not count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, Macro, UseTree, Visibility};

/// Names of modules from the root of the crate; the root itself is empty.
type Names = Vec<String>;

/// Re-exports that lead to re-exports: no readable crate has a longer chain.
const CHAIN_MAX: usize = 8;

/// The module that a file below `src` is; `None` for other files and other roots.
pub(crate) fn module_of(path: &Path) -> Option<Names> {
    if path.extension()? != "rs" || path.starts_with("bin") {
        return None;
    }
    let mut names: Names = path
        .with_extension("")
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let is_root = names.len() == 1 && matches!(names[0].as_str(), "lib" | "main");
    if is_root || names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    Some(names)
}

/// One circle for each set of files that can all reach each other by a way through it, each as
/// the names along it, the first repeated at the end. `modules` are modules and their code.
pub(crate) fn find(modules: &[(Names, String)]) -> Result<Vec<Names>, String> {
    let all: BTreeSet<Names> = modules.iter().map(|(names, _)| names.clone()).collect();
    let mut files: BTreeMap<Names, FileFacts> = BTreeMap::new();
    for (names, code) in modules {
        let syntax = syn::parse_file(code).map_err(|error| format!("{}: {error}", show(names)))?;
        let mut reader = FileReader::new(names, &all);
        reader.visit_file(&syntax);
        // `lib.rs` and `main.rs` of one crate are one root here.
        files.entry(names.clone()).or_default().add(reader.facts);
    }
    let edges = files
        .iter()
        .map(|(names, facts)| {
            let targets = facts.paths.iter().flat_map(|path| resolve(&files, path, 0));
            (
                names.clone(),
                targets.filter(|target| target != names).collect(),
            )
        })
        .collect();
    Ok(circles(&edges))
}

/// What one file says.
#[derive(Default)]
struct FileFacts {
    /// Paths from the root that its code uses.
    paths: BTreeSet<Names>,
    /// Name → the path that it stands for.
    exports: BTreeMap<String, Names>,
    /// Paths whose names are all re-exported.
    globs: Vec<Names>,
}

impl FileFacts {
    fn add(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.exports.extend(other.exports);
        self.globs.extend(other.globs);
    }
}

/// The files that a path leads to: one, or several where a glob hides which.
fn resolve(files: &BTreeMap<Names, FileFacts>, path: &[String], depth: usize) -> BTreeSet<Names> {
    let found = (0..=path.len())
        .rev()
        .find_map(|end| files.get_key_value(&path[..end]));
    let Some((names, facts)) = found else {
        return BTreeSet::new();
    };
    let here = || BTreeSet::from([names.clone()]);
    let Some((name, rest)) = path[names.len()..].split_first() else {
        return here();
    };
    if depth == CHAIN_MAX {
        return here();
    }
    if let Some(target) = facts.exports.get(name) {
        return resolve(files, &[target, rest].concat(), depth + 1);
    }
    // A name that nothing here re-exports is this file's own, unless a glob may bring it.
    let globs = facts.globs.iter().flat_map(|glob| {
        let target = [glob.as_slice(), std::slice::from_ref(name), rest].concat();
        resolve(files, &target, depth + 1)
    });
    let through: BTreeSet<Names> = globs.collect();
    if through.is_empty() { here() } else { through }
}

/// Collects [`FileFacts`] from one file.
struct FileReader<'a> {
    all: &'a BTreeSet<Names>,
    file: &'a Names,
    /// The module that is being read: the file's, and those written out inside it.
    module: Names,
    facts: FileFacts,
}

impl<'a> FileReader<'a> {
    fn new(file: &'a Names, all: &'a BTreeSet<Names>) -> Self {
        Self {
            all,
            file,
            module: file.clone(),
            facts: FileFacts::default(),
        }
    }

    /// A path as written → from the root of the crate, if it is one of this crate's.
    fn absolute(&self, path: &[String]) -> Option<Names> {
        let (first, mut rest) = path.split_first()?;
        let mut from = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => self.module.split_last()?.1.to_vec(),
            name => {
                let below = [self.module.as_slice(), &[name.to_owned()]].concat();
                return self.all.contains(&below).then(|| [&below, rest].concat());
            }
        };
        while let Some((first, after)) = rest.split_first().filter(|(name, _)| *name == "super") {
            debug_assert_eq!(first, "super");
            from.pop();
            rest = after;
        }
        Some([&from, rest].concat())
    }

    fn use_path(&mut self, path: &[String]) {
        if let Some(path) = self.absolute(path) {
            self.facts.paths.insert(path);
        }
    }

    fn read_use(&mut self, tree: &UseTree, prefix: &[String], exported: bool) {
        let with = |name: &syn::Ident| match name.to_string().as_str() {
            "self" if !prefix.is_empty() => prefix.to_vec(),
            name => [prefix, &[name.to_owned()]].concat(),
        };
        match tree {
            UseTree::Path(path) => {
                self.read_use(
                    &path.tree,
                    &[prefix, &[path.ident.to_string()]].concat(),
                    exported,
                );
            }
            UseTree::Name(name) => {
                let path = with(&name.ident);
                let alias = path.last().cloned().unwrap_or_default();
                self.bring(alias, &path, exported);
            }
            UseTree::Rename(name) => {
                self.bring(name.rename.to_string(), &with(&name.ident), exported);
            }
            UseTree::Glob(_) if exported => self.facts.globs.extend(self.absolute(prefix)),
            UseTree::Glob(_) => self.use_path(prefix),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.read_use(tree, prefix, exported);
                }
            }
        }
    }

    fn bring(&mut self, alias: String, path: &[String], exported: bool) {
        if !exported {
            self.use_path(path);
        } else if let Some(path) = self.absolute(path) {
            self.facts.exports.insert(alias, path);
        }
    }
}

impl<'ast> Visit<'ast> for FileReader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.content.is_some() {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        // Re-exports of a module that is written out inside a file are not followed.
        let exported = !matches!(item.vis, Visibility::Inherited) && self.module == *self.file;
        self.read_use(&item.tree, &[], exported);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Names = path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        if names.len() > 1 {
            self.use_path(&names);
        }
        visit::visit_path(self, path);
    }

    /// `pub(crate)` and `pub(in crate::a)` say who may look, not what is used.
    fn visit_visibility(&mut self, _visibility: &'ast Visibility) {}

    /// What a macro is given is not syntax yet, but paths in it look the same.
    fn visit_macro(&mut self, call: &'ast Macro) {
        let text = call.tokens.to_string().replace(" :: ", "::");
        for path in text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':'))) {
            let names: Names = path.split("::").map(str::to_owned).collect();
            if names.len() > 1 && names.iter().all(|name| !name.is_empty()) {
                self.use_path(&names);
            }
        }
        visit::visit_macro(self, call);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Ok(list) = attribute.meta.require_list() else {
            return false;
        };
        attribute.path().is_ident("cfg") && list.tokens.to_string() == "test"
    })
}

fn attributes(item: &syn::Item) -> &[Attribute] {
    use syn::Item;
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The shortest circle through each node that is not on a circle found before.
fn circles(edges: &BTreeMap<Names, BTreeSet<Names>>) -> Vec<Names> {
    let mut found: Vec<Names> = Vec::new();
    let mut seen: BTreeSet<&Names> = BTreeSet::new();
    for start in edges.keys() {
        if seen.contains(start) {
            continue;
        }
        if let Some(circle) = shortest_circle(edges, start) {
            found.push(circle.iter().map(|names| show(names)).collect());
            seen.extend(circle);
        }
    }
    found
}

fn shortest_circle<'e>(
    edges: &'e BTreeMap<Names, BTreeSet<Names>>,
    start: &'e Names,
) -> Option<Vec<&'e Names>> {
    let mut came_from: BTreeMap<&Names, &Names> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(node) = waiting.pop_front() {
        for next in edges.get(node).into_iter().flatten() {
            if next == start {
                let mut circle = vec![start, node];
                while let Some(&previous) = came_from.get(circle[circle.len() - 1]) {
                    circle.push(previous);
                }
                if circle.len() == 2 && node == start {
                    return None;
                }
                circle.reverse();
                return Some(circle);
            }
            if !came_from.contains_key(next) {
                came_from.insert(next, node);
                waiting.push_back(next);
            }
        }
    }
    None
}

fn show(names: &[String]) -> String {
    if names.is_empty() {
        "the root".to_owned()
    } else {
        names.join("::")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `files` are paths below `src` and their code.
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let modules: Vec<_> = files
            .iter()
            .map(|(path, code)| (module_of(Path::new(path)).unwrap(), (*code).to_owned()))
            .collect();
        let found: Vec<String> = find(&modules)
            .unwrap()
            .iter()
            .map(|circle| circle.join(" → "))
            .collect();
        assert_eq!(found, expected, "{files:?}");
    }

    #[test]
    fn files_are_modules() {
        let module = |path| module_of(Path::new(path)).map(|names| names.join("::"));
        assert_eq!(module("lib.rs").as_deref(), Some(""));
        assert_eq!(module("main.rs").as_deref(), Some(""));
        assert_eq!(module("a.rs").as_deref(), Some("a"));
        assert_eq!(module("a/mod.rs").as_deref(), Some("a"));
        assert_eq!(module("a/lib.rs").as_deref(), Some("a::lib"));
        assert_eq!(module("bin/tool.rs"), None);
        assert_eq!(module("signatures/a.toml"), None);
    }

    #[test]
    fn a_table_of_contents_is_no_circle() {
        let root = "mod a; mod b; pub use a::A; pub use b::{B, C};";
        check(
            &[
                ("lib.rs", root),
                ("a.rs", "use crate::B;"),
                ("b.rs", "struct B;"),
            ],
            &[],
        );
        check(
            &[("lib.rs", root), ("a.rs", "use crate::b::B;"), ("b.rs", "")],
            &[],
        );
        check(
            &[
                ("lib.rs", "mod a; fn f() { a::f() }"),
                ("a.rs", "pub(crate) fn f() {}"),
            ],
            &[],
        );
    }

    #[test]
    fn circles_are_found_however_they_are_written() {
        let circle = &["a → b → a"];
        let root = ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;");
        check(
            &[
                root,
                ("a.rs", "use crate::b::B;"),
                ("b.rs", "use crate::a::A;"),
            ],
            circle,
        );
        check(
            &[root, ("a.rs", "use crate::B;"), ("b.rs", "use crate::{A};")],
            circle,
        );
        check(
            &[
                root,
                ("a.rs", "use super::b;"),
                ("b.rs", "use super::a::*;"),
            ],
            circle,
        );
        check(
            &[
                root,
                ("a.rs", "fn f() { crate::b::f() }"),
                ("b.rs", "use crate::A as X;"),
            ],
            circle,
        );
        check(
            &[
                root,
                ("a.rs", "use crate::B;"),
                ("b.rs", "fn f() { m!(crate::a::A) }"),
            ],
            circle,
        );
        check(
            &[
                root,
                ("a.rs", "use crate::B;"),
                ("b.rs", "mod x { use super::super::A; }"),
            ],
            circle,
        );
        let glob = ("lib.rs", "mod a; mod b; pub use a::*; pub use b::*;");
        check(
            &[
                glob,
                ("a.rs", "use crate::b::B;"),
                ("b.rs", "use crate::a::A;"),
            ],
            circle,
        );
    }

    #[test]
    fn a_longer_circle_is_reported_whole() {
        check(
            &[
                ("lib.rs", "mod a; mod b; mod c;"),
                ("a.rs", "use crate::b;"),
                ("b.rs", "use crate::c;"),
                ("c.rs", "use crate::a;"),
            ],
            &["a → b → c → a"],
        );
    }

    #[test]
    fn a_root_with_code_of_its_own_can_be_in_a_circle() {
        check(
            &[
                ("lib.rs", "mod a; use a::A; pub struct B(A);"),
                ("a.rs", "use crate::B;"),
            ],
            &["the root → a → the root"],
        );
        check(
            &[
                ("a/mod.rs", "mod b; fn f() { b::g() }"),
                ("a/b.rs", "use super::f;"),
            ],
            &["a → a::b → a"],
        );
    }

    #[test]
    fn tests_may_look_anywhere() {
        let code = "#[cfg(test)] mod tests { use crate::a::A; } #[cfg(test)] use crate::a::B;";
        check(
            &[("lib.rs", ""), ("a.rs", "use crate::b;"), ("b.rs", code)],
            &[],
        );
    }

    #[test]
    fn who_may_look_is_not_what_is_used() {
        let root = ("lib.rs", "mod a; use a::A;");
        check(
            &[
                root,
                ("a.rs", "pub(crate) struct A; pub(in crate) struct B;"),
            ],
            &[],
        );
    }

    #[test]
    fn code_that_cannot_be_read_is_named() {
        let error = find(&[(vec!["a".to_owned()], "fn {".to_owned())]).unwrap_err();
        assert!(error.starts_with("a: "), "{error}");
    }
}
