//! net/http, gorilla, chi, gin, echo, fiber.

use super::prefix::{Groups, Routers, add, excludes_get, first, is_client, root};
use super::route::Route;
use crate::lexer::{Call, Source};

const GROUPS: Groups = Groups {
    around: &["Route"],
    chained: &["PathPrefix", "Group"],
    keyed: &[],
};

pub(super) fn read(source: &Source<'_>) -> Vec<Route> {
    let routers = routers(source);
    let mut routes = Vec::new();
    for call in source
        .calls()
        .filter(|call| source.receiver_end(call.at).is_some())
    {
        let arguments = source.arguments(call.open);
        let method_first = match call.name {
            "HandleFunc" | "Handle" | "Handler" | "HandlerFunc" => {
                source
                    .literal(call.open + 1)
                    .is_some_and(|first| !first.contains('/'))
                    || source.word(call.open + 1) == Some("http") && arguments.len() > 2
            }
            "Method" | "MethodFunc" | "Add" => true,
            "GET" | "Any" => false,
            "Get" | "All" if !is_client(source, call.at) => false,
            "Path" => false,
            _ => continue,
        };
        let methods_after = source.following(call.open);
        let other = methods_after
            .iter()
            .filter(|next| next.name == "Methods")
            .any(|next| {
                source
                    .mate(next.open)
                    .is_some_and(|close| excludes_get(source, &(next.open..close)))
            });
        let needed = match call.name {
            // gorilla: `r.Path("/health").HandlerFunc(h)`
            "Path"
                if methods_after
                    .iter()
                    .any(|next| next.name.starts_with("Handler")) =>
            {
                1
            }
            "Path" => continue,
            _ => 2 + method_first as usize,
        };
        if other || arguments.len() < needed {
            continue;
        }
        if method_first && excludes_get(source, &arguments[0]) {
            continue;
        }
        let argument = &arguments[method_first as usize];
        let Some(pattern) = source.only_literal(argument) else {
            continue;
        };
        // net/http since Go 1.22: "GET /health".
        let path = match pattern.split_once(' ') {
            Some(("GET", path)) => path.trim_start(),
            Some(_) => continue,
            None => pattern.as_ref(),
        };
        if path.starts_with('/') {
            add(
                &mut routes,
                argument.start,
                &prefix(source, &routers, call),
                path,
            );
        }
    }
    routes
}

fn routers<'a>(source: &Source<'a>) -> Routers<'a> {
    let mut routers = Routers::default();
    for call in source.calls() {
        match call.name {
            "Group" | "PathPrefix" => {
                let chain = source.chain(call.at);
                let Some((start, _)) = chain.last() else {
                    continue;
                };
                let (Some(name), Some(own)) = (source.assigned(*start), first(source, call.open))
                else {
                    continue;
                };
                let outer = root(source, call.at)
                    .map_or_else(String::new, |parent| routers.prefix(call.at, parent));
                routers.assign(call.at, name, format!("{outer}/{own}"));
            }
            "Mount" => {
                let arguments = source.arguments(call.open);
                let name = arguments.get(1).and_then(|run| source.word(run.start));
                if let (Some(name), Some(prefix)) = (name, first(source, call.open)) {
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
