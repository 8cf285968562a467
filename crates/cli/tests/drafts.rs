//! What a hostile repository says of itself still becomes a configuration that reads well, and
//! that lacks nothing of itself.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;

use assay_discover::{
    Build, Clues, Dockerfile, Draft, Front, HealthCheck, HealthCheckKind, HealthRoute, Origin,
    Package, Platform, Port, PortSetting, ProxyRule, TestProject, Unit, Unreadable, Variable,
    VariableUse, merge,
};
use proptest::prelude::*;

/// Names that meet one another, plain ones and ones that want to break out.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "a|b|api|web|db|API_URL|WEB_HOST|DB_PASSWORD|PORT|postgres|redis|project|url",
        1 => "\\PC{0,10}",
        1 => "[a-z.\"'\\[\\]{}\n\r\t$#\\\\/:=@ ~-]{0,12}",
        1 => Just("\u{feff}\u{202e}é\u{0}\u{7f}".to_owned()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        name(),
        "(http|redis|postgres|env|tcp)://(a|b|api|localhost|[^a]{1,4})(:[0-9]{1,6})?(/[^b]{0,4})?",
        "[0-9]{1,6}",
        "env:[A-Z]{0,4}|\\{port\\}|\\{service\\.(a|zzz)\\.url\\}|\\{x\\}|\\$PORT|\\$\\{PORT:-[^a]\\}",
        "(\\.\\./|/|\\./|a/|\\*){1,4}(a|b|server\\.py|Dockerfile)",
    ]
}

fn file() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "compose\\.yml|k8s/a\\.yaml|Procfile|\\.env\\.example|a/server\\.py|Dockerfile|a/Dockerfile|a/a\\.csproj",
        1 => text(),
    ]
}

fn origin() -> impl Strategy<Value = Origin> {
    (file(), prop_oneof![Just(0), 1_u64..9, Just(u64::MAX)])
        .prop_map(|(file, line)| Origin { file, line })
}

fn port_number() -> impl Strategy<Value = u16> {
    prop_oneof![
        Just(0),
        Just(80),
        Just(443),
        Just(5432),
        Just(8000),
        any::<u16>()
    ]
}

fn port() -> impl Strategy<Value = Port> {
    (
        prop::option::of(port_number()),
        prop::option::of(text()),
        port_number(),
        "tcp|udp|sctp|",
        prop::option::of(text()),
    )
        .prop_map(|(published, host, target, protocol, name)| Port {
            published,
            host,
            target,
            protocol,
            name,
        })
}

fn health() -> impl Strategy<Value = HealthCheck> {
    let kind = prop_oneof![
        (text(), prop::option::of(port_number()), text())
            .prop_map(|(scheme, port, path)| HealthCheckKind::Http { scheme, port, path }),
        port_number().prop_map(|port| HealthCheckKind::Tcp { port }),
        (port_number(), text()).prop_map(|(port, service)| HealthCheckKind::Grpc { port, service }),
        prop::collection::vec(text(), 0..3).prop_map(HealthCheckKind::Command),
    ];
    (kind, origin()).prop_map(|(kind, origin)| HealthCheck {
        kind,
        origin,
        timeout_ms: None,
    })
}

fn pairs() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(name(), text(), 0..3)
}

fn build() -> impl Strategy<Value = Build> {
    (text(), text()).prop_map(|(context, dockerfile)| Build {
        context,
        dockerfile,
    })
}

fn unit() -> impl Strategy<Value = Unit> {
    let platform = prop_oneof![
        Just(Platform::Compose),
        Just(Platform::Kubernetes),
        Just(Platform::Procfile),
        Just(Platform::Dotnet),
    ];
    let who = (name(), origin(), platform, prop::option::of(text()));
    let what = (
        prop::option::of(text()),
        prop::option::of(build()),
        prop::collection::vec(port(), 0..3),
        pairs(),
        prop::collection::vec(text(), 0..4),
    );
    let more = (
        prop::collection::vec(name(), 0..3),
        prop::option::of(health()),
        pairs(),
        prop::collection::vec(text(), 0..2),
        prop::option::of(text()),
        prop::bool::weighted(0.1),
    );
    (who, what, more).prop_map(|(who, what, more)| {
        let (name, origin, platform, namespace) = who;
        let (image, build, ports, env, command) = what;
        let (depends_on, health, labels, profiles, container_name, one_shot) = more;
        Unit {
            name,
            origin,
            platform,
            namespace,
            image,
            build,
            ports,
            env,
            depends_on,
            depends_on_at: None,
            command,
            health,
            labels,
            profiles,
            container_name,
            one_shot,
        }
    })
}

