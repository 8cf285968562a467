//! Routes as annotations of methods, under the prefix that the type's annotation gives.

use std::collections::HashMap;

use super::prefix::{add, excludes_get};
use super::route::Route;
use crate::lexer::{Language, Source};

/// How far the name of what is annotated may stand behind the annotation.
const DECLARATION_TOKENS_MAX: usize = 96;
/// Types inside types, and blocks around methods.
const NESTING_MAX: usize = 16;

/// The annotations of a framework.
pub(super) struct Dialect {
    /// Give a type's prefix, the best first.
    pub(super) types: &'static [&'static str],
    /// Make a method answer GET.
    pub(super) methods: &'static [&'static str],
    /// Give a method's path where the annotation above gives none.
    pub(super) paths: &'static [&'static str],
    /// Make a type the client of a server.
    pub(super) clients: &'static [&'static str],
    /// `[controller]` stands for the type's name, and a path from `/` on for itself.
    pub(super) names_type: bool,
}

#[derive(Clone, Copy)]
struct Annotation<'a> {
    name: &'a str,
    at: usize,
    /// The bracket of its arguments.
    open: Option<usize>,
    /// The first token of the whole, and the first behind it.
    start: usize,
    end: usize,
}

struct Type {
    prefixes: Vec<String>,
    client: bool,
}

/// What a run of annotations stands before.
enum Declared<'a> {
    Type { name: &'a str, body: usize },
    Method,
}

pub(super) fn read(source: &Source<'_>, dialect: &Dialect) -> Vec<Route> {
    let annotations = annotations(source);
    let runs = annotations.chunk_by(|one, next| one.start == next.start || one.end == next.start);
    let mut types: HashMap<usize, Type> = HashMap::new();
    let mut methods = Vec::new();
    for run in runs {
        let Some(last) = run.last() else { continue };
        match declared(source, last.end) {
            Some(Declared::Type { name, body }) => {
                types.insert(body, typed(source, dialect, run, name));
            }
            Some(Declared::Method) => methods.push(run),
            None => {}
        }
    }
    let mut routes = Vec::new();
    let outermost = Type {
        prefixes: vec![String::new()],
        client: false,
    };
    for run in methods {
        let around = enclosing(source, &types, run[0].start).unwrap_or(&outermost);
        if !around.client {
            method(source, dialect, run, &around.prefixes, &mut routes);
        }
    }
    routes
}

fn annotations<'a>(source: &Source<'a>) -> Vec<Annotation<'a>> {
    let mut found = Vec::new();
    for at in 0..source.len() {
        if source.is(at, b'@') {
            found.extend(annotation(source, at, at + 1));
        } else if source.is(at, b'[')
            && attributes(source, at)
            && let Some(close) = source.mate(at)
        {
            let sharp = source.language() == Language::Php;
            found.extend(source.arguments(at).into_iter().filter_map(|run| {
                let inner = annotation(source, run.start, run.start)?;
                Some(Annotation {
                    start: at - sharp as usize,
                    end: close + 1,
                    ..inner
                })
            }));
        }
    }
    found
}

/// Whether a `[` opens attributes instead of an index or a list.
fn attributes(source: &Source<'_>, at: usize) -> bool {
    match source.language() {
        Language::Php => at > 0 && source.is(at - 1, b'#'),
        Language::CSharp => source.first_of_line(at) || source.is(at - 1, b']'),
        _ => false,
    }
}

fn annotation<'a>(source: &Source<'a>, start: usize, from: usize) -> Option<Annotation<'a>> {
    let mut at = from;
    let mut name = source.word(at)?;
    while source.is(at + 1, b'.') || source.is(at + 1, b'\\') {
        at += 2;
        name = source.word(at)?;
    }
    let open = Some(at + 1).filter(|open| source.is(*open, b'('));
    let end = open
        .and_then(|open| source.mate(open))
        .map_or(at + 1, |close| close + 1);
    Some(Annotation {
        name,
        at,
        open,
        start,
        end,
    })
}

