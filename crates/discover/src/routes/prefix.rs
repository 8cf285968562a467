//! What stands in front of a route: prefixes of the groups, routers and blueprints around it.

use std::collections::HashMap;

use super::route::Route;
use crate::lexer::{Call, Source};

/// Groups inside groups that are followed; deeper ones are not written by hand.
const GROUPS_MAX: usize = 32;
/// A longer prefix is not one that a person wrote.
const PREFIX_BYTES_MAX: usize = 512;
/// Methods stand at the start of what names them; a whole handler may follow.
const METHOD_TOKENS_MAX: usize = 64;

/// A route's path under a prefix, in one form; `None` where either is not plain text, such as
/// `/users/:id/health` or `https://example.com/health`.
pub(crate) fn join(prefix: &str, path: &str) -> Option<String> {
    let odd =
        |c: char| c.is_whitespace() || c.is_control() || ":{}<>*()[]?\\^$|#,=&'\"".contains(c);
    if prefix.contains(odd) || path.contains(odd) || path.starts_with("//") {
        return None;
    }
    let mut joined = String::with_capacity(prefix.len() + path.len() + 2);
    for part in prefix
        .split('/')
        .chain(path.split('/'))
        .filter(|part| !part.is_empty())
    {
        joined.push('/');
        joined.push_str(part);
    }
    // Django and Flask tell `/health/` from `/health`.
    if path.len() > 1 && path.ends_with('/') || joined.is_empty() {
        joined.push('/');
    }
    Some(joined)
}

/// Adds a route, if its path is plain.
pub(super) fn add(routes: &mut Vec<Route>, at: usize, prefix: &str, path: &str) {
    if let Some(path) = join(prefix, path) {
        routes.push(Route {
            at,
            path,
            adrift: false,
        });
    }
}

/// How a language writes groups.
pub(super) struct Groups {
    /// Calls with a prefix first, whose other arguments or block hold the routes.
    pub(super) around: &'static [&'static str],
    /// Calls with a prefix first, behind which the routes are chained.
    pub(super) chained: &'static [&'static str],
    /// Calls around that name their prefix by the key `prefix`.
    pub(super) keyed: &'static [&'static str],
}

impl Groups {
    /// The prefixes of the groups around a call, given by its name, outermost first.
    pub(super) fn prefix(&self, source: &Source<'_>, name: usize) -> String {
        let mut parts = Vec::new();
        let mut at = name;
        for _ in 0..GROUPS_MAX {
            for (link, open) in source.chain(at).into_iter().skip(1) {
                let chained = source
                    .word(link)
                    .is_some_and(|word| self.chained.contains(&word));
                parts.extend(
                    open.filter(|_| chained)
                        .and_then(|open| first(source, open)),
                );
            }
            let Some(bracket) = source.parent(at) else {
                break;
            };
            at = bracket;
            if let Some(call) = holder(source, bracket) {
                at = call.at;
                if self.around.contains(&call.name) {
                    parts.extend(first(source, call.open));
                }
                if self.keyed.contains(&call.name) {
                    parts.extend(keyed_prefix(source, call.open));
                }
            }
        }
        parts.reverse();
        parts.join("/")
    }
}

/// The call whose arguments a bracket opens, or whose block it opens behind them.
pub(super) fn holder<'a>(source: &Source<'a>, bracket: usize) -> Option<Call<'a>> {
    if source.is(bracket, b'(') {
        return source.call(bracket);
    }
    let before = bracket.checked_sub(1)?;
    let open = source
        .mate(before)
        .filter(|_| source.is(bracket, b'{') && source.is(before, b')'));
    source.call(open?)
}

/// The text under `prefix` in one of a call's first two arguments.
pub(super) fn keyed_prefix(source: &Source<'_>, open: usize) -> Option<String> {
    source.arguments(open).iter().take(2).find_map(|run| {
        let options = source.is(run.start, b'{') || source.is(run.start, b'[');
        let inner = source.arguments(Some(run.start).filter(|_| options)?);
        let value = source.keyed(&inner, &["prefix"])?;
        source.only_literal(&value).map(|value| value.into_owned())
    })
}

