//! The walk over a whole repository, on small trees made for the purpose.

use std::fs;
use std::path::Path;

use assay_discover::{Platform, Survey, survey};
use tempfile::TempDir;

fn tree(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder
}

fn look(folder: &TempDir) -> Survey {
    survey(folder.path()).expect("a folder that can be read")
}

fn unreadable(found: &Survey) -> Vec<String> {
    let all = found.clues.unreadable.iter();
    all.map(|u| format!("{}:{} {}", u.origin.file, u.origin.line, u.reason))
        .collect()
}

const COMPOSE: &[u8] =
    b"services:\n  api:\n    build: ./api\n    ports: ['8000:8000']\n    env_file: .env\n";

#[test]
fn a_small_shop() {
    let folder = tree(&[
        ("docker-compose.yml", COMPOSE),
        (".env", b"API_URL=http://x:1\nDB_PASSWORD=hunter2\n"),
        (".env.example", b"API_URL=http://api:8000\nDB_PASSWORD=change\n"),
        (".gitignore", b".env\nignored/\n"),
        ("api/Dockerfile", b"FROM python:3\nEXPOSE 8000\nCMD [\"uvicorn\", \"main:app\"]\n"),
        ("api/main.py", b"from fastapi import FastAPI\napp = FastAPI()\n@app.get(\"/health\")\ndef health(): return {}\n"),
        ("api/requirements.txt", b"fastapi\n"),
        ("Procfile", b"worker: python worker.py\n"),
        ("nginx/default.conf", b"server { location / { proxy_pass http://api:8000; } }"),
        ("k8s/web.yaml", b"apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{image: i}]}\n"),
        ("openapi.yaml", b"openapi: 3.0.0\npaths:\n  /healthz: {get: {}}\n"),
        ("ignored/docker-compose.yml", COMPOSE),
        ("node_modules/x/Dockerfile", b"FROM x"),
        (".github/docker-compose.yml", COMPOSE),
    ]);
    let found = look(&folder);
    let clues = &found.clues;
    let units: Vec<_> = clues
        .units
        .iter()
        .map(|u| (u.platform, u.name.as_str()))
        .collect();
    assert_eq!(
        units,
        [
            (Platform::Compose, "api"),
            (Platform::Kubernetes, "web"),
            (Platform::Procfile, "worker")
        ]
    );
    assert_eq!(clues.dockerfiles.len(), 1);
    assert_eq!(clues.proxies[0].upstreams, ["api:8000"]);
    let routes: Vec<_> = clues
        .routes
        .iter()
        .map(|r| (r.path.as_str(), r.documented))
        .collect();
    assert_eq!(routes, [("/health", false), ("/healthz", true)]);
    assert_eq!(clues.packages.len(), 1);
    let variables: Vec<_> = clues
        .variables
        .iter()
        .map(|v| format!("{}:{}={}", v.origin.file, v.name, v.example))
        .collect();
    assert_eq!(
        variables,
        [
            ".env:API_URL=",
            ".env:DB_PASSWORD=",
            ".env.example:API_URL=http://api:8000",
            ".env.example:DB_PASSWORD="
        ]
    );
    assert_eq!(unreadable(&found), [""; 0]);
    assert!(!found.capped);
    assert!(!format!("{clues:?}").contains("hunter2"));
    assert_eq!(found, look(&folder), "the same each time");
}

#[test]
fn nothing_to_find() {
    let found = look(&tree(&[("README.md", b"# x")]));
    assert_eq!(found.clues, assay_discover::Clues::default());
    assert_eq!((found.files, found.read), (1, 0));
}

#[test]
fn a_root_that_is_none() {
    let folder = tree(&[("f", b"")]);
    for path in [folder.path().join("missing"), folder.path().join("f")] {
        let error = survey(&path).expect_err("no folder");
        assert!(
            error.to_string().ends_with("is no folder that can be read"),
            "{error}"
        );
    }
}

