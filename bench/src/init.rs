//! How long `assay init` looks at a large repository, beside programs that only search or list
//! it.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::measure::{Measurement, assay, is_here, measure, megabytes, middle};
use crate::table::{Measured, Table};

/// Files of the repository, of every kind together.
const FILES: usize = 20_000;

const COMPOSE_FILES: usize = 12;

const DOCKERFILES: usize = 40;

const MANIFESTS: usize = 40;

/// Source files in one folder.
const FILES_PER_FOLDER: usize = 50;

/// One source file in so many has a health route.
const ROUTE_EVERY: usize = 100;

/// Lines of a source file: about 2 kB of text.
const LINES: usize = 60;

/// The middle one of so many rounds counts.
const ROUNDS: usize = 5;

/// Time that it may take.
const INIT_MAX: Duration = Duration::from_secs(2);

/// A language: where its files are, how they end, a line of it, and a health route.
struct Language {
    folder: &'static str,
    end: &'static str,
    line: &'static str,
    route: &'static str,
}

const LANGUAGES: [Language; 5] = [
    Language {
        folder: "services/py",
        end: "py",
        line: "total = compute(total, 17)  # keep",
        route: "@app.get(\"/health\")\ndef health():\n    return {\"status\": \"ok\"}",
    },
    Language {
        folder: "services/web",
        end: "ts",
        line: "export const value = compute(17);",
        route: "app.get('/health', (req, res) => res.json({ status: 'ok' }));",
    },
    Language {
        folder: "services/go",
        end: "go",
        line: "var _ = compute(17) // keep",
        route: "func init() { http.HandleFunc(\"/health\", healthy) }",
    },
    Language {
        folder: "crates/rs/src",
        end: "rs",
        line: "const VALUE: u64 = compute(17);",
        route: "fn routes() -> Router { Router::new().route(\"/health\", get(health)) }",
    },
    Language {
        folder: "services/jvm",
        end: "java",
        line: "    int value = compute(17);",
        route: "    @GetMapping(\"/health\") String health() { return \"ok\"; }",
    },
];

pub(crate) fn run() -> Measured {
    let assay = assay()?;
    let folder = tempfile::tempdir()?;
    let root = folder.path();
    generate(root)?;
    // Both for the peers and because what git ignores is not looked at.
    for arguments in [&["init", "--quiet"][..], &["add", "--all"]] {
        measure(Command::new("git").current_dir(root).args(arguments))?.ended_with(&[0])?;
    }
    let init = middle(ROUNDS, || {
        let mut init = Command::new(&assay);
        init.arg("-C").arg(root).args(["init", "--dry-run"]);
        measure(&mut init)?.ended_with(&[0])
    })?;
    let services = String::from_utf8_lossy(&init.stdout)
        .matches("\n[service.")
        .count();
    let mut table = Table::default();
    table.require(
        &format!("assay init, {FILES} files"),
        format!("{:.0} ms", init.ms()),
        &format!("less than {} ms", INIT_MAX.as_millis()),
        init.took < INIT_MAX,
    );
    table.note(
        "peak memory of it",
        format!("{:.1} MB", megabytes(init.peak_kb)),
        format!("it found {services} services"),
    );
    for peer in [
        &["rg", "-l", "health"][..],
        &["git", "ls-files"],
        &["find", ".", "-type", "f"],
    ] {
        compare(&mut table, root, peer, &init)?;
    }
    Ok(table)
}

fn compare(
    table: &mut Table,
    root: &Path,
    peer: &[&str],
    init: &Measurement,
) -> Result<(), Box<dyn Error>> {
    let name = peer.join(" ");
    if !is_here(peer[0]) {
        table.note(&name, "-".to_owned(), "not installed".to_owned());
        return Ok(());
    }
    let run = middle(ROUNDS, || {
        let mut command = Command::new(peer[0]);
        measure(command.current_dir(root).args(&peer[1..]))?.ended_with(&[0])
    })?;
    table.note(
        &name,
        format!("{:.0} ms", run.ms()),
        format!("assay takes {:.1} times as long", init.ms() / run.ms()),
    );
    Ok(())
}

fn generate(root: &Path) -> Result<(), Box<dyn Error>> {
    for number in 0..COMPOSE_FILES {
        write(
            root,
            &format!("deploy/stack-{number:02}/compose.yaml"),
            &compose(number),
        )?;
    }
    for number in 0..DOCKERFILES {
        let text = "FROM python:3.12-slim\nWORKDIR /srv\nCOPY . .\nEXPOSE 8000\n\
            HEALTHCHECK CMD curl -f http://localhost:8000/health\nCMD [\"python\", \"-m\", \"app\"]\n";
        write(root, &format!("images/image-{number:02}/Dockerfile"), text)?;
    }
    for number in 0..MANIFESTS {
        write(
            root,
            &format!("k8s/app-{number:02}.yaml"),
            &manifest(number),
        )?;
    }
    for number in 0..FILES - COMPOSE_FILES - DOCKERFILES - MANIFESTS {
        let language = &LANGUAGES[number % LANGUAGES.len()];
        let place = number / LANGUAGES.len();
        let path = format!(
            "{}/part_{:03}/file_{place:05}.{}",
            language.folder,
            place / FILES_PER_FOLDER,
            language.end
        );
        let mut text = format!("{}\n", language.line).repeat(LINES);
        if place.is_multiple_of(ROUTE_EVERY) {
            text += language.route;
            text.push('\n');
        }
        write(root, &path, &text)?;
    }
    Ok(())
}

fn compose(number: usize) -> String {
    let port = 8_000 + number;
    format!(
        "services:
  api-{number}:
    build: ../../images/image-{number:02}
    ports: [\"{port}:8000\"]
    environment:
      DATABASE_URL: postgres://app:app@db-{number}:5432/app
    depends_on:
      db-{number}:
        condition: service_healthy
    healthcheck:
      test: [\"CMD\", \"curl\", \"-f\", \"http://localhost:8000/health\"]
  db-{number}:
    image: postgres:16
    environment:
      POSTGRES_PASSWORD: app
"
    )
}

fn manifest(number: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{number:02}
spec:
  replicas: 2
  selector:
    matchLabels: {{ app: app-{number:02} }}
  template:
    metadata:
      labels: {{ app: app-{number:02} }}
    spec:
      containers:
        - name: app
          image: registry.example/app-{number:02}:1.0
          ports:
            - containerPort: 8080
          readinessProbe:
            httpGet: {{ path: /ready, port: 8080 }}
---
apiVersion: v1
kind: Service
metadata:
  name: app-{number:02}
spec:
  selector: {{ app: app-{number:02} }}
  ports:
    - port: 80
      targetPort: 8080
"
    )
}

fn write(root: &Path, path: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let path = root.join(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, text)?;
    Ok(())
}
