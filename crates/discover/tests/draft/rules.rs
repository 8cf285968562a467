//! One rule at a time.

use assay_discover::{Clues, Draft, HealthCheckKind, Unit};

use crate::build::*;

fn draft(units: Vec<Unit>) -> Draft {
    let clues = Clues {
        units,
        ..Clues::default()
    };
    Draft::from_clues(&clues, "shop")
}

/// A value of the draft: `service.api.url`, `dependency.db.probe`.
fn value(draft: &Draft, path: &str) -> String {
    let text = draft.render();
    let table: toml::Table = toml::from_str(&text).expect("a draft renders to TOML");
    let mut value = toml::Value::Table(table);
    for part in path.split('.') {
        value = value.get(part).cloned().unwrap_or_else(|| "-".into());
    }
    value.to_string().replace(['"', '\n'], "")
}

fn check(units: Vec<Unit>, path: &str, expected: &str) {
    let draft = draft(units);
    let got = value(&draft, path);
    assert_eq!(got, expected, "{path} of\n{}", draft.render());
}

fn api() -> Unit {
    compose("compose.yml:1", "api").built("api")
}

#[test]
fn urls_come_from_published_ports() {
    check(
        vec![api().published(8000, 80)],
        "service.api.url",
        "http://127.0.0.1:8000",
    );
    check(
        vec![api().published(80, 80)],
        "service.api.url",
        "http://127.0.0.1",
    );
    check(
        vec![api().published(8443, 8443)],
        "service.api.url",
        "https://127.0.0.1:8443",
    );
    check(
        vec![api().published(1883, 1883)],
        "service.api.url",
        "tcp://127.0.0.1:1883",
    );
    check(
        vec![api().published(9229, 9229).published(8000, 8000)],
        "service.api.url",
        "http://127.0.0.1:8000",
    );
    check(
        vec![api().published(443, 443).published(80, 80)],
        "service.api.url",
        "http://127.0.0.1",
    );
    check(vec![api().inside(8000)], "service.api.url", "-");
    let mut unit = api().published(8000, 8000);
    unit.ports[0].host = Some("192.168.1.5".to_owned());
    check(
        vec![unit.clone()],
        "service.api.url",
        "http://192.168.1.5:8000",
    );
    unit.ports[0].host = Some("0.0.0.0".to_owned());
    check(
        vec![unit.clone()],
        "service.api.url",
        "http://127.0.0.1:8000",
    );
    unit.ports[0].protocol = "udp".to_owned();
    check(vec![unit], "service.api.url", "-");
}

#[test]
fn probes_come_from_health_checks_that_fit() {
    let unit = |kind| vec![api().published(8000, 8000).checked("compose.yml:5", kind)];
    let guess = "{ expect = [2xx, 3xx], http = / }";
    check(
        unit(http(8000, "/health")),
        "service.api.probe",
        "{ http = /health }",
    );
    check(unit(http(8081, "/health")), "service.api.probe", guess);
    check(
        unit(http(8000, "/h?token=x")),
        "service.api.probe",
        "{ http = /h }",
    );
    check(
        unit(HealthCheckKind::Tcp { port: 8000 }),
        "service.api.probe",
        "{ tcp = true }",
    );
    check(
        unit(HealthCheckKind::Command(vec!["x".into()])),
        "service.api.probe",
        guess,
    );
    let grpc = HealthCheckKind::Grpc {
        port: 8000,
        service: "shop.Api".to_owned(),
    };
    check(unit(grpc), "service.api.probe", "{ grpc = shop.Api }");
}

#[test]
fn routes_belong_to_the_nearest_folder() {
    let clues = Clues {
        units: vec![
            compose("compose.yml:1", "api")
                .built("src")
                .published(8000, 8000),
            compose("compose.yml:5", "auth")
                .built("src/auth")
                .published(8001, 8001),
        ],
        routes: vec![
            route("src/auth/main.go:3", "/ready"),
            route("src/main.go:3", "/health"),
        ],
        ..Clues::default()
    };
    let draft = Draft::from_clues(&clues, "shop");
    assert_eq!(value(&draft, "service.api.probe.http"), "/health");
    assert_eq!(value(&draft, "service.auth.probe.http"), "/ready");
}

