//! The program of an Aspire host: which projects and stores it starts, and which of them it hands
//! to which.

use std::collections::BTreeMap;

use crate::clue::Origin;
use crate::lexer::{Call, Language, Source};

/// Variables that a resource is handed on through, such as a database of a server.
const HANDS_MAX: usize = 8;

/// What a host starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) projects: Vec<HostedProject>,
    pub(crate) stores: Vec<HostedStore>,
}

/// A project of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostedProject {
    /// `Basket_API` of `AddProject<Projects.Basket_API>("basket-api")`.
    pub(crate) class: String,
    /// `basket-api`.
    pub(crate) name: String,
    pub(crate) origin: Origin,
    /// Names of what it is handed.
    pub(crate) depends_on: Vec<String>,
}

/// A store that runs as a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostedStore {
    pub(crate) name: String,
    pub(crate) image: &'static str,
    pub(crate) origin: Origin,
}

/// Whether a text may be the program of a host.
pub(crate) fn is_host(path: &str, bytes: &[u8]) -> bool {
    path.ends_with(".cs") && memchr::memmem::find(bytes, b"AddProject<").is_some()
}

/// What the program of a host starts; `None` where it starts no project.
pub(crate) fn read(path: &str, text: &str) -> Option<Host> {
    let source = Source::new(text, Language::CSharp);
    let mut host = Host::default();
    // Variable → the resource that it holds.
    let mut held: BTreeMap<&str, String> = BTreeMap::new();
    let mut edges: Vec<(String, &str)> = Vec::new();
    for call in source.calls() {
        if let Some(name) = resource(&source, call, &held) {
            let start = source.chain(call.at).last().map_or(call.at, |(at, _)| *at);
            if let Some(variable) = source.assigned(start) {
                held.insert(variable, name.clone());
            }
            let origin = Origin {
                file: path.to_owned(),
                line: source.line(call.at),
            };
            if let Some(class) = class(&source, call) {
                host.projects.push(HostedProject {
                    class: class.to_owned(),
                    name: name.clone(),
                    origin,
                    depends_on: Vec::new(),
                });
            } else if let Some(image) = image(call.name) {
                host.stores.push(HostedStore {
                    name: name.clone(),
                    image,
                    origin,
                });
            }
            let handed = source.following(call.open).into_iter();
            edges.extend(
                handed.filter_map(|next| Some((name.clone(), handed_over(&source, next)?))),
            );
        } else if let Some((own, other)) = later(&source, call, &held) {
            edges.push((own, other));
        }
    }
    for (own, variable) in edges {
        let project = host.projects.iter_mut().find(|project| project.name == own);
        if let (Some(project), Some(other)) = (project, held.get(variable))
            && *other != own
            && !project.depends_on.contains(other)
        {
            project.depends_on.push(other.clone());
        }
    }
    (!host.projects.is_empty()).then_some(host)
}

/// The name of the resource that a call adds; a database is its server.
fn resource(source: &Source<'_>, call: Call<'_>, held: &BTreeMap<&str, String>) -> Option<String> {
    if call.name == "AddDatabase" {
        let (root, _) = *source.chain(call.at).get(1)?;
        return held.get(source.word(root)?).cloned();
    }
    if class(source, call).is_none() && image(call.name).is_none() {
        return None;
    }
    let arguments = source.arguments(call.open);
    let name = source.only_literal(arguments.first()?)?;
    (!name.is_empty()).then(|| name.into_owned())
}

/// The class between the angle brackets of `AddProject<Projects.X>(`.
fn class<'a>(source: &Source<'a>, call: Call<'_>) -> Option<&'a str> {
    let end = call.open.checked_sub(2)?;
    (call.name == "AddProject" && source.is(end + 1, b'>')).then(|| source.word(end))?
}

/// The image of a store that has a method of its own.
fn image(method: &str) -> Option<&'static str> {
    Some(match method {
        "AddPostgres" => "postgres",
        "AddRedis" => "redis",
        "AddValkey" => "valkey/valkey",
        "AddRabbitMQ" => "rabbitmq",
        "AddMongoDB" => "mongo",
        "AddMySql" => "mysql",
        "AddSqlServer" => "mcr.microsoft.com/mssql/server",
        "AddKafka" => "confluentinc/cp-kafka",
        "AddElasticsearch" => "elasticsearch",
        _ => return None,
    })
}

/// The variable that `WithReference(x)` and `WaitFor(x)` name.
fn handed_over<'a>(source: &Source<'a>, call: Call<'_>) -> Option<&'a str> {
    if !matches!(call.name, "WithReference" | "WaitFor") {
        return None;
    }
    let arguments = source.arguments(call.open);
    source.word(arguments.first()?.start)
}

/// `basket.WithReference(cache)` as a statement of its own.
fn later<'a>(
    source: &Source<'a>,
    call: Call<'_>,
    held: &BTreeMap<&str, String>,
) -> Option<(String, &'a str)> {
    let other = handed_over(source, call)?;
    let chain = source.chain(call.at);
    let (root, _) = *chain.last().filter(|_| chain.len() <= HANDS_MAX)?;
    Some((held.get(source.word(root)?)?.clone(), other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = read("Program.cs", text).map(|host| {
            let projects = host.projects.iter();
            let projects =
                projects.map(|own| format!("{}={} {:?}", own.class, own.name, own.depends_on));
            let stores = host.stores.iter();
            let stores =
                stores.map(|own| format!("{}:{} {}", own.name, own.origin.line, own.image));
            projects.chain(stores).collect::<Vec<_>>().join("; ")
        });
        assert_eq!(found.as_deref().unwrap_or("-"), expected, "{text}");
    }

    #[test]
    fn projects_and_what_they_are_handed() {
        check("var x = 1;", "-");
        check("b.AddProject<Projects.Api>(\"api\");", "Api=api []");
        check(
            "var pg = b.AddPostgres(\"pg\").WithImage(\"x\");\nvar db = pg.AddDatabase(\"orders\");\nvar api = b.AddProject<Projects.Shop_Api>(\"api\", profile)\n  .WithExternalHttpEndpoints()\n  .WithReference(db).WaitFor(db);",
            "Shop_Api=api [\"pg\"]; pg:1 postgres",
        );
        check(
            "var a = b.AddProject<Projects.A>(\"a\");\nvar w = b.AddProject<Projects.W>(\"w\");\nw.WithReference(a);",
            "A=a []; W=w [\"a\"]",
        );
        check("b.AddProject<Projects.A>(name);", "-");
        check("// b.AddProject<Projects.A>(\"a\");", "-");
    }
}
