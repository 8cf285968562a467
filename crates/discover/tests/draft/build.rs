//! Clues, written by hand.

use assay_discover::{
    Build, Clues, Dockerfile, Front, HealthCheck, HealthCheckKind, HealthRoute, Origin, Package,
    Platform, Port, ProxyRule, TestProject, Unit, Unreadable, Variable,
};

/// `file:line`.
pub(crate) fn at(place: &str) -> Origin {
    let (file, line) = place.rsplit_once(':').unwrap_or((place, "0"));
    Origin {
        file: file.to_owned(),
        line: line.parse().unwrap_or_default(),
    }
}

fn unit(platform: Platform, place: &str, name: &str) -> Unit {
    Unit {
        name: name.to_owned(),
        origin: at(place),
        platform,
        namespace: None,
        image: None,
        build: None,
        ports: Vec::new(),
        env: Default::default(),
        depends_on: Vec::new(),
        depends_on_at: None,
        command: Vec::new(),
        health: None,
        labels: Default::default(),
        profiles: Vec::new(),
        container_name: None,
        one_shot: false,
    }
}

/// A compose service.
pub(crate) fn compose(place: &str, name: &str) -> Unit {
    unit(Platform::Compose, place, name)
}

/// A Kubernetes workload with the label `app`.
pub(crate) fn workload(place: &str, name: &str) -> Unit {
    let mut unit = unit(Platform::Kubernetes, place, name);
    unit.labels.insert("app".to_owned(), name.to_owned());
    unit
}

/// A line of a Procfile.
pub(crate) fn line(place: &str, name: &str, command: &str) -> Unit {
    let mut unit = unit(Platform::Procfile, place, name);
    unit.command = command.split(' ').map(str::to_owned).collect();
    unit
}

/// What tests say of a unit, in a chain.
pub(crate) trait With {
    fn image(self, image: &str) -> Self;
    fn built(self, context: &str) -> Self;
    fn published(self, published: u16, target: u16) -> Self;
    fn inside(self, target: u16) -> Self;
    fn env(self, name: &str, value: &str) -> Self;
    fn after(self, names: &[&str]) -> Self;
    fn checked(self, place: &str, kind: HealthCheckKind) -> Self;
}

impl With for Unit {
    fn image(mut self, image: &str) -> Self {
        self.image = Some(image.to_owned());
        self
    }

    fn built(mut self, context: &str) -> Self {
        let dockerfile = match context {
            "." => "Dockerfile".to_owned(),
            context => format!("{context}/Dockerfile"),
        };
        self.build = Some(Build {
            context: context.to_owned(),
            dockerfile,
        });
        self
    }

    fn published(mut self, published: u16, target: u16) -> Self {
        self.ports.push(Port {
            published: Some(published),
            ..port(target)
        });
        self
    }

