//! nginx configuration: what is passed on to what.
//!
//! `syntax` makes a tree of a file; this file follows `include`, resolves upstreams and reads the
//! servers.

mod syntax;

use std::collections::{BTreeMap, BTreeSet};

use crate::{Clues, Origin, ProxyRule, Unreadable, paths};
use syntax::Directive;

/// Levels of `include`; nginx itself has no use for more than a few.
const INCLUDES_MAX: usize = 8;

/// Directives of one configuration, files included more than once counted as often.
const DIRECTIVES_MAX: usize = 100_000;

/// Servers of one upstream that are kept.
const UPSTREAM_SERVERS_MAX: usize = 64;

/// Whether a file may be one: by its name, or as a `.conf` by what stands in it.
pub(crate) fn may_be(path: &str, text: &str) -> bool {
    let name = paths::name(path).to_ascii_lowercase();
    let stem = name
        .strip_suffix(".template")
        .or_else(|| name.strip_suffix(".tmpl"));
    let stem = stem.or_else(|| name.strip_suffix(".j2")).unwrap_or(&name);
    let by_name = stem.ends_with(".nginx") || stem.ends_with(".vhost");
    let by_folder =
        ["sites-available", "sites-enabled", "conf.d"].contains(&paths::name(paths::folder(path)));
    (stem.ends_with(".conf") || by_name || by_folder)
        && text.contains('{')
        && (text.contains("server") || text.contains("location") || text.contains("upstream"))
}

/// What was read of one file.
pub(crate) struct Parsed {
    path: String,
    tree: Vec<Directive>,
}

/// Reads one file; `None` where it is no nginx configuration at all.
pub(crate) fn parse(path: &str, text: &str) -> Option<Result<Parsed, Unreadable>> {
    match syntax::read(path, text) {
        Ok(tree) => Some(Ok(Parsed {
            path: path.to_owned(),
            tree,
        })),
        // Other programs have `.conf` files with braces too.
        Err(error) if text.contains("proxy_pass") || path.contains("nginx") => {
            let template = text.contains("{{") || text.contains("{%");
            let reason = if template {
                "a template".to_owned()
            } else {
                error.reason
            };
            Some(Err(Unreadable {
                origin: Origin {
                    file: path.to_owned(),
                    line: error.line,
                },
                reason,
            }))
        }
        Err(_) => None,
    }
}

/// Adds what the servers of all files pass on.
pub(crate) fn finish(found: &[Parsed], clues: &mut Clues) {
    let files: BTreeMap<&str, &[Directive]> = found
        .iter()
        .map(|parsed| (parsed.path.as_str(), parsed.tree.as_slice()))
        .collect();
    let included: BTreeSet<String> = found
        .iter()
        .flat_map(|parsed| {
            let mut names = Vec::new();
            includes(&parsed.path, &parsed.tree, &files, &mut names);
            names
        })
        .collect();
    // Whole configurations first: what they include has its servers and upstreams there. Then
    // whatever they do not reach, such as files that include one another in a circle.
    let whole = found
        .iter()
        .filter(|parsed| !included.contains(&parsed.path));
    let mut reached = BTreeSet::new();
    let mut rules = Vec::new();
    for parsed in whole.chain(found) {
        if reached.contains(&parsed.path) {
            continue;
        }
        let mut expander = Expander {
            files: &files,
            reached: &mut reached,
            budget: DIRECTIVES_MAX,
        };
        let tree = expander.expand(&parsed.path, &parsed.tree, 0);
        let mut reader = Reader {
            upstreams: upstreams_beside(&parsed.path, found),
            rules: Vec::new(),
        };
        collect_upstreams(&tree, &mut reader.upstreams);
        reader.servers(&tree, false);
        rules.append(&mut reader.rules);
    }
    rules.sort_by(|one, other| one.origin.cmp(&other.origin));
    rules.dedup();
    clues.proxies.append(&mut rules);
}

/// Upstreams of the files in the same folder and below: `conf.d` is included by a configuration
/// that is seldom in the repository.
fn upstreams_beside(path: &str, found: &[Parsed]) -> BTreeMap<String, Vec<String>> {
    let folder = paths::folder(path);
    let mut out = BTreeMap::new();
    for other in found {
        if folder == "."
            || other
                .path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        {
            collect_upstreams(&other.tree, &mut out);
        }
    }
    out
}

