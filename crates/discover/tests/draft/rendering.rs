//! Whole configurations.

use assay_discover::{Clues, Draft};
use insta::assert_snapshot;
use proptest::prelude::*;

use crate::build::*;

fn render(clues: &Clues) -> String {
    let text = Draft::from_clues(clues, "shop").render();
    let parsed: Result<toml::Table, _> = toml::from_str(&text);
    assert!(parsed.is_ok(), "{parsed:?}\n{text}");
    text
}

#[test]
fn a_shop_with_everything() {
    assert_snapshot!(render(&shop()));
}

#[test]
fn the_same_for_programs() {
    let json = Draft::from_clues(&shop(), "shop").to_json();
    assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn nothing_at_all() {
    assert_snapshot!(render(&Clues::default()));
}

#[test]
fn only_kubernetes() {
    let mut api = workload("k8s/base/api.yml:4", "api")
        .image("registry.example.com/shop/api:1")
        .env("DB_HOST", "postgres.shop.svc.cluster.local")
        .env("AUTH_ADDR", "auth:50051");
    api.health = compose("", "")
        .checked("k8s/base/api.yml:20", http(8000, "/healthz"))
        .health;
    api.namespace = Some("shop".to_owned());
    let mut auth = workload("k8s/base/auth.yml:4", "auth").image("shop/auth");
    auth = auth.checked(
        "k8s/base/auth.yml:19",
        assay_discover::HealthCheckKind::Grpc {
            port: 50051,
            service: String::new(),
        },
    );
    let clues = Clues {
        units: vec![
            api,
            auth,
            workload("k8s/base/postgres.yml:4", "postgres").image("postgres:16"),
            workload("k8s/base/worker.yml:4", "worker").image("shop/worker"),
            workload("k8s/overlays/prod/api.yml:4", "api").image("shop/api"),
        ],
        fronts: vec![
            service("k8s/base/api.yml:40", "api", "shop", 80, 8000),
            service("k8s/base/auth.yml:40", "auth", "shop", 50051, 50051),
            service("k8s/base/postgres.yml:40", "postgres", "shop", 5432, 5432),
        ],
        ..Clues::default()
    };
    assert_snapshot!(render(&clues));
}

#[test]
fn only_a_procfile() {
    let clues = Clues {
        units: vec![
            line("Procfile:1", "web", "gunicorn app:app --bind 0.0.0.0:$PORT"),
            line("Procfile:2", "worker", "celery -A app worker"),
            line(
                "Procfile:3",
                "admin",
                "python admin.py --port ${PORT:-9000} | tee log",
            ),
        ],
        packages: vec![package("requirements.txt", "python", &["flask"])],
        variables: vec![variable(
            ".env.example:3",
            "DATABASE_URL",
            "postgres://me@localhost/app",
        )],
        ..Clues::default()
    };
    assert_snapshot!(render(&clues));
}

/// Anything that a hostile repository may hold.
fn clues() -> impl Strategy<Value = Clues> {
    let text = "\\PC{0,12}|[a-z.\"'\\[\\]{}\n$#\\\\/:-]{0,12}";
    let unit = (
        0_usize..3,
        text,
        text,
        text,
        any::<Option<u16>>(),
        any::<bool>(),
    );
    let units = prop::collection::vec(unit, 0..6);
    let rest = (
        text,
        text,
        prop::collection::vec(text, 0..3),
        "pytest|libtest|jest",
    );
    (units, rest).prop_map(|(units, (path, name, texts, runner))| {
        let mut clues = Clues::default();
        for (platform, name, image, value, published, flag) in units {
            let mut unit = match platform {
                0 => compose("compose.yml:1", &name),
                1 => workload("k8s.yml:1", &name),
                _ => line("Procfile:1", &name, &value),
            };
            unit.origin.file.push_str(&image);
            unit = unit.env("URL", &value).after(&[&name, &value]);
            unit = if flag {
                unit.image(&image)
            } else {
                unit.built(&image)
            };
            unit.ports.push(assay_discover::Port {
                published,
                host: Some(value.clone()),
                name: Some(name.clone()),
                ..port(8000)
            });
            unit = unit.checked("x:1", http(8000, &value));
            unit.container_name = flag.then_some(value);
            clues.units.push(unit);
        }
        clues
            .fronts
            .push(service("k8s.yml:9", &name, &path, 80, 8000));
        clues.routes.push(route("a.py:1", &path));
        let variables: Vec<&str> = texts.iter().map(String::as_str).collect();
        clues
            .tests
            .push(tests(&format!("{name}x"), &runner, &path, &variables));
        clues
            .variables
            .push(variable("e:1", "DATABASE_URL", &format!("redis://{name}")));
        clues
    })
}

proptest! {
    #[test]
    fn any_clues_render_to_toml(clues in clues()) {
        let draft = Draft::from_clues(&clues, "p");
        let text = draft.render();
        let parsed: Result<toml::Table, _> = toml::from_str(&text);
        prop_assert!(parsed.is_ok(), "{parsed:?}\n{text}");
        prop_assert_eq!(Draft::from_clues(&clues, "p"), draft);
    }
}
