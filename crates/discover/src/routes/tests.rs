mod compiled;
mod mounted;
mod scripts;

use proptest::prelude::*;

use super::*;

/// Compares the paths found, in the order of lines.
#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    let found = read(path, text);
    let shown: Vec<&str> = found.iter().map(|route| route.path.as_str()).collect();
    assert_eq!(shown, expected, "{path}: {text}");
}

/// A health path is there, and no route.
#[track_caller]
fn none(path: &str, text: &str) {
    assert!(may_register(text), "the text must be worth reading: {text}");
    check(path, text, &[]);
}

#[test]
fn places() {
    let text = "@app.get('/health')\ndef f(): pass";
    let no = |path: &str| check(path, text, &[]);
    check("api/latest/app.py", text, &["/health"]);
    check("api/contest.py", text, &["/health"]);
    no("tests/app.py");
    no("api/test_app.py");
    no("api/app_test.py");
    no("api/conftest.py");
    no("api/mocks/app.py");
    no("api/app.txt");
    let is = |path: &str, expected: bool| assert_eq!(is_test(path), expected, "{path}");
    is("a/b_test.go", true);
    is("a/b.test.ts", true);
    is("a/b.spec.js", true);
    is("a/types.d.ts", true);
    is("a/__tests__/b.js", true);
    is("a/src/test/java/A.java", true);
    is("a/OrderIT.java", true);
    is("a/OrderTest.kt", true);
    is("a/AUDIT.java", false);
    is("a/Latest.java", false);
    is("a/protest.go", false);
    is("a/spec.go", false);
}

#[test]
fn lines_and_twins() {
    let found = read(
        "app.py",
        "\n\n@app.get('/ping')\n@app.get('/health')\n@app.get('/ping')\ndef f(): pass",
    );
    let shown: Vec<_> = found
        .iter()
        .map(|r| (r.path.as_str(), r.origin.line))
        .collect();
    assert_eq!(shown, [("/ping", 3), ("/health", 4)]);
    assert!(
        found
            .iter()
            .all(|route| !route.documented && route.origin.file == "app.py")
    );
}

#[test]
fn generated_code_is_left_out() {
    let text = format!("app.get('/health', h);{}", " ".repeat(LINE_BYTES_MAX));
    check("a.js", &text, &[]);
    check("a.js", &text.replace("  ", "\n"), &["/health"]);
    let long = format!(
        "app.get('/health', h);\n{}",
        "x;\n".repeat(SOURCE_BYTES_MAX / 3)
    );
    check("a.js", &long, &[]);
}

#[test]
fn health_paths() {
    let is = |path: &str, expected: bool| assert_eq!(is_health(path), expected, "{path}");
    is("/health", true);
    is("/api/v1/health", true);
    is("/Health", true);
    is("/users/healthz/", true);
    is("/_healthz", true);
    is("/__heartbeat__", true);
    is("/-/healthy", true);
    is("/-/ready", true);
    is("/actuator/health", true);
    is("/q/health/live", true);
    is("/up", true);
    is("/api/v2.1/status", true);
    is("/orders/status", false);
    is("/live/stream", false);
    is("/healthcare", false);
    is("/", false);
    is("", false);
}

/// A file is read once, forwards: twice the text must not take far more than twice the time.
#[test]
fn nested_code_is_read_in_linear_time() {
    let nested = |depth: usize| {
        let open = ".nest(\"/a\",\nRouter::new().route(\"/health\",\nget(h))".repeat(depth);
        format!("Router::new(){open}{}", ")".repeat(depth))
    };
    let text = nested(8_000);
    let started = std::time::Instant::now();
    read("src/main.rs", &text);
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(
        text in r#"(get|route|@|path|Route|\[|\]|\(|\)|\{|\}|,|=|:|\.|"/health"|'/health'|::|->|do|end|class A|fn f|Group|nest|scope|use|register|prefix|methods|GET|#|\n| ){0,60}"#
    ) {
        for extension in ["py", "ts", "go", "rs", "java", "kt", "rb", "php", "cs", "ex"] {
            read(&format!("a.{extension}"), &text);
            read(&format!("a.{extension}"), &format!("<?php {text}"));
        }
    }
}
