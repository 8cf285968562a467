use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{HealthCheckKind, Unit};

fn clues(files: &[(&str, &str)]) -> Clues {
    let files: BTreeMap<_, _> = files.iter().copied().collect();
    let found = files
        .keys()
        .filter(|path| is_compose(path))
        .map(|path| (*path).to_owned());
    let mut clues = Clues::default();
    read(
        &found.collect(),
        &|path| files.get(path).map(|text| (*text).to_owned()),
        &mut clues,
    );
    clues
}

/// The part of each unit that `show` picks, of one file.
fn check(text: &str, show: &dyn Fn(&Unit) -> String, expected: &str) {
    check_files(&[("docker-compose.yml", text)], show, expected);
}

fn check_files(files: &[(&str, &str)], show: &dyn Fn(&Unit) -> String, expected: &str) {
    let clues = clues(files);
    let mut found: Vec<_> = clues.units.iter().map(show).collect();
    found.extend(
        clues
            .unreadable
            .iter()
            .map(|u| format!("{}:{}!", u.origin.file, u.origin.line)),
    );
    assert_eq!(found.join("|"), expected, "{files:?}");
}

fn names(unit: &Unit) -> String {
    format!("{}@{}:{}", unit.name, unit.origin.file, unit.origin.line)
}

fn images(unit: &Unit) -> String {
    unit.image.clone().unwrap_or_default()
}

fn env(unit: &Unit) -> String {
    let pairs = unit
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(",")
}

fn published(unit: &Unit) -> String {
    let ports = unit
        .ports
        .iter()
        .map(|port| format!("{:?}:{}", port.published.unwrap_or(0), port.target));
    ports.collect::<Vec<_>>().join(",")
}

fn builds(unit: &Unit) -> String {
    unit.build.as_ref().map_or(String::new(), |build| {
        format!("{} {}", build.context, build.dockerfile)
    })
}

fn needs(unit: &Unit) -> String {
    format!("{}:{}", unit.name, unit.depends_on.join("+"))
}

fn checks(unit: &Unit) -> String {
    unit.health.as_ref().map_or("none".to_owned(), |health| {
        let line = health.origin.line;
        match &health.kind {
            HealthCheckKind::Http { port, path, .. } => {
                format!("{line} http {} {path}", port.unwrap_or(0))
            }
            HealthCheckKind::Tcp { port } => format!("{line} tcp {port}"),
            HealthCheckKind::Grpc { port, .. } => format!("{line} grpc {port}"),
            HealthCheckKind::Command(words) => format!("{line} command {}", words.join(" ")),
        }
    })
}

#[test]
fn names_of_files() {
    let check = |path, expected| assert_eq!(is_compose(path), expected, "{path}");
    check("compose.yaml", true);
    check("a/docker-compose.yml", true);
    check("docker-compose.prod.yml", true);
    check("docker-compose-dev.yaml", true);
    check("compose.override.yml", true);
    check("dev.docker-compose.yml", true);
    check("dev-compose.yml", true);
    check("composer.yml", false);
    check("compose.json", false);
    check("recompose.yml", false);
    check("docker-compose.yml.example", false);
}

#[test]
fn services_and_their_places() {
    check("", &names, "");
    check(
        "services:\n  a: {image: x}\n  b:\n    image: y\n",
        &names,
        "a@docker-compose.yml:2|b@docker-compose.yml:3",
    );
    check("services: {a: [}", &names, "docker-compose.yml:1!");
    check("services: [1, 2]", &names, "");
    check("services:\n  a:\n", &names, "a@docker-compose.yml:2");
    check(
        "x-base: &b {image: x}\nservices:\n  a:\n    <<: *b\n",
        &images,
        "x",
    );
    check(
        "services: {a: {image: '${R:-reg}/app:${TAG}'}}",
        &images,
        "reg/app",
    );
}