fn collect_upstreams(tree: &[Directive], out: &mut BTreeMap<String, Vec<String>>) {
    for directive in tree {
        match directive.name.as_str() {
            "upstream" => {
                let servers = directive
                    .block
                    .iter()
                    .filter(|inner| inner.name == "server");
                let servers = servers.filter_map(|server| authority(server.args.first()?, 80));
                if let Some(name) = directive.args.first() {
                    out.insert(name.clone(), servers.take(UPSTREAM_SERVERS_MAX).collect());
                }
            }
            "http" | "stream" => collect_upstreams(&directive.block, out),
            _ => {}
        }
    }
}

/// Files of the repository that an `include` may mean. Absolute paths are those of a container:
/// what counts is their tail.
fn meant<'a>(
    from: &str,
    pattern: &str,
    files: &BTreeMap<&'a str, &'a [Directive]>,
) -> Vec<&'a str> {
    let absolute = pattern.starts_with('/');
    let folder = paths::folder(from);
    let tail = pattern
        .strip_prefix("/etc/nginx/")
        .unwrap_or(pattern)
        .trim_start_matches('/');
    let Some(wanted) = paths::join(folder, tail) else {
        return Vec::new();
    };
    let matching = |wanted: &str| {
        let known = files.keys().copied().filter(|path| *path != from);
        known.filter(|path| glob(wanted, path)).collect::<Vec<_>>()
    };
    let found = matching(&wanted);
    let name = paths::name(tail);
    if found.is_empty() && absolute && !name.contains('*') {
        return paths::join(folder, name)
            .map(|wanted| matching(&wanted))
            .unwrap_or_default();
    }
    found
}

/// `*` stands for anything within one part of a path.
fn glob(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if part_matches(pattern, part) => {}
            _ => return false,
        }
    }
}

fn part_matches(pattern: &str, part: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == part;
    };
    let Some(mut left) = part.strip_prefix(first) else {
        return false;
    };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return left.ends_with(piece);
        }
        let Some(at) = left.find(piece) else {
            return false;
        };
        left = &left[at + piece.len()..];
    }
    true
}

fn includes(
    from: &str,
    tree: &[Directive],
    files: &BTreeMap<&str, &[Directive]>,
    out: &mut Vec<String>,
) {
    for directive in tree {
        if directive.name == "include" {
            let patterns = directive.args.iter();
            out.extend(
                patterns
                    .flat_map(|pattern| meant(from, pattern, files))
                    .map(str::to_owned),
            );
        }
        includes(from, &directive.block, files, out);
    }
}

/// Puts what is included in the place of `include`.
struct Expander<'a, 'f> {
    files: &'a BTreeMap<&'f str, &'f [Directive]>,
    reached: &'a mut BTreeSet<String>,
    budget: usize,
}

impl Expander<'_, '_> {
    fn expand(&mut self, from: &str, tree: &[Directive], depth: usize) -> Vec<Directive> {
        if !self.reached.contains(from) {
            self.reached.insert(from.to_owned());
        }
        let mut out = Vec::new();
        for directive in tree {
            if self.budget == 0 {
                break;
            }
            self.budget -= 1;
            if directive.name == "include" {
                let files = self.files;
                let patterns = directive.args.iter().filter(|_| depth < INCLUDES_MAX);
                for path in patterns.flat_map(|pattern| meant(from, pattern, files)) {
                    out.extend(self.expand(path, files[path], depth + 1));
                }
                continue;
            }
            out.push(Directive {
                block: self.expand(from, &directive.block, depth),
                name: directive.name.clone(),
                args: directive.args.clone(),
                origin: directive.origin.clone(),
            });
        }
        out
    }
}

/// Reads the servers of one configuration.
struct Reader {
    upstreams: BTreeMap<String, Vec<String>>,
    rules: Vec<ProxyRule>,
}

impl Reader {
    fn servers(&mut self, tree: &[Directive], stream: bool) {
        for directive in tree {
            match directive.name.as_str() {
                "http" => self.servers(&directive.block, false),
                "stream" => self.servers(&directive.block, true),
                "server" => self.server(directive, stream),
                // A snippet that some server includes.
                "location" => {
                    let rule = ProxyRule {
                        origin: directive.origin.clone(),
                        listens: Vec::new(),
                        tls: false,
                        names: Vec::new(),
                        location: String::new(),
                        upstreams: Vec::new(),
                    };
                    self.location(directive, &rule, &BTreeMap::new());
                }
                _ => {}
            }
        }
    }