    fn inside(mut self, target: u16) -> Self {
        self.ports.push(port(target));
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn after(mut self, names: &[&str]) -> Self {
        self.depends_on = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    fn checked(mut self, place: &str, kind: HealthCheckKind) -> Self {
        self.health = Some(HealthCheck {
            kind,
            origin: at(place),
            timeout_ms: None,
        });
        self
    }
}

/// A port that is not published.
pub(crate) fn port(target: u16) -> Port {
    Port {
        published: None,
        host: None,
        target,
        protocol: "tcp".to_owned(),
        name: None,
    }
}

/// An HTTP check of a port inside.
pub(crate) fn http(port: u16, path: &str) -> HealthCheckKind {
    HealthCheckKind::Http {
        scheme: "http".to_owned(),
        port: Some(port),
        path: path.to_owned(),
    }
}

/// A Kubernetes Service for the pods with this `app`.
pub(crate) fn service(
    place: &str,
    name: &str,
    namespace: &str,
    published: u16,
    target: u16,
) -> Front {
    Front {
        name: name.to_owned(),
        origin: at(place),
        namespace: Some(namespace.to_owned()),
        selector: [("app".to_owned(), name.to_owned())].into(),
        ports: vec![Port {
            published: Some(published),
            ..port(target)
        }],
        rules: Vec::new(),
    }
}

/// A Dockerfile.
pub(crate) fn dockerfile(place: &str, from: &str, copies: &[&str]) -> Dockerfile {
    Dockerfile {
        origin: at(place),
        from: Some(from.to_owned()),
        exposes: Vec::new(),
        command: Vec::new(),
        copies: copies.iter().map(|copy| (*copy).to_owned()).collect(),
        health: None,
    }
}

/// A manifest of a language.
pub(crate) fn package(manifest: &str, language: &str, notable: &[&str]) -> Package {
    let folder = manifest.rsplit_once('/').map_or(".", |(folder, _)| folder);
    Package {
        origin: at(&format!("{manifest}:1")),
        folder: folder.to_owned(),
        name: None,
        language: language.to_owned(),
        runs: true,
        notable: notable.iter().map(|name| (*name).to_owned()).collect(),
        uses: Vec::new(),
    }
}

/// A route in code.
pub(crate) fn route(place: &str, path: &str) -> HealthRoute {
    HealthRoute {
        origin: at(place),
        path: path.to_owned(),
        documented: false,
        adrift: false,
    }
}

/// nginx passing `/` on.
pub(crate) fn proxy(place: &str, upstreams: &[&str]) -> ProxyRule {
    ProxyRule {
        origin: at(place),
        listens: vec![80],
        tls: false,
        names: Vec::new(),
        location: "/".to_owned(),
        upstreams: upstreams.iter().map(|host| (*host).to_owned()).collect(),
    }
}

/// Tests; end to end if the folder says so.
pub(crate) fn tests(place: &str, runner: &str, folder: &str, variables: &[&str]) -> TestProject {
    TestProject {
        origin: at(place),
        runner: runner.to_owned(),
        folder: folder.to_owned(),
        paths: vec![folder.to_owned()],
        end_to_end: folder.contains("e2e"),
        variables: variables.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// A line of `.env.example`.
pub(crate) fn variable(place: &str, name: &str, example: &str) -> Variable {
    Variable {
        origin: at(place),
        name: name.to_owned(),
        example: example.to_owned(),
    }
}

/// A shop with everything: compose, manifests, nginx, code, tests.
pub(crate) fn shop() -> Clues {
    Clues {
        units: shop_units(),
        fronts: vec![
            service("k8s/api.yml:30", "api", "shop", 80, 8000),
            service("k8s/mailer.yml:30", "mailer", "shop", 80, 8000),
        ],
        dockerfiles: vec![
            dockerfile("web/Dockerfile:1", "nginx:1", &["nginx.conf", "dist"]),
            dockerfile("services/api/Dockerfile:1", "python:3.12", &["."]),
        ],
        proxies: vec![proxy("web/nginx.conf:12", &["shop-api:8000"])],
        routes: vec![
            route("services/api/main.py:9", "/ping"),
            route("services/auth/app.py:20", "/health"),
            route("services/auth/app.py:24", "/ready"),
        ],
        packages: vec![
            package("services/api/pyproject.toml", "python", &["fastapi"]),
            package("services/auth/requirements.txt", "python", &["flask"]),
        ],
        tests: vec![
            tests(
                "services/api/pyproject.toml:8",
                "pytest",
                "services/api/tests",
                &[],
            ),
            tests(
                "e2e/playwright.config.ts:1",
                "playwright",
                "e2e",
                &["BASE_URL", "AUTH_URL"],
            ),
            tests("web/package.json:12", "jest", "web", &[]),
        ],
        variables: vec![
            variable(
                ".env.example:1",
                "DATABASE_URL",
                "postgres://shop@localhost:5433/orders",
            ),
            variable(".env.example:2", "POSTGRES_PASSWORD", ""),
        ],
        uses: Vec::new(),
        settings: Vec::new(),
        unreadable: vec![Unreadable {
            origin: at("chart/templates/api.yaml:7"),
            reason: "a Helm template".to_owned(),
        }],
    }
}

fn shop_units() -> Vec<Unit> {
    let file = "docker-compose.yml";
    vec![
        compose(&format!("{file}:3"), "web")
            .built("web")
            .published(8080, 80)
            .after(&["shop-api"]),
        compose(&format!("{file}:10"), "shop-api")
            .built("services/api")
            .published(8000, 8000)
            .after(&["db"])
            .env("DATABASE_URL", "postgres://shop@db:5432/orders")
            .env("REDIS_URL", "redis://@cache:6379")
            .env("AUTH_URL", "http://auth:9000")
            .checked(&format!("{file}:16"), http(8000, "/health")),
        compose(&format!("{file}:22"), "auth")
            .built("services/auth")
            .published(9000, 9000),
        compose(&format!("{file}:28"), "worker")
            .built("services/worker")
            .after(&["cache"]),
        compose(&format!("{file}:33"), "db")
            .image("postgres:16-alpine")
            .published(5433, 5432)
            .env("POSTGRES_USER", "shop")
            .env("POSTGRES_PASSWORD", ""),
        compose(&format!("{file}:40"), "cache")
            .image("redis:7")
            .inside(6379),
        {
            let mut unit = compose(&format!("{file}:44"), "migrate").built("services/api");
            unit.one_shot = true;
            unit
        },
        compose("docker-compose.prod.yml:3", "web").image("shop/web"),
        compose("docker-compose.prod.yml:9", "metrics").image("prom/prometheus"),
        workload("k8s/api.yml:4", "api").image("registry.example.com/shop/api:1"),
        workload("k8s/mailer.yml:4", "mailer").image("registry.example.com/shop/mailer:1"),
    ]
}