#[test]
fn stores_are_dependencies_with_their_own_probes() {
    let store =
        |image: &str, port| vec![compose("c.yml:1", "x").image(image).published(port, port)];
    let check_store = |image, port, url, probe| {
        check(store(image, port), "dependency.x.url", url);
        check(store(image, port), "dependency.x.probe", probe);
    };
    check_store(
        "redis:7",
        6379,
        "redis://127.0.0.1:6379",
        "{ redis = PING }",
    );
    check_store(
        "postgis/postgis",
        5432,
        "postgres://postgres@127.0.0.1:5432",
        "{ postgres = select 1 }",
    );
    check_store(
        "yandex/clickhouse-server",
        9000,
        "clickhouse://127.0.0.1:9000",
        "{ clickhouse = select 1 }",
    );
    check_store(
        "clickhouse/clickhouse-server",
        8123,
        "http://127.0.0.1:8123",
        "{ clickhouse = select 1 }",
    );
    check_store(
        "mongo:7",
        27017,
        "mongodb://127.0.0.1:27017",
        "{ tcp = true }",
    );
    check_store(
        "elasticsearch:8",
        9200,
        "http://127.0.0.1:9200",
        "{ http = /_cluster/health }",
    );
    check_store(
        "prom/prometheus",
        9090,
        "http://127.0.0.1:9090",
        "{ http = /-/ready }",
    );
    check(
        vec![
            compose("c.yml:1", "postgres-exporter")
                .image("prometheuscommunity/postgres-exporter")
                .published(9187, 9187),
        ],
        "service.postgres-exporter.url",
        "tcp://127.0.0.1:9187",
    );
}

#[test]
fn a_store_that_is_built_here_is_told_by_its_base_or_its_users() {
    let built = compose("compose.yml:1", "db")
        .built("docker/db")
        .published(5432, 5432);
    let clues = Clues {
        units: vec![built.clone()],
        dockerfiles: vec![dockerfile("docker/db/Dockerfile:1", "postgres:16", &[])],
        ..Clues::default()
    };
    let draft = Draft::from_clues(&clues, "shop");
    assert_eq!(value(&draft, "dependency.db.probe.postgres"), "select 1");
    let user = api()
        .env("X", "postgres://me@db/orders")
        .published(8000, 8000);
    check(
        vec![built, user],
        "dependency.db.url",
        "postgres://me@127.0.0.1:5432/orders",
    );
    let named = compose("compose.yml:1", "postgres")
        .image("acme/upgrader")
        .published(5432, 5432);
    check(
        vec![named],
        "dependency.postgres.probe",
        "{ postgres = select 1 }",
    );
    let unresolved = compose("compose.yml:1", "valkey-cart")
        .image("${IMAGE}")
        .published(6379, 6379);
    check(
        vec![unresolved],
        "dependency.valkey-cart.probe",
        "{ redis = PING }",
    );
    let worker = compose("compose.yml:1", "redis-worker")
        .built("worker")
        .published(8000, 8000);
    check(
        vec![worker],
        "service.redis-worker.url",
        "http://127.0.0.1:8000",
    );
}

#[test]
fn edges_come_from_depends_on_and_addresses() {
    let other = || {
        compose("compose.yml:9", "auth")
            .built("auth")
            .published(9000, 9000)
    };
    let edges = |unit: Unit, expected: &str| {
        check(
            vec![unit.published(8000, 8000), other()],
            "service.api.depends_on",
            expected,
        );
    };
    edges(api().after(&["auth"]), "[auth]");
    edges(api().env("X", "http://auth:9000/x"), "[auth]");
    edges(api().env("AUTH_HOST", "auth"), "[auth]");
    edges(api().env("X", "http://localhost:9000"), "[auth]");
    edges(api().env("MODE", "auth"), "-");
    edges(api().env("X", "http://auth.example.com"), "-");
    edges(api().env("X", "http://api:8000").after(&["api"]), "-");
    edges(api().after(&["nobody"]), "-");
}

#[test]
fn circles_are_opened_and_named() {
    let one = api().published(8000, 8000).after(&["auth"]);
    let other = compose("compose.yml:9", "auth")
        .built("auth")
        .published(9000, 9000);
    let draft = draft(vec![one, other.env("API", "http://api:8000")]);
    assert_eq!(value(&draft, "service.api.depends_on"), "[auth]");
    assert_eq!(value(&draft, "service.auth.depends_on"), "-");
    assert!(
        draft
            .notes
            .iter()
            .any(|note| note.contains("auth depends on api"))
    );
}

