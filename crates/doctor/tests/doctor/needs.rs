//! What a configuration asks for.

use assay_doctor::needs;
use assay_model::{
    CommandProbe, Container, DnsProbe, DockerObserve, KubernetesObserve, Observe, Probe, ProbeKind,
    Project, Secret,
};

use crate::project::{dependency, deploy, project, service, suite, words};

/// Everything beyond what assay itself stands on, as `name | places | blocking`.
#[track_caller]
fn check(project: &Project, expected: &[&str]) {
    let own = [
        "git",
        "git repository",
        "state folder",
        "disk space",
        "open files",
        "clock",
    ];
    let found: Vec<String> = needs(project)
        .iter()
        .filter(|need| !own.contains(&&*need.subject.to_string()))
        .map(|need| {
            let places: Vec<_> = need.reasons.iter().map(|it| it.place.clone()).collect();
            let blocking = need.reasons.iter().any(|it| it.blocking);
            let blocking = if blocking { "blocking" } else { "not blocking" };
            format!("{} | {} | {blocking}", need.subject, places.join(", "))
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn an_empty_project_needs_what_assay_stands_on() {
    check(&project(), &[]);
    let names: Vec<_> = needs(&project())
        .iter()
        .map(|need| need.subject.to_string())
        .collect();
    assert_eq!(names.len(), 6, "{names:?}");
}

#[test]
fn git_blocks_where_revisions_are_built() {
    let blocks = |project: &Project| needs(project)[0].reasons[0].blocking;
    let mut project = project();
    assert!(!blocks(&project));
    let mut api = service("api", "http://127.0.0.1:8000");
    api.deploy = Some(deploy("{assay} platform api"));
    project.services.insert("api".into(), api);
    assert!(blocks(&project));
}

#[test]
fn suites_need_their_runner_or_their_command() {
    let mut project = project();
    project.suites = vec![
        suite("e2e", "pytest", "", &["tests/e2e"]),
        suite("own", "pytest", "docker compose run tests", &[]),
        suite("web", "playwright", "", &["web/tests"]),
        suite("rust", "libtest", "cargo test", &[]),
        suite("mine", "libtest", "{assay} e2e", &[]),
        suite("shell", "junit", "./ci/e2e.sh", &[]),
        suite("uv", "pytest", "uv run pytest", &[]),
        suite("py", "pytest", "python3.11 -m pytest", &[]),
    ];
    project.suites[5].default = false;
    check(
        &project,
        &[
            "pytest | [suite.e2e] runner | blocking",
            "python3 | [suite.e2e] runner | blocking",
            "docker | [suite.own] command | blocking",
            "node | [suite.web] runner | blocking",
            "playwright | [suite.web] runner | blocking",
            "cargo | [suite.rust] command | blocking",
            "./ci/e2e.sh | [suite.shell] command | not blocking",
            "uv | [suite.uv] command | blocking",
            "python3 (python3.11) | [suite.py] command | blocking",
            "pytest (python3.11) | [suite.py] command | blocking",
        ],
    );
}

#[test]
fn the_same_need_is_one_with_several_reasons() {
    let mut project = project();
    project.suites = vec![
        suite("a", "libtest", "cargo test", &[]),
        suite("b", "libtest", "cargo test", &[]),
    ];
    project.suites[0].default = false;
    check(
        &project,
        &["cargo | [suite.a] command, [suite.b] command | blocking"],
    );
}

#[test]
fn services_need_ports_servers_and_programs() {
    let mut project = project();
    let mut api = service("api", "http://127.0.0.1:8000");
    api.deploy = Some(deploy(".venv/bin/python main.py"));
    api.container = Some(Container {
        dockerfile: "Dockerfile".to_owned(),
        context: ".".to_owned(),
        entry: None,
    });
    let mut auth = service("auth", "https://auth.example/");
    auth.probe = Probe::new(ProbeKind::Command(CommandProbe {
        command: words("./check.sh auth"),
        exit: 0,
        degraded_exit: None,
    }));
    let mut name = service("name", "tcp://127.0.0.1:53");
    name.probe = Probe::new(ProbeKind::Dns(DnsProbe {
        name: "api".to_owned(),
        record: "A".to_owned(),
        answers: Vec::new(),
    }));
    for service in [api, auth, name] {
        project.services.insert(service.name.clone(), service);
    }
    check(
        &project,
        &[
            "python3 (services/api/.venv/bin/python) | [service.api.deploy] command | blocking",
            "port of api at 127.0.0.1:8000 | [service.api] url | blocking",
            "docker | [service.api] container | not blocking",
            "./check.sh | [service.auth] probe | blocking",
            "server auth at auth.example:443 | [service.auth] url | not blocking",
        ],
    );
}

#[test]
fn dependencies_need_their_servers_and_observers() {
    let mut project = project();
    let observe = vec![
        Observe::Docker(DockerObserve {
            container: Some("pg".to_owned()),
            labels: Vec::new(),
            host: None,
        }),
        Observe::Kubernetes(KubernetesObserve {
            selector: "app=pg".to_owned(),
            namespace: None,
            context: None,
            container: None,
        }),
        Observe::File {
            path: "var/pg.log".to_owned(),
        },
        Observe::Journald {
            unit: "pg.service".to_owned(),
            user: false,
        },
        Observe::Command {
            command: words("tail-it {since}"),
        },
    ];
    let postgres = dependency("postgres", "postgres://me:hush@db/shop", observe);
    project.dependencies.insert("postgres".into(), postgres);
    let mut embedded = dependency("embedded", "", Vec::new());
    embedded.url = None;
    project.dependencies.insert("embedded".into(), embedded);
    check(
        &project,
        &[
            "server postgres at db:5432 | [dependency.postgres] url | blocking",
            "docker engine | [dependency.postgres] observe | blocking",
            "kubectl | [dependency.postgres] observe | blocking",
            "log var/pg.log | [dependency.postgres] observe | not blocking",
            "journalctl | [dependency.postgres] observe | blocking",
            "systemctl | [dependency.postgres] observe | blocking",
            "system journal | [dependency.postgres] observe | blocking",
            "tail-it | [dependency.postgres] observe | blocking",
        ],
    );
    assert!(!format!("{:?}", needs(&project)).contains("hush"));
}

#[test]
fn secrets_from_the_environment_are_variables() {
    let mut project = project();
    for name in ["API_TOKEN", "url"] {
        project.secrets.push(Secret {
            name: name.to_owned(),
            value: "hush".to_owned(),
        });
    }
    check(
        &project,
        &["variable API_TOKEN | assay.toml | not blocking"],
    );
}
