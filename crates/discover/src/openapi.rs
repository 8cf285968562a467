//! Health routes in OpenAPI 3 and Swagger 2 documents, YAML or JSON.

use crate::clue::{HealthRoute, Origin};
use crate::routes;
use crate::yaml::Node;

/// The paths that answer GET and that a health check would ask; none for another document.
pub(crate) fn read(path: &str, document: &Node) -> Vec<HealthRoute> {
    let version = |key| document.str_at(key).unwrap_or_default();
    let base = if version("openapi").starts_with("3.") {
        server_path(document).unwrap_or_default()
    } else if version("swagger").starts_with("2.") || version("swagger") == "2" {
        document.str_at("basePath").unwrap_or_default().to_owned()
    } else {
        return Vec::new();
    };
    if routes::is_test(path) {
        return Vec::new();
    }
    let Some(paths) = document.get("paths") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in paths
        .entries()
        .iter()
        .filter(|entry| entry.value.get("get").is_some())
    {
        let base = server_path(&entry.value).unwrap_or_else(|| base.clone());
        let Some(joined) = routes::join(&base, &entry.key).filter(|route| routes::is_health(route))
        else {
            continue;
        };
        found.push(HealthRoute {
            origin: Origin {
                file: path.to_owned(),
                line: entry.line,
            },
            path: joined,
            documented: true,
            adrift: false,
        });
    }
    found
}

/// The path of the first server, its variables replaced by their defaults; `None` without one.
fn server_path(holder: &Node) -> Option<String> {
    let server = holder.get("servers")?.items().first()?;
    let mut url = server.str_at("url")?.to_owned();
    for variable in server
        .get("variables")
        .map(Node::entries)
        .unwrap_or_default()
    {
        if let Some(default) = variable.value.str_at("default") {
            url = url.replace(&format!("{{{}}}", variable.key), default);
        }
    }
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => url.as_str(),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    // A variable without a default: the prefix is not known.
    Some(if path.contains('{') {
        String::new()
    } else {
        path.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, u64)]) {
        let documents = yaml::read(text).expect("a test document is YAML");
        let found: Vec<_> = documents
            .iter()
            .flat_map(|document| read("api/openapi.yaml", document))
            .collect();
        let shown: Vec<_> = found
            .iter()
            .map(|route| (route.path.as_str(), route.origin.line))
            .collect();
        assert_eq!(shown, expected, "{text}");
        assert!(found.iter().all(|route| route.documented));
    }

    #[test]
    fn version_three() {
        check(
            "openapi: 3.0.1\npaths:\n  /health:\n    get: {}\n",
            &[("/health", 3)],
        );
        check("openapi: 3.1.0\npaths:\n  /health:\n    post: {}\n", &[]);
        check("openapi: 3.0.1\npaths:\n  /orders/status: {get: {}}\n", &[]);
        check("openapi: 3.0.1\npaths:\n  /health/{part}: {get: {}}\n", &[]);
        let server = |url: &str, rest: &str| {
            format!(
                "openapi: 3.0.1\nservers: [{{url: '{url}'{rest}}}]\npaths: {{/health: {{get: {{}}}}}}"
            )
        };
        check(&server("https://example.com/v1", ""), &[("/v1/health", 3)]);
        check(&server("https://example.com", ""), &[("/health", 3)]);
        check(&server("/api/", ""), &[("/api/health", 3)]);
        check(&server("/{base}", ""), &[("/health", 3)]);
        check(
            &server("/{base}", ", variables: {base: {default: v2}}"),
            &[("/v2/health", 3)],
        );
    }

    #[test]
    fn a_path_has_servers_of_its_own() {
        let text = "openapi: 3.0.1\nservers: [{url: /api}]\npaths:\n  /readyz:\n    servers: [{url: /}]\n    get: {}\n";
        check(text, &[("/readyz", 4)]);
    }

    #[test]
    fn version_two_and_json() {
        check(
            "swagger: '2.0'\nbasePath: /v1\npaths: {/ping: {get: {}}}",
            &[("/v1/ping", 3)],
        );
        check(
            "{\"swagger\":\"2.0\",\"paths\":{\"/healthz\":{\"get\":{}}}}",
            &[("/healthz", 1)],
        );
    }

    #[test]
    fn other_documents() {
        check("paths: {/health: {get: {}}}", &[]);
        check("openapi: [3]\npaths: {/health: {get: {}}}", &[]);
        check("openapi: 3.0.0\npaths: []", &[]);
        check(
            "openapi: 3.0.0\nservers: {}\npaths: {/health: {get: {}}}",
            &[("/health", 3)],
        );
    }
}