#[test]
fn what_platforms_call_alike_is_one_thing() {
    let units = |name: &str| vec![api().published(8000, 8000), workload("k.yml:1", name)];
    for (name, expected) in [
        ("api", 1),
        ("shop-api", 1),
        ("api-service", 1),
        ("API", 1),
        ("admin-api", 2),
        ("gateway", 2),
    ] {
        assert_eq!(draft(units(name)).services.len(), expected, "{name}");
    }
    // Two of one file are two things, whatever they are called.
    let two = vec![api(), compose("compose.yml:9", "shop-api").built("x")];
    assert_eq!(draft(two).services.len(), 2);
}

#[test]
fn two_environments_are_never_mixed() {
    let store = |published: &[u16]| {
        let unit = compose("compose.yml:9", "db").image("postgres");
        published
            .iter()
            .fold(unit, |unit, port| unit.published(*port, 5432))
    };
    let workloads = || {
        vec![
            workload("k.yml:1", "db").image("postgres"),
            workload("k.yml:9", "api"),
        ]
    };
    let url = |units: Vec<Unit>, path: &str| {
        let clues = Clues {
            units: [units, workloads()].concat(),
            fronts: vec![
                service("k.yml:20", "db", "n", 5432, 5432),
                service("k.yml:30", "api", "n", 80, 80),
            ],
            ..Clues::default()
        };
        value(&Draft::from_clues(&clues, "shop"), path)
    };
    let here = || api().published(8000, 8000);
    assert_eq!(url(vec![here(), store(&[])], "dependency.db.url"), "-");
    assert_eq!(url(vec![here()], "dependency.db.url"), "-");
    assert_eq!(
        url(vec![here()], "service.api.url"),
        "http://127.0.0.1:8000"
    );
    // What runs here without a port is not reached through the cluster either.
    let hidden = compose("compose.yml:20", "worker").built("worker");
    let clues = Clues {
        units: vec![here(), hidden, workload("k.yml:40", "worker")],
        fronts: vec![service("k.yml:50", "worker", "n", 80, 80)],
        ..Clues::default()
    };
    let draft = Draft::from_clues(&clues, "shop");
    assert_eq!(value(&draft, "service.worker.url"), "-");
    assert!(
        !draft.render().contains("cluster.local"),
        "{}",
        draft.render()
    );
    // A stack of stores alone leaves the services to the cluster.
    assert_eq!(
        url(vec![store(&[5432])], "service.api.url"),
        "http://api.n.svc.cluster.local"
    );
    assert_eq!(
        url(vec![], "dependency.db.url"),
        "postgres://postgres@db.n.svc.cluster.local:5432"
    );
}

#[test]
fn profiles_and_jobs_are_set_apart() {
    let mut debug = compose("compose.yml:9", "debug")
        .image("x/debug")
        .published(9000, 9000);
    debug.profiles = vec!["dev".to_owned()];
    let mut job = compose("compose.yml:20", "seed").built("api");
    job.one_shot = true;
    let draft = draft(vec![api().published(8000, 8000), debug, job]);
    let by_name = |name: &str| draft.services.iter().find(|own| own.name == name);
    assert!(by_name("api").unwrap().disabled.is_none());
    assert!(
        by_name("debug")
            .unwrap()
            .disabled
            .as_ref()
            .unwrap()
            .contains("profile dev")
    );
    assert!(by_name("seed").is_none());
    assert!(
        draft
            .notes
            .iter()
            .any(|note| note.contains("seed (compose.yml:20)"))
    );
}

#[test]
fn no_secret_is_written() {
    let hush = "hunter2";
    let clues = Clues {
        units: vec![
            api()
                .published(8000, 8000)
                .env("DATABASE_URL", &format!("postgres://me:{hush}@db/x"))
                .env("CACHE", &format!("redis://{hush}@cache:6379"))
                .checked("c.yml:3", http(8000, &format!("/health?api_key={hush}"))),
            compose("compose.yml:5", "db")
                .image("postgres")
                .published(5432, 5432),
            compose("compose.yml:8", "cache")
                .image("redis")
                .published(6379, 6379)
                .env("REDIS_PASSWORD", hush),
        ],
        variables: vec![variable(
            ".env.example:1",
            "MYSQL",
            &format!("mysql://a:{hush}@localhost/x"),
        )],
        ..Clues::default()
    };
    let draft = Draft::from_clues(&clues, "shop");
    let (text, json) = (draft.render(), draft.to_json().to_string());
    assert!(
        !text.contains(hush) && !json.contains(hush),
        "{text}\n{json}"
    );
    assert!(text.contains("# url = \"env:DATABASE_URL\""), "{text}");
    assert!(text.contains("postgres://me@127.0.0.1:5432/x"), "{text}");
}

