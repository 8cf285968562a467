//! What is started by a line, by a project's own settings, or by nobody.

use assay_discover::{Clues, Draft, Platform, PortSetting, VariableUse};

use crate::build::*;

fn value(draft: &Draft, path: &str) -> String {
    let text = draft.render();
    let table: toml::Table = toml::from_str(&text).expect("a draft renders to TOML");
    let mut value = toml::Value::Table(table);
    for part in path.split('.') {
        value = value.get(part).cloned().unwrap_or_else(|| "-".into());
    }
    value.to_string().replace(['"', '\n'], "")
}

#[track_caller]
fn check(clues: &Clues, expected: &[(&str, &str)]) {
    let draft = Draft::from_clues(clues, "shop");
    for (path, expected) in expected {
        assert_eq!(
            value(&draft, path),
            *expected,
            "{path} of\n{}",
            draft.render()
        );
    }
}

fn two_lines() -> Clues {
    let uses = VariableUse {
        origin: at("web/server.py:10"),
        name: "API_URL".to_owned(),
    };
    Clues {
        units: vec![
            line("Procfile:1", "web", "python3 web/server.py"),
            line("Procfile:2", "api", "python3 api/server.py"),
            line("Procfile:3", "worker", "python3 api/worker.py"),
        ],
        routes: vec![
            route("api/server.py:20", "/healthz"),
            route("web/server.py:27", "/health"),
        ],
        variables: vec![
            variable(".env.example:2", "PORT", "8000"),
            variable(".env.example:4", "API_URL", "http://127.0.0.1:8001"),
        ],
        uses: vec![uses],
        ..Clues::default()
    }
}

#[test]
fn lines_listen_a_hundred_apart() {
    check(
        &two_lines(),
        &[
            ("service.web.url", "http://127.0.0.1:5000"),
            ("service.web.probe.http", "/health"),
            ("service.web.source", "[web]"),
            ("service.web.depends_on", "[api]"),
            ("service.web.deploy.command", "[python3, server.py]"),
            ("service.web.deploy.env.API_URL", "{service.api.url}"),
            ("service.api.url", "http://127.0.0.1:5100"),
            ("service.api.probe.http", "/healthz"),
            ("service.api.depends_on", "-"),
            ("service.api.deploy.env.PORT", "{port}"),
            ("service.worker", "-"),
        ],
    );
}

#[test]
fn a_line_is_run_where_its_source_is() {
    let with = |command: &str, expected: &[(&str, &str)]| {
        let mut clues = two_lines();
        clues.units = vec![line("Procfile:1", "api", command)];
        check(&clues, expected);
    };
    with(
        "cd api && python3 server.py --port $PORT",
        &[
            ("service.api.source", "[api]"),
            (
                "service.api.deploy.command",
                "[python3, server.py, --port, {port}]",
            ),
        ],
    );
    // A module is found from where the line is run.
    with(
        "uvicorn api.server:app",
        &[
            ("service.api.source", "[.]"),
            ("service.api.probe.http", "/healthz"),
            ("service.api.deploy.command", "[uvicorn, api.server:app]"),
        ],
    );
    with(
        "run --cwd api",
        &[("service.api.source", "[api]"), ("service.api.deploy", "-")],
    );
    with(
        "python3 api/worker.py --listen 7000",
        &[("service.api.url", "-")],
    );
}

#[test]
fn an_image_that_nothing_starts_is_a_service() {
    let image = |exposes: &[u16]| {
        let mut file = dockerfile("Dockerfile:9", "debian", &["."]);
        file.command = vec!["./shop".to_owned()];
        file.exposes = exposes.to_vec();
        file
    };
    let mut clues = Clues {
        dockerfiles: vec![image(&[8000])],
        packages: vec![package("Cargo.toml", "rust", &["axum"])],
        routes: vec![route("src/main.rs:9", "/health_check")],
        ..Clues::default()
    };
    check(
        &clues,
        &[
            ("service.shop.url", "http://127.0.0.1:8000"),
            ("service.shop.probe.http", "/health_check"),
        ],
    );
    clues.dockerfiles = vec![image(&[])];
    check(&clues, &[("service", "-")]);
    let text = Draft::from_clues(&clues, "shop").render();
    assert!(
        text.contains("# probe = { http = \"/health_check\" }"),
        "{text}"
    );
    clues.settings = vec![PortSetting {
        origin: at("config/base.yaml:2"),
        port: 9000,
    }];
    check(&clues, &[("service.shop.url", "http://127.0.0.1:9000")]);
    // Beside what a file starts it is only told of.
    clues.units = vec![
        compose("compose.yml:1", "api")
            .image("x/api")
            .published(80, 80),
    ];
    let draft = Draft::from_clues(&clues, "shop");
    assert_eq!(draft.services.len(), 1);
    let notes = draft.notes.join("\n");
    assert!(
        notes.contains("images that no file starts: Dockerfile"),
        "{notes}"
    );
}