    fn server(&mut self, server: &Directive, stream: bool) {
        let mut rule = ProxyRule {
            origin: server.origin.clone(),
            listens: Vec::new(),
            tls: false,
            names: Vec::new(),
            location: if stream {
                String::new()
            } else {
                "/".to_owned()
            },
            upstreams: Vec::new(),
        };
        let mut named = false;
        for directive in &server.block {
            let first = directive.args.first().map_or("", String::as_str);
            match directive.name.as_str() {
                "listen" => {
                    named = true;
                    rule.tls |= directive
                        .args
                        .iter()
                        .skip(1)
                        .any(|word| word == "ssl" || word == "quic");
                    if let Some(port) = listen(first).filter(|port| !rule.listens.contains(port)) {
                        rule.listens.push(port);
                    }
                }
                "ssl" => rule.tls |= first == "on",
                "server_name" => {
                    let names = directive
                        .args
                        .iter()
                        .filter(|name| *name != "_" && !name.is_empty());
                    rule.names.extend(names.cloned());
                }
                _ => {}
            }
        }
        if !named {
            rule.listens.push(80);
        }
        self.inside(&server.block, &rule, &BTreeMap::new());
    }

    fn location(
        &mut self,
        location: &Directive,
        outer: &ProxyRule,
        set: &BTreeMap<String, String>,
    ) {
        let rule = ProxyRule {
            location: location.args.last().cloned().unwrap_or_default(),
            ..outer.clone()
        };
        self.inside(&location.block, &rule, set);
    }

    /// What stands in a server or in a location.
    fn inside(&mut self, block: &[Directive], rule: &ProxyRule, outer: &BTreeMap<String, String>) {
        let mut set = outer.clone();
        for directive in block {
            if let ("set", [name, value, ..]) = (directive.name.as_str(), directive.args.as_slice())
            {
                set.insert(name.trim_start_matches('$').to_owned(), value.clone());
            }
        }
        for directive in block {
            match directive.name.as_str() {
                "location" => self.location(directive, rule, &set),
                "if" | "limit_except" => self.inside(&directive.block, rule, &set),
                "proxy_pass" | "grpc_pass" | "fastcgi_pass" | "uwsgi_pass" | "scgi_pass" => {
                    let Some(target) = directive.args.first() else {
                        continue;
                    };
                    let target = crate::interpolate::known(target, &|name| set.get(name).cloned());
                    let upstreams = self.upstreams(&target);
                    if !upstreams.is_empty() {
                        self.rules.push(ProxyRule {
                            origin: directive.origin.clone(),
                            upstreams,
                            ..rule.clone()
                        });
                    }
                }
                _ => {}
            }
        }
    }

    fn upstreams(&self, target: &str) -> Vec<String> {
        let (scheme, rest) = target.split_once("://").unwrap_or(("", target));
        let name = rest.split(['/', '?']).next().unwrap_or_default();
        if let Some(servers) = self.upstreams.get(name) {
            return servers.clone();
        }
        let port = if scheme == "https" || scheme == "grpcs" {
            443
        } else {
            80
        };
        authority(rest, port).into_iter().collect()
    }
}

/// `host:port` of an address; sockets of files have none.
fn authority(address: &str, port: u16) -> Option<String> {
    let name = address.split(['/', '?']).next().unwrap_or_default();
    if name.is_empty() || name.starts_with("unix:") {
        return None;
    }
    Some(if crate::health::split_port(name).1.is_some() {
        name.to_owned()
    } else {
        format!("{name}:{port}")
    })
}

/// The port of a `listen`: `80`, `[::]:80`, `127.0.0.1:8080`; an address alone means 80.
fn listen(address: &str) -> Option<u16> {
    if address.starts_with("unix:") {
        return None;
    }
    if let Some(port) = crate::health::number(address) {
        return Some(port);
    }
    match crate::health::split_port(address) {
        (_, Some(port)) => crate::health::number(port),
        (_, None) => (!address.contains('$')).then_some(80),
    }
}

#[cfg(test)]
mod tests;
