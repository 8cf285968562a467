//! Spring, JAX-RS, Micronaut, Ktor, Javalin, Spark, Vert.x, in Java and Kotlin.

use super::annotated::{self, Dialect};
use super::prefix::{Groups, add, holder, is_client};
use super::route::Route;
use crate::lexer::{Call, Source};

const ANNOTATIONS: Dialect = Dialect {
    types: &["RequestMapping", "Path", "Controller"],
    methods: &["GetMapping", "RequestMapping", "Get", "GET"],
    paths: &["Path"],
    clients: &[
        "FeignClient",
        "HttpExchange",
        "RegisterRestClient",
        "Client",
    ],
    names_type: false,
};
const GROUPS: Groups = Groups {
    around: &["route", "path", "nest"],
    chained: &[],
    keyed: &[],
};

pub(super) fn read(source: &Source<'_>) -> Vec<Route> {
    let mut routes = annotated::read(source, &ANNOTATIONS);
    for call in source
        .calls()
        .filter(|call| matches!(call.name, "get" | "GET"))
    {
        let Some(path) = source
            .literal(call.open + 1)
            .filter(|path| path.starts_with('/'))
        else {
            continue;
        };
        let annotation = call.at > 0 && source.is(call.at - 1, b'@');
        if !annotation && !is_client(source, call.at) && handles(source, call) {
            add(
                &mut routes,
                call.open + 1,
                &GROUPS.prefix(source, call.at),
                &path,
            );
        }
    }
    routes
}

/// Whether a handler goes with the path: as an argument, as a block, in the call around, behind.
fn handles(source: &Source<'_>, call: Call<'_>) -> bool {
    let Some(close) = source.mate(call.open) else {
        return false;
    };
    let around = source.parent(call.at).and_then(|open| holder(source, open));
    source.is(close + 1, b'{')
        || source.arguments(call.open).len() > 1
        || call.name == "GET" && around.is_some_and(|outer| outer.name == "route")
        || source.following(call.open).iter().any(|next| {
            matches!(
                next.name,
                "handler" | "respond" | "coroutineHandler" | "blockingHandler"
            )
        })
}