#[test]
fn images_with_the_same_port_rival() {
    let image = |place: &str| {
        let mut file = dockerfile(place, "node", &[]);
        file.exposes = vec![3000];
        file
    };
    let clues = Clues {
        dockerfiles: vec![image("a/Dockerfile:1"), image("b/Dockerfile:1")],
        ..Clues::default()
    };
    let draft = Draft::from_clues(&clues, "shop");
    let disabled = draft
        .services
        .iter()
        .filter_map(|own| own.disabled.as_ref());
    assert_eq!(disabled.count(), 2);
}

#[test]
fn projects_are_reached_where_their_settings_say() {
    let project = |name: &str, port: u16| {
        let mut unit = compose(
            &format!("src/{name}/Properties/launchSettings.json:7"),
            name,
        );
        unit.platform = Platform::Dotnet;
        unit.ports = vec![assay_discover::Port {
            published: Some(port),
            name: Some("http".to_owned()),
            ..assay_discover::Port {
                target: port,
                ..crate::build::port(port)
            }
        }];
        unit
    };
    let manifest = |folder: &str, uses: &[&str]| {
        let mut package = package(&format!("{folder}/x.csproj"), "dotnet", &["asp.net"]);
        package.uses = uses.iter().map(|own| (*own).to_owned()).collect();
        package
    };
    let mut cache = compose("src/Host/Program.cs:5", "cache").image("redis");
    cache.platform = Platform::Dotnet;
    let clues = Clues {
        units: vec![
            project("basket", 5221).after(&["cache"]),
            project("catalog", 5222),
            cache,
        ],
        packages: vec![
            manifest("src/basket", &["src/defaults"]),
            manifest("src/catalog", &["src/defaults"]),
        ],
        routes: vec![route("src/defaults/Extensions.cs:118", "/health")],
        ..Clues::default()
    };
    check(
        &clues,
        &[
            ("service.basket.url", "http://127.0.0.1:5221"),
            ("service.basket.probe.http", "/health"),
            ("service.basket.depends_on", "[cache]"),
            ("service.basket.source", "[src/basket, src/defaults]"),
            ("service.catalog.probe.http", "/health"),
            ("dependency.cache.url", "-"),
        ],
    );
}

#[test]
fn what_is_only_watched_takes_three_lines_of_comment() {
    let mut worker = compose("deploy/environments/docker-compose.yml:1234", "worker").built(".");
    for number in 0..20 {
        worker = worker.env(
            &format!("SERVICE_{number}_ADDRESS"),
            &format!("api{number}"),
        );
    }
    let others = (0..20).map(|number| {
        compose(
            "deploy/environments/docker-compose.yml:1",
            &format!("api{number}"),
        )
        .image("x/api")
    });
    let clues = Clues {
        units: std::iter::once(worker).chain(others).collect(),
        ..Clues::default()
    };
    let text = Draft::from_clues(&clues, "shop").render();
    let (before, _) = text.split_once("[service.worker]").expect("it is active");
    let comment = before.rsplit("\n\n").next().unwrap_or_default();
    assert!(comment.lines().count() <= 3, "{comment}");
    assert!(
        comment.contains("and ") && comment.contains(" more"),
        "{comment}"
    );
    check(
        &clues,
        &[(
            "service.worker.observe",
            "{ docker = { labels = [com.docker.compose.service=worker] } }",
        )],
    );
}

#[test]
fn a_router_of_another_file_makes_a_guess() {
    let mut health = route("api/health.py:3", "/health");
    health.adrift = true;
    let clues = Clues {
        units: vec![
            compose("compose.yml:1", "api")
                .built("api")
                .published(8000, 8000),
        ],
        routes: vec![health],
        ..Clues::default()
    };
    let text = Draft::from_clues(&clues, "shop").render();
    assert!(text.contains("(guess) # check this\nprobe"), "{text}");
}

#[test]
fn secrets_are_names_of_examples() {
    let clues = Clues {
        variables: vec![
            variable(".env.example:1", "SECRET_KEY", ""),
            variable(".env.example:2", "TOKEN_URL", "http://x"),
            variable(".env.example:3", "MODE", "dev"),
            variable(".env:1", "DB_PASSWORD", ""),
            variable("docs/.env.example:1", "DOC_TOKEN", ""),
        ],
        ..Clues::default()
    };
    check(&clues, &[("project.secrets", "[SECRET_KEY]")]);
}