#[test]
fn environments() {
    check(
        "services: {a: {environment: {A: 1, B: ~, C: true}}}",
        &env,
        "A=1,B=,C=true",
    );
    check(
        "services: {a: {environment: [A=1, B, 'C=x=y']}}",
        &env,
        "A=1,B=,C=x=y",
    );
    check(
        "services: {a: {environment: {DB_PASSWORD: x, U: 'pg://u:p@h/d'}}}",
        &env,
        "DB_PASSWORD=,U=pg://u@h/d",
    );
    check(
        "services: {a: {environment: {A: '${B:-c}', D: '$$E', F: $G}}}",
        &env,
        "A=c,D=$E,F=",
    );
}

#[test]
fn values_of_a_real_env_file_are_not_kept() {
    let compose = "services: {a: {env_file: .env, environment: {H: '${HOST}', P: '${PORT}', N: '${NAME}'}, ports: ['${PORT}:80']}, db: {}}";
    let real = "HOST=db\nPORT=99\nNAME=private\nURL=pg://u:p@db:5432/x\n";
    let files = [("compose.yml", compose), (".env", real)];
    check_files(
        &files,
        &env,
        "H=db,HOST=db,N=,NAME=,P=99,PORT=99,URL=pg://db:5432|",
    );
    check_files(&files, &published, "99:80|");
    let files = [("compose.yml", compose), (".env.example", real)];
    check_files(&files, &env, "H=db,N=private,P=99|");
}

#[test]
fn a_real_env_file_may_name_images_and_dockerfiles() {
    let compose = "services: {a: {image: '${IMAGE}:${V}-a', build: {context: ., dockerfile: '${A_FILE}'}, environment: {I: '${IMAGE}', AT: '${AT}'}}}";
    let real = "IMAGE=reg/shop\nV=1.2\nA_FILE=src/a/Dockerfile\nA_PORT=80\nAT=a:${A_PORT}\n";
    let files = [("compose.yml", compose), (".env", real)];
    check_files(&files, &images, "reg/shop:1.2-a");
    check_files(&files, &builds, ". src/a/Dockerfile");
    check_files(&files, &env, "AT=a:80,I=");
    check_files(&files[..1], &images, "");
}

#[test]
fn variables_that_are_only_named_are_handed_over() {
    let list = "services: {a: {environment: [B_ADDR, C, D=]}, b: {}}";
    let map = "services: {a: {environment: {B_ADDR: , C: ~, D: ''}}, b: {}}";
    for compose in [list, map] {
        let files = [
            ("compose.yml", compose),
            (".env", "B_ADDR=b:80\nC=x\nD=b:81\n"),
        ];
        check_files(&files, &env, "B_ADDR=b:80,C=,D=|");
    }
}

#[test]
fn env_files() {
    let compose = "services: {a: {env_file: [a.env, {path: ./b.env, required: false}, ../x.env], environment: {B: 3}}}";
    let files = [
        ("compose.yml", compose),
        ("a.env", "A=1\nB=1\nTOKEN=x"),
        ("b.env", "C=2"),
    ];
    check_files(&files, &env, "A=1,B=3,C=2,TOKEN=");
    let names: Vec<_> = clues(&files)
        .variables
        .into_iter()
        .map(|v| v.name)
        .collect();
    assert_eq!(names, ["A", "B", "TOKEN", "C"]);
}

#[test]
fn builds_of_images() {
    check("services: {a: {build: .}}", &builds, ". Dockerfile");
    check(
        "services: {a: {build: ./api}}",
        &builds,
        "api api/Dockerfile",
    );
    check(
        "services: {a: {build: {context: api, dockerfile: docker/x.Dockerfile}}}",
        &builds,
        "api api/docker/x.Dockerfile",
    );
    check(
        "services: {a: {build: {context: api, dockerfile: ../x}}}",
        &builds,
        "api x",
    );
    check("services: {a: {build: {dockerfile: x}}}", &builds, ". x");
    check(
        "services: {a: {build: {context: ., dockerfile_inline: FROM x}}}",
        &builds,
        ". ",
    );
    check("services: {a: {build: 'https://host/x.git'}}", &builds, "");
    check("services: {a: {build: /abs}}", &builds, "");
    check_files(
        &[("d/compose.yml", "services: {a: {build: ../api}}")],
        &builds,
        "api api/Dockerfile",
    );
}