fn front() -> impl Strategy<Value = Front> {
    let rule = (prop::option::of(text()), text(), name());
    (
        name(),
        origin(),
        prop::option::of(text()),
        pairs(),
        prop::collection::vec(port(), 0..2),
        prop::collection::vec(rule, 0..2),
    )
        .prop_map(|(name, origin, namespace, selector, ports, rules)| Front {
            name,
            origin,
            namespace,
            selector,
            ports,
            rules,
        })
}

fn dockerfile() -> impl Strategy<Value = Dockerfile> {
    (
        origin(),
        prop::option::of(text()),
        prop::collection::vec(port_number(), 0..2),
        prop::collection::vec(text(), 0..2),
        prop::collection::vec(text(), 0..2),
        prop::option::of(health()),
    )
        .prop_map(
            |(origin, from, exposes, command, copies, health)| Dockerfile {
                origin,
                from,
                exposes,
                command,
                copies,
                health,
            },
        )
}

fn suite() -> impl Strategy<Value = TestProject> {
    (
        origin(),
        "pytest|libtest|playwright|junit|jest|[^a]{0,4}",
        text(),
        prop::collection::vec(text(), 0..3),
        any::<bool>(),
        prop::collection::vec(name(), 0..3),
    )
        .prop_map(
            |(origin, runner, folder, paths, end_to_end, variables)| TestProject {
                origin,
                runner,
                folder,
                paths,
                end_to_end,
                variables,
            },
        )
}

fn package() -> impl Strategy<Value = Package> {
    (
        origin(),
        text(),
        prop::option::of(name()),
        "rust|python|dotnet|[^a]{0,4}",
        prop::collection::vec("fastapi|asp\\.net|spring-boot-starter-actuator|axum", 0..2),
        prop::collection::vec(text(), 0..2),
    )
        .prop_map(|(origin, folder, name, language, notable, uses)| Package {
            origin,
            folder,
            name,
            language,
            runs: true,
            notable,
            uses,
        })
}

fn clues() -> impl Strategy<Value = Clues> {
    let proxy = (origin(), text(), prop::collection::vec(text(), 0..2));
    let route = (origin(), text(), any::<bool>(), any::<bool>());
    let running = (
        prop::collection::vec(unit(), 0..6),
        prop::collection::vec(front(), 0..3),
        prop::collection::vec(dockerfile(), 0..3),
        prop::collection::vec(proxy, 0..2),
    );
    let code = (
        prop::collection::vec(route, 0..3),
        prop::collection::vec(package(), 0..3),
        prop::collection::vec(suite(), 0..3),
        prop::collection::vec((origin(), name(), text()), 0..4),
        prop::collection::vec((origin(), name()), 0..3),
        prop::collection::vec((origin(), port_number()), 0..2),
        prop::collection::vec((origin(), text()), 0..2),
    );
    (running, code).prop_map(|(running, code)| {
        let (units, fronts, dockerfiles, proxies) = running;
        let (routes, packages, tests, variables, uses, settings, unreadable) = code;
        let proxies = proxies.into_iter();
        let routes = routes.into_iter();
        let variables = variables.into_iter();
        Clues {
            units,
            fronts,
            dockerfiles,
            proxies: proxies
                .map(|(origin, location, upstreams)| ProxyRule {
                    origin,
                    listens: vec![80],
                    tls: false,
                    names: Vec::new(),
                    location,
                    upstreams,
                })
                .collect(),
            routes: routes
                .map(|(origin, path, documented, adrift)| HealthRoute {
                    origin,
                    path,
                    documented,
                    adrift,
                })
                .collect(),
            packages,
            tests,
            variables: variables
                .map(|(origin, name, example)| Variable {
                    origin,
                    name,
                    example,
                })
                .collect(),
            uses: uses
                .into_iter()
                .map(|(origin, name)| VariableUse { origin, name })
                .collect(),
            settings: settings
                .into_iter()
                .map(|(origin, port)| PortSetting { origin, port })
                .collect(),
            unreadable: unreadable
                .into_iter()
                .map(|(origin, reason)| Unreadable { origin, reason })
                .collect(),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_repository_gives_a_configuration_that_reads_well(clues in clues(), name in name()) {
        let draft = Draft::from_clues(&clues, &name);
        let text = draft.render();
        let root = std::path::Path::new(".");
        // No variable is set, as on the machine of somebody who has just looked at the project.
        let parsed = assay_config::parse(&text, "assay.toml", root, &|_| None);
        if let Err(problems) = parsed {
            let told: Vec<String> = problems.iter().map(|problem| problem.message.clone()).collect();
            prop_assert!(false, "{told:?}\n{text}");
        }
        let merged = merge(&text, &draft);
        prop_assert!(merged.is_ok(), "{merged:?}\n{text}");
        let merged = merged.unwrap();
        prop_assert_eq!(merged.added, Vec::<String>::new(), "{}", text);
        prop_assert_eq!(merged.text, text);
    }
}