#[test]
fn bad_files_are_named_and_stop_nothing() {
    let huge = vec![b'#'; 50 << 20];
    let folder = tree(&[
        ("a/compose.yml", b"services: {a: [}"),
        ("b/compose.yml", b"\0\x01\x02"),
        ("c/compose.yml", b"services: {\xff: 1}"),
        ("d/compose.yml", &huge),
        ("e/Dockerfile", b"NONSENSE"),
        (
            "f/templates/x.yaml",
            b"apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Values.x }}}\n",
        ),
        ("g/other.yaml", b"a: [broken"),
        (
            "h/k8s.yaml",
            b"apiVersion: v1\nkind: Service\nmetadata: [\n",
        ),
        ("ok/compose.yml", b"services: {fine: {image: x}}"),
    ]);
    fs::create_dir_all(folder.path().join("dir/Dockerfile")).expect("a folder");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("Procfile")).expect("a link");
        let fifo = folder.path().join("compose.yaml");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    }
    let found = look(&folder);
    let names: Vec<_> = found
        .clues
        .units
        .iter()
        .map(|unit| unit.name.as_str())
        .collect();
    assert_eq!(names, ["fine"]);
    let told = unreadable(&found);
    let starts = [
        "a/compose.yml:1 ",
        "b/compose.yml:0 a binary file",
        "c/compose.yml:0 not UTF-8",
        "d/compose.yml:0 larger than 4 MiB",
        "e/Dockerfile:1 ",
        "f/templates/x.yaml:3 a Helm template",
        "h/k8s.yaml:",
    ];
    assert_eq!(told.len(), starts.len(), "{told:?}");
    for (told, start) in told.iter().zip(starts) {
        assert!(told.starts_with(start), "{told} is not {start}");
    }
}

#[test]
fn links_that_leave_the_repository_are_not_followed() {
    let outside = tree(&[("secret.env", b"A=outside\n")]);
    let folder = tree(&[(
        "compose.yml",
        b"services: {a: {image: x, env_file: [link.env, ../up.env]}}",
    )]);
    #[cfg(unix)]
    std::os::unix::fs::symlink(
        outside.path().join("secret.env"),
        folder.path().join("link.env"),
    )
    .expect("a link");
    let found = look(&folder);
    assert!(
        found.clues.units[0].env.is_empty(),
        "{:?}",
        found.clues.units[0].env
    );
}

#[test]
fn twelve_compose_files() {
    let texts: Vec<(String, String)> = (0..12)
        .map(|n| {
            (
                format!("docker-compose.v{n}.yml"),
                format!("services: {{s{n}: {{image: x}}}}"),
            )
        })
        .collect();
    let files: Vec<(&str, &[u8])> = texts
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()))
        .collect();
    assert_eq!(look(&tree(&files)).clues.units.len(), 12);
}

/// 20,000 files, of which a hundred have a route. The bound is wide, because other tests use the
/// machine at the same time: it is there for a reader that is not linear.
#[test]
fn a_large_repository_is_read_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    write_many(folder.path());
    look(&folder);
    let start = std::time::Instant::now();
    let found = look(&folder);
    let took = start.elapsed();
    assert_eq!(found.files, 20_000);
    assert_eq!(found.clues.routes.len(), 100);
    assert!(took.as_secs() < 20, "{took:?}");
}

fn write_many(root: &Path) {
    let filler = "def f(value):\n    return value + 1\n".repeat(60);
    for folder in 0..200 {
        let path = root.join(format!("services/s{folder}"));
        fs::create_dir_all(&path).expect("a folder");
        for file in 0..100 {
            let route = if file == 0 && folder % 2 == 0 {
                "@app.get(\"/health\")\ndef h(): pass\n"
            } else {
                ""
            };
            let name = if file % 10 == 9 {
                format!("m{file}.yaml")
            } else {
                format!("m{file}.py")
            };
            let text = if file % 10 == 9 {
                "a: [1, 2]\n".repeat(50)
            } else {
                format!("{filler}{route}")
            };
            fs::write(path.join(name), text).expect("a file");
        }
    }
}
