//! Express, Fastify, Koa, Hono, Hapi, Restify and NestJS, in JavaScript and TypeScript.

use super::annotated::{self, Dialect};
use super::prefix::{Groups, Routers, add, excludes_get, first, is_client, keyed_prefix, root};
use super::route::Route;
use crate::lexer::{Call, Source};

const GROUPS: Groups = Groups {
    around: &["group"],
    chained: &["basePath"],
    keyed: &["register"],
};

const NEST: Dialect = Dialect {
    types: &["Controller"],
    methods: &["Get", "All"],
    paths: &[],
    clients: &[],
    names_type: false,
};

pub(super) fn read(source: &Source<'_>) -> Vec<Route> {
    let routers = routers(source);
    let mut routes = annotated::read(source, &NEST);
    for call in source
        .calls()
        .filter(|call| source.receiver_end(call.at).is_some())
    {
        if is_client(source, call.at) {
            continue;
        }
        match call.name {
            "get" | "all" | "use" => handled(source, &routers, call, &mut routes),
            "route" => route(source, &routers, call, &mut routes),
            _ => {}
        }
    }
    routes
}

/// Routers with a prefix of their own, and those that are used under one.
fn routers<'a>(source: &Source<'a>) -> Routers<'a> {
    let mut routers = Routers::default();
    for call in source.calls() {
        let arguments = source.arguments(call.open);
        match call.name {
            "Router" | "Hono" | "basePath" | "Elysia" => {
                let chain = source.chain(call.at);
                let whole = chain.last().map_or(call.at, |(at, _)| *at);
                let prefix = match call.name {
                    "basePath" => first(source, call.open),
                    _ => keyed_prefix(source, call.open),
                };
                if let (Some(name), Some(prefix)) = (source.assigned(whole), prefix) {
                    routers.assign(call.at, name, prefix);
                }
            }
            "use" | "route" if arguments.len() > 1 => {
                let last = arguments.last().filter(|run| run.len() == 1);
                let name = last.and_then(|run| source.word(run.start));
                if let (Some(name), Some(prefix)) = (name, first(source, call.open)) {
                    routers.mount(name, prefix);
                }
            }
            "prefix" => {
                if let (Some(name), Some(prefix)) =
                    (root(source, call.at), first(source, call.open))
                {
                    routers.mount(name, prefix);
                }
            }
            // fastify.register(routes, { prefix: '/api' })
            "register" if arguments.len() > 1 => {
                let name = source
                    .word(arguments[0].start)
                    .filter(|_| arguments[0].len() == 1);
                if let (Some(name), Some(prefix)) = (name, keyed_prefix(source, call.open)) {
                    routers.mount(name, prefix);
                }
            }
            _ => {}
        }
    }
    routers
}

fn prefix(source: &Source<'_>, routers: &Routers<'_>, call: Call<'_>) -> String {
    let own = root(source, call.at).map_or_else(String::new, |name| routers.prefix(call.at, name));
    format!("{}/{own}", GROUPS.prefix(source, call.at))
}

/// `app.get('/health', handler)`.
fn handled(source: &Source<'_>, routers: &Routers<'_>, call: Call<'_>, routes: &mut Vec<Route>) {
    let arguments = source.arguments(call.open);
    let (Some(path), Some(handler)) = (arguments.first(), arguments.last()) else {
        return;
    };
    // An options object or a text is what a client gets.
    let handles = !source.is(handler.start, b'{') && source.only_literal(handler).is_none();
    if arguments.len() < 2 || !handles {
        return;
    }
    let prefix = prefix(source, routers, call);
    for (at, path) in source.literals(path) {
        if path.starts_with('/') {
            add(routes, at, &prefix, &path);
        }
    }
}

/// `app.route('/health').get(handler)` and `server.route({ method: 'GET', path: '/health' })`.
fn route(source: &Source<'_>, routers: &Routers<'_>, call: Call<'_>, routes: &mut Vec<Route>) {
    let arguments = source.arguments(call.open);
    let Some(argument) = arguments.first() else {
        return;
    };
    let prefix = prefix(source, routers, call);
    if source.is(argument.start, b'{') {
        let inner = source.arguments(argument.start);
        let methods = source.keyed(&inner, &["method"]);
        let path = source.keyed(&inner, &["url", "path"]);
        if let (Some(methods), Some(path)) = (methods, path)
            && !excludes_get(source, &methods)
            && let Some(value) = source.only_literal(&path)
        {
            add(routes, path.start, &prefix, &value);
        }
        return;
    }
    let gets = source
        .following(call.open)
        .iter()
        .any(|next| matches!(next.name, "get" | "all"));
    if let Some(path) = source.only_literal(argument).filter(|_| gets) {
        add(routes, argument.start, &prefix, &path);
    }
}