#[test]
fn dependencies() {
    check("services: {a: {depends_on: [b, c]}}", &needs, "a:b+c");
    check(
        "services: {a: {depends_on: {b: {condition: service_healthy}}, links: ['c:d', b]}}",
        &needs,
        "a:b+c",
    );
    check(
        "services: {a: {network_mode: 'service:vpn', depends_on: [a]}}",
        &needs,
        "a:vpn",
    );
}

#[test]
fn health_checks() {
    check(
        "services:\n a:\n  healthcheck:\n   test: curl -f http://localhost:8000/h || exit 1",
        &checks,
        "3 http 8000 /h",
    );
    check(
        "services: {a: {healthcheck: {test: [CMD, curl, 'http://localhost:1/x']}}}",
        &checks,
        "1 http 1 /x",
    );
    check(
        "services: {a: {healthcheck: {test: [CMD-SHELL, 'pg_isready -U $$USER']}}}",
        &checks,
        "1 tcp 5432",
    );
    check(
        "services: {a: {healthcheck: {test: [NONE]}}}",
        &checks,
        "none",
    );
    check(
        "services: {a: {healthcheck: {test: NONE}}}",
        &checks,
        "none",
    );
    check(
        "services: {a: {healthcheck: {disable: true, test: x}}}",
        &checks,
        "none",
    );
    check(
        "services: {a: {healthcheck: {interval: 1s}}}",
        &checks,
        "none",
    );
    check(
        "services: {a: {healthcheck: {test: [CMD, ./check]}}}",
        &checks,
        "1 command ./check",
    );
    let clues = clues(&[(
        "compose.yml",
        "services: {a: {healthcheck: {test: x, timeout: 3s}}}",
    )]);
    assert_eq!(
        clues.units[0].health.as_ref().and_then(|h| h.timeout_ms),
        Some(3_000)
    );
}

#[test]
fn overrides_are_merged_and_variants_are_not() {
    let base = (
        "docker-compose.yml",
        "services:\n  a: {image: x, ports: ['1:1'], environment: {A: 1, B: 1}}",
    );
    let over = (
        "docker-compose.override.yml",
        "services:\n  a: {ports: ['2:2'], environment: [B=2]}\n  c: {image: z}",
    );
    let prod = ("docker-compose.prod.yml", "services: {a: {image: p}}");
    check_files(&[base, over, prod], &images, "x|z|p");
    check_files(&[base, over, prod], &env, "A=1,B=2||");
    check_files(&[base, over], &published, "1:1,2:2|");
    check_files(
        &[base, over],
        &names,
        "a@docker-compose.yml:2|c@docker-compose.override.yml:3",
    );
    check_files(&[over], &images, "|z");
    check_files(
        &[("compose.yml", "services: {a: {image: n}}"), base],
        &images,
        "n|x",
    );
}