/// The value of a call's first argument, where that is a string.
pub(super) fn first(source: &Source<'_>, open: usize) -> Option<String> {
    let close = source.mate(open)?;
    let alone = source.is(open + 2, b',') || open + 2 == close;
    source
        .literal(open + 1)
        .filter(|_| alone)
        .map(|value| value.into_owned())
}

/// Prefixes of variables and functions that hold routers.
#[derive(Default)]
pub(super) struct Routers<'a> {
    /// In the order of assignment, as names are used again in other functions.
    assigned: HashMap<&'a str, Vec<(usize, String)>>,
    mounted: HashMap<&'a str, String>,
    replaced: HashMap<&'a str, String>,
}

impl<'a> Routers<'a> {
    /// A router that is made with a prefix; later places come later.
    pub(super) fn assign(&mut self, at: usize, name: &'a str, prefix: String) {
        if prefix.len() <= PREFIX_BYTES_MAX {
            self.assigned.entry(name).or_default().push((at, prefix));
        }
    }

    /// A router that is mounted under a prefix; the first place counts.
    pub(super) fn mount(&mut self, name: &'a str, prefix: String) {
        self.mounted.entry(name).or_insert(prefix);
    }

    /// A router whose prefix is another one where it is used; the first place counts.
    pub(super) fn replace(&mut self, name: &'a str, prefix: String) {
        self.replaced.entry(name).or_insert(prefix);
    }

    /// What stands in front of the routes of a variable at a place.
    pub(super) fn prefix(&self, at: usize, name: &str) -> String {
        if let Some(prefix) = self.replaced.get(name) {
            return prefix.clone();
        }
        let own = self.assigned.get(name).and_then(|all| {
            let before = all.partition_point(|(from, _)| *from < at);
            before.checked_sub(1).map(|last| all[last].1.as_str())
        });
        let mounted = self.mounted.get(name).map_or("", String::as_str);
        format!("{mounted}/{}", own.unwrap_or_default())
    }
}

/// The first word of the chain that ends in a name: `app` for `app.route("/x").get`.
pub(super) fn root<'a>(source: &Source<'a>, name: usize) -> Option<&'a str> {
    let chain = source.chain(name);
    chain
        .last()
        .filter(|_| chain.len() > 1)
        .and_then(|(at, _)| source.word(*at))
}

/// Whether a chain asks a server instead of being one: `requests.get`, `request(app).get`.
pub(super) fn is_client(source: &Source<'_>, name: usize) -> bool {
    const CLIENTS: [&str; 36] = [
        "http",
        "https",
        "requests",
        "request",
        "session",
        "axios",
        "fetch",
        "got",
        "ky",
        "superagent",
        "supertest",
        "agent",
        "chai",
        "needle",
        "resty",
        "req",
        "res",
        "response",
        "httpx",
        "urllib",
        "cy",
        "page",
        "nock",
        "mock",
        "rest",
        "msw",
        "cache",
        "map",
        "store",
        "headers",
        "params",
        "config",
        "localstorage",
        "curl",
        "guzzle",
        "conn",
    ];
    source
        .chain(name)
        .into_iter()
        .skip(1)
        .filter_map(|(at, _)| source.word(at))
        .any(|word| {
            let lower = word.trim_start_matches('$').to_ascii_lowercase();
            CLIENTS.contains(&lower.as_str())
                || lower.ends_with("client")
                || lower.contains("axios")
        })
}

/// Whether methods that are named leave out GET; naming none means GET.
pub(super) fn excludes_get(source: &Source<'_>, run: &std::ops::Range<usize>) -> bool {
    let mut named = false;
    for at in run.clone().take(METHOD_TOKENS_MAX) {
        let literal = source.literal(at);
        let Some(word) = literal.as_deref().or_else(|| source.word(at)) else {
            continue;
        };
        match word.to_ascii_uppercase().as_str() {
            "GET" | "ANY" | "ALL" | "METHODGET" => return false,
            "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "HEAD" | "METHODPOST"
            | "METHODPUT" | "METHODPATCH" | "METHODDELETE" => named = true,
            _ => {}
        }
    }
    named
}