#[test]
fn twelve_compose_files_give_one_stack() {
    let mut units = vec![api().published(8000, 8000)];
    for number in 0..11 {
        units.push(compose(&format!("examples/{number}/compose.yml:1"), "api"));
    }
    let draft = draft(units);
    assert_eq!(draft.services.len(), 1);
    let notes = draft.notes.join("\n");
    assert!(notes.contains("used compose.yml"), "{notes}");
    assert!(
        notes.contains("examples/0/compose.yml") && notes.contains("3 more"),
        "{notes}"
    );
}

#[test]
fn source_is_where_the_image_is_built() {
    let clues = Clues {
        units: vec![
            compose("compose.yml:1", "api")
                .built(".")
                .published(8000, 8000),
            compose("compose.yml:9", "web")
                .built("web")
                .published(3000, 3000),
        ],
        dockerfiles: vec![dockerfile(
            "Dockerfile:1",
            "python",
            &["services/api/", "libs/shared/src", "README.md"],
        )],
        packages: vec![
            package("services/api/pyproject.toml", "python", &[]),
            package("libs/shared/pyproject.toml", "python", &[]),
        ],
        ..Clues::default()
    };
    let draft = Draft::from_clues(&clues, "shop");
    assert_eq!(
        value(&draft, "service.api.source"),
        "[services/api, libs/shared]"
    );
    assert_eq!(value(&draft, "service.web.source"), "[web]");
    assert_eq!(
        value(&draft, "service.api.container"),
        "{ context = ., dockerfile = Dockerfile }"
    );
}

#[test]
fn suites_with_the_same_paths_are_one() {
    let mut again = tests("e2e/conftest.py:1", "pytest", "e2e", &["API_URL"]);
    again.end_to_end = false;
    let clues = Clues {
        units: vec![api().published(8000, 8000)],
        tests: vec![
            tests("pyproject.toml:1", "pytest", "e2e", &[]),
            again,
            tests("web/package.json:1", "jest", "web", &[]),
        ],
        ..Clues::default()
    };
    let draft = Draft::from_clues(&clues, "shop");
    assert_eq!(draft.suites.len(), 1);
    assert_eq!(value(&draft, "suite.e2e.env.API_URL"), "{service.api.url}");
    assert_eq!(value(&draft, "suite.e2e.kind"), "e2e");
    assert!(draft.notes.iter().any(|note| note.contains("jest in web")));
}

#[test]
fn a_line_of_a_procfile_listens_where_the_example_says() {
    let clues = |variables| Clues {
        units: vec![line("Procfile:1", "web", "run --port $PORT")],
        variables,
        ..Clues::default()
    };
    let url = |variables| {
        value(
            &Draft::from_clues(&clues(variables), "shop"),
            "service.web.url",
        )
    };
    assert_eq!(url(vec![]), "http://127.0.0.1:5000");
    assert_eq!(
        url(vec![variable(".env.example:1", "PORT", "3000")]),
        "http://127.0.0.1:3000"
    );
    assert_eq!(
        url(vec![variable("x/.env.example:1", "PORT", "3000")]),
        "http://127.0.0.1:5000"
    );
}

#[test]
fn the_source_of_a_workload_is_the_folder_of_its_name() {
    let clues = Clues {
        units: vec![workload("k.yml:1", "cartservice").image("x/cartservice")],
        fronts: vec![service("k.yml:9", "cartservice", "n", 80, 80)],
        dockerfiles: vec![dockerfile(
            "src/cartservice/src/Dockerfile:1",
            "dotnet",
            &["."],
        )],
        ..Clues::default()
    };
    let draft = Draft::from_clues(&clues, "shop");
    assert_eq!(
        value(&draft, "service.cartservice.source"),
        "[src/cartservice]"
    );
    let context = value(&draft, "service.cartservice.container.context");
    assert_eq!(context, "src/cartservice/src");
}