#[test]
fn extends_and_includes() {
    let text = "services: {b: {image: x, ports: ['1:1']}, a: {extends: b, ports: ['2:2']}}";
    check(text, &published, "1:1|1:1,2:2");
    check(
        "services: {a: {extends: {service: a}}}",
        &names,
        "a@docker-compose.yml:1",
    );
    check(
        "services: {a: {extends: {service: b, file: missing.yml}, image: x}}",
        &images,
        "x",
    );
    let files = [
        (
            "compose.yml",
            "services: {a: {extends: {service: s, file: lib/common.yml}}}",
        ),
        (
            "lib/common.yml",
            "services: {s: {build: ./img, healthcheck: {test: 'nc -z h 1'}}}",
        ),
    ];
    check_files(&files, &builds, "lib/img lib/img/Dockerfile");
    check_files(&files, &names, "a@compose.yml:1");
    assert_eq!(
        clues(&files).units[0]
            .health
            .as_ref()
            .map(|h| h.origin.file.as_str()),
        Some("lib/common.yml")
    );
    let files = [
        (
            "compose.yml",
            "include: [sub/app.yml, {path: [sub/two.yml, sub/over.yml], project_directory: .}, compose.yml]\nservices: {a: {}}",
        ),
        (
            "sub/app.yml",
            "include: [../compose.yml]\nservices: {b: {build: x}}",
        ),
        ("sub/two.yml", "services: {c: {build: y}}"),
        ("sub/over.yml", "services: {c: {image: i}}"),
    ];
    check_files(&files, &builds, "|y y/Dockerfile|sub/x sub/x/Dockerfile");
}

#[test]
fn what_runs_to_its_end() {
    let show = |unit: &Unit| format!("{}:{}", unit.name, unit.one_shot);
    check(
        "services: {a: {command: python manage.py migrate}}",
        &show,
        "a:true",
    );
    check(
        "services: {a: {command: sh -c 'alembic upgrade head && uvicorn app:app'}}",
        &show,
        "a:false",
    );
    check(
        "services: {a: {command: alembic upgrade head, restart: 'no'}}",
        &show,
        "a:true",
    );
    check(
        "services: {a: {command: migrate, restart: always}}",
        &show,
        "a:false",
    );
    check(
        "services: {a: {command: migrate, ports: ['1:1']}}",
        &show,
        "a:false",
    );
    check(
        "services: {a: {}, b: {depends_on: {a: {condition: service_completed_successfully}}}}",
        &show,
        "a:true|b:false",
    );
}

/// Everything the specification has, in one file: none of it may stop the rest.
#[test]
fn a_file_that_uses_every_feature() {
    let text = include_str!("../../tests/files/every-feature.compose.yml");
    let files = [
        ("compose.yml", text),
        ("web.env", "FROM_FILE=1\n"),
        (".env", "WEB_PORT=18080\nSECRET=x\n"),
    ];
    let clues = clues(&files);
    assert_eq!(clues.unreadable, []);
    let by_name: BTreeMap<_, _> = clues
        .units
        .iter()
        .map(|unit| (unit.name.as_str(), unit))
        .collect();
    let web = by_name["web"];
    assert_eq!(
        published(web),
        "18080:80,18443:443,9090:9090,9091:9091,0:9000"
    );
    assert_eq!(builds(web), "web web/Dockerfile.prod");
    assert_eq!(needs(web), "web:db+cache+worker");
    assert_eq!(
        env(web),
        "DB=postgres://app@db:5432/app,FROM_FILE=1,LOG=info,TOKEN="
    );
    assert_eq!(web.labels["com.example.team"], "shop");
    assert_eq!(web.container_name.as_deref(), Some("shop-web"));
    assert_eq!(web.command.join(" "), "/entry.sh serve --port 80");
    assert!(checks(web).ends_with("http 80 /health"), "{}", checks(web));
    assert_eq!(web.health.as_ref().and_then(|h| h.timeout_ms), Some(5_000));
    assert_eq!(by_name["debug"].profiles, ["debug", "tools"]);
    assert_eq!(
        checks(by_name["db"]).split_once(' ').map(|c| c.1),
        Some("tcp 5432")
    );
    assert_eq!(
        by_name["worker"].image.as_deref(),
        Some("registry.example/shop/worker:1.10")
    );
    assert_eq!(published(by_name["worker"]), "");
    assert!(by_name["migrate"].one_shot);
    assert_eq!(clues.units.len(), 7);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(services:\n|  a:\n|    build: |    ports: |    extends: a\n|    healthcheck: |include: |\\$\\{A:-|[\\[\\]{},'\"\n]|\\PC){0,30}") {
        let _ = clues(&[("compose.yml", &text)]);
    }
}