fn declared<'a>(source: &Source<'a>, from: usize) -> Option<Declared<'a>> {
    let kotlin = source.language() == Language::Kotlin;
    for at in from..from + DECLARATION_TOKENS_MAX {
        let member = at > 0 && (source.is(at - 1, b'.') || source.is(at - 1, b':'));
        match source.word(at) {
            Some("class" | "interface" | "record" | "struct") if !member => {}
            Some("object") if kotlin => {}
            _ if source.is(at, b'(') => return Some(Declared::Method),
            _ if [b'{', b'}', b';'].iter().any(|end| source.is(at, *end)) => return None,
            _ => continue,
        }
        let name = source.word(at + 1)?;
        let mut body = at + 2;
        while body < at + DECLARATION_TOKENS_MAX && !source.is(body, b'{') {
            body = source
                .mate(body)
                .filter(|mate| *mate > body)
                .unwrap_or(body)
                + 1;
        }
        return source
            .is(body, b'{')
            .then_some(Declared::Type { name, body });
    }
    None
}

fn typed(source: &Source<'_>, dialect: &Dialect, run: &[Annotation<'_>], name: &str) -> Type {
    let short = name
        .strip_suffix("Controller")
        .unwrap_or(name)
        .to_ascii_lowercase();
    let given = dialect.types.iter().find_map(|known| {
        let one = run.iter().find(|annotation| annotation.name == *known)?;
        Some(paths(source, one)).filter(|paths| !paths.is_empty())
    });
    let mut prefixes: Vec<String> = given
        .unwrap_or_default()
        .into_iter()
        .map(|(_, path)| path)
        .collect();
    if dialect.names_type {
        prefixes
            .iter_mut()
            .for_each(|prefix| *prefix = prefix.replace("[controller]", &short));
    }
    if prefixes.is_empty() {
        prefixes.push(String::new());
    }
    Type {
        prefixes,
        client: run.iter().any(|one| dialect.clients.contains(&one.name)),
    }
}

fn enclosing<'t>(
    source: &Source<'_>,
    types: &'t HashMap<usize, Type>,
    at: usize,
) -> Option<&'t Type> {
    let mut around = source.parent(at);
    for _ in 0..NESTING_MAX {
        let open = around?;
        if let Some(found) = types.get(&open) {
            return Some(found);
        }
        around = source.parent(open);
    }
    None
}

fn method(
    source: &Source<'_>,
    dialect: &Dialect,
    run: &[Annotation<'_>],
    prefixes: &[String],
    routes: &mut Vec<Route>,
) {
    for one in run.iter().filter(|one| dialect.methods.contains(&one.name)) {
        let arguments = one
            .open
            .map(|open| source.arguments(open))
            .unwrap_or_default();
        let methods = source.keyed(&arguments, &["method", "methods"]);
        if methods.is_some_and(|run| excludes_get(source, &run)) {
            continue;
        }
        let mut own = paths(source, one);
        // Retrofit's `@GET("health")` is a client's; that of JAX-RS takes no path.
        if one.name == "GET" && !own.is_empty() {
            continue;
        }
        if own.is_empty() {
            let sibling = run.iter().find(|other| dialect.paths.contains(&other.name));
            own = sibling
                .map(|other| paths(source, other))
                .unwrap_or_default();
        }
        if own.is_empty() {
            own.push((one.at, String::new()));
        }
        for (at, path) in &own {
            let whole = path.strip_prefix('~').unwrap_or(path);
            let absolute = dialect.names_type && whole.starts_with('/');
            for prefix in prefixes {
                add(routes, *at, if absolute { "" } else { prefix }, whole);
            }
        }
    }
}

/// The paths among an annotation's arguments.
fn paths(source: &Source<'_>, annotation: &Annotation<'_>) -> Vec<(usize, String)> {
    let Some(open) = annotation.open else {
        return Vec::new();
    };
    let mut arguments = source.arguments(open);
    // NestJS: `@Controller({ path: 'health', version: '1' })`.
    if let [only] = arguments.as_slice()
        && source.is(only.start, b'{')
        && source.is(only.start + 2, b':')
    {
        arguments = source.arguments(only.start);
        arguments.retain(|run| source.word(run.start) == Some("path"));
    }
    let mut found = Vec::new();
    for run in arguments {
        let value = match source.key_value(&run) {
            Some((key, value)) if matches!(key.as_ref(), "value" | "path" | "uri" | "template") => {
                value
            }
            Some(_) => continue,
            None => run,
        };
        let literals = source.literals(&value).into_iter();
        found.extend(literals.map(|(at, path)| (at, path.into_owned())));
        if !matches!(
            source.language(),
            Language::Java | Language::Kotlin | Language::JavaScript
        ) {
            break;
        }
    }
    found
}
