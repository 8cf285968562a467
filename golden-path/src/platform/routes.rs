//! The routes that a bundle declares, and which of them a request means.

/// The method of a route that takes WebSockets.
pub(crate) const WEBSOCKET: &str = "WS";

/// One `route(…)` or `websocket(…)` of the entry script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Function of the entry script.
    pub(crate) handler: String,
}

/// What the table says about a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Match<'a> {
    Found(&'a Route, Vec<(String, String)>),
    /// The path exists with another method.
    WrongMethod,
    Unknown,
}

/// Finds the route of a request; the first that was declared wins.
pub(crate) fn find<'a>(routes: &'a [Route], method: &str, path: &str) -> Match<'a> {
    let mut known = false;
    for route in routes {
        let Some(params) = fits(&route.path, path) else {
            continue;
        };
        if route.method == method {
            return Match::Found(route, params);
        }
        known = true;
    }
    if known {
        Match::WrongMethod
    } else {
        Match::Unknown
    }
}

/// The values of `{name}` segments when `path` has the shape of `pattern`.
fn fits(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
    let mut params = Vec::new();
    let mut wanted = pattern.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(params),
            (Some(wanted), Some(given)) => {
                let name = wanted
                    .strip_prefix('{')
                    .and_then(|rest| rest.strip_suffix('}'));
                match name {
                    Some(name) if !given.is_empty() => {
                        params.push((name.to_owned(), given.to_owned()));
                    }
                    None if wanted == given => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, path: &str, expected: &str) {
        let route = |method: &str, path: &str, handler: &str| Route {
            method: method.into(),
            path: path.into(),
            handler: handler.into(),
        };
        let routes = [
            route("GET", "/", "home"),
            route("GET", "/things", "list"),
            route("POST", "/things", "create"),
            route("GET", "/things/{id}", "one"),
            route("GET", "/things/{id}/parts/{part}", "part"),
        ];
        let found = match find(&routes, method, path) {
            Match::Found(route, params) => {
                let values: Vec<String> = params
                    .into_iter()
                    .map(|(name, value)| format!(" {name}={value}"))
                    .collect();
                format!("{}{}", route.handler, values.concat())
            }
            Match::WrongMethod => "405".into(),
            Match::Unknown => "404".into(),
        };
        assert_eq!(found, expected, "{method} {path}");
    }

    #[test]
    fn a_request_finds_its_route() {
        check("GET", "/", "home");
        check("GET", "/things", "list");
        check("POST", "/things", "create");
        check("DELETE", "/things", "405");
        check("GET", "/things/7", "one id=7");
        check("GET", "/things/", "404");
        check("GET", "/things/7/parts/x", "part id=7 part=x");
        check("GET", "/things/7/parts", "404");
        check("GET", "/nothing", "404");
    }
}
