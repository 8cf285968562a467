//! What each difference between two trees means.

use assay_model::{ChangeKind, Excluded, Manifest, Priority, StabilityReport, TestCase};
use assay_source::SourceTree;
use assay_stability::{ServiceTree, Tree, compare};

/// A tree of one service; a path with `-` before it does not ship.
fn tree(files: &[(&str, &str)]) -> Tree {
    let plain: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.trim_start_matches('-'), *text))
        .collect();
    let mut manifest = Manifest {
        root: "services/a".into(),
        ..Manifest::default()
    };
    for (path, _) in files {
        match path.strip_prefix('-') {
            Some(path) => {
                let by = Excluded {
                    file: ".bundleignore".into(),
                    line: 7,
                    pattern: "monitoring/".into(),
                };
                manifest.excluded.insert(path.into(), by);
            }
            None => {
                manifest.files.insert((*path).into(), String::new());
            }
        }
    }
    Tree {
        label: "tree".into(),
        services: vec![ServiceTree {
            name: "a".into(),
            root: "services/a".into(),
            entry: Some("main.rhai".into()),
            manifest,
            source: SourceTree::of(plain),
        }],
        tests: None,
    }
}

#[track_caller]
fn check_report(report: &StabilityReport, expected: &[&str]) {
    let found: Vec<_> = report
        .changes
        .iter()
        .map(|change| {
            let kind = match change.kind {
                ChangeKind::Additive => "+",
                ChangeKind::Breaking => "!",
                ChangeKind::TestWeakened => "T",
            };
            format!(
                "{kind} {} {} {}:{} {}",
                change.what, change.name, change.file, change.line, change.message
            )
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        report.stable,
        expected.iter().all(|line| line.starts_with('+'))
    );
}

#[track_caller]
fn check(before: &[(&str, &str)], after: &[(&str, &str)], expected: &[&str]) {
    check_report(&compare(&tree(before), &tree(after)), expected);
}

#[test]
fn functions_that_others_may_call() {
    let main = ("main.rhai", "");
    check(
        &[main, ("m.rhai", "fn f(a) { a }")],
        &[main, ("m.rhai", "\nfn f(b) { 2 }")],
        &[],
    );
    check(
        &[main, ("m.rhai", "fn f(a) { a }")],
        &[main, ("m.rhai", "fn g() { 1 }")],
        &[
            "! export m::f/1 services/a/m.rhai:1 m::f/1 is gone",
            "+ export m::g/0 services/a/m.rhai:1 m::g/0 is new",
        ],
    );
    check(
        &[main, ("m.rhai", "fn f(a) { a }")],
        &[main, ("m.rhai", "fn f(a, b) { a }")],
        &["! export m::f/1 services/a/m.rhai:1 m::f/1 takes 2 parameters now"],
    );
    check(
        &[main, ("m.rhai", "fn f(a) { a }")],
        &[main, ("m.rhai", "private fn f(a) { a }")],
        &["! export m::f/1 services/a/m.rhai:1 m::f/1 is gone"],
    );
    check(
        &[main, ("m.rhai", "private fn f(a) { a }")],
        &[main, ("m.rhai", "")],
        &[],
    );
    check(
        &[main, ("m.rhai", "fn f() { 1 }")],
        &[main, ("m.rhai", "fn f() { ; = }")],
        &[
            "! export m::f/0 services/a/m.rhai:1 m::f/0 is gone: its module cannot be parsed, \
         Unexpected '='",
        ],
    );
}

#[test]
fn what_does_not_ship_is_gone() {
    let main = ("main.rhai", "import \"monitoring/metrics\" as m;");
    let metrics = "fn count() { 1 }";
    check(
        &[main, ("monitoring/metrics.rhai", metrics)],
        &[main, ("-monitoring/metrics.rhai", metrics)],
        &[
            "! module monitoring/metrics services/a/monitoring/metrics.rhai:1 module \
             monitoring/metrics no longer ships: services/a/.bundleignore:7 `monitoring/` leaves \
             it out",
            "! export monitoring/metrics::count/0 services/a/monitoring/metrics.rhai:1 \
             monitoring/metrics::count/0 is gone with its module monitoring/metrics: \
             services/a/.bundleignore:7 `monitoring/` leaves it out",
            "! import monitoring/metrics services/a/main.rhai:1 monitoring/metrics is needed at \
             start and does not ship: services/a/.bundleignore:7 `monitoring/` leaves it out",
        ],
    );
    check(
        &[main, ("-monitoring/metrics.rhai", metrics)],
        &[main, ("monitoring/metrics.rhai", metrics)],
        &[
            "+ module monitoring/metrics services/a/monitoring/metrics.rhai:1 module \
             monitoring/metrics ships now",
            "+ export monitoring/metrics::count/0 services/a/monitoring/metrics.rhai:1 \
             monitoring/metrics::count/0 is new",
        ],
    );
    check(
        &[("main.rhai", ""), ("-x.rhai", "fn f() { 1 }")],
        &[("main.rhai", "")],
        &[],
    );
}

#[test]
fn routes_that_clients_use() {
    let me = "fn me() {}\nroute(\"GET\", \"/me\", Fn(\"me\"));";
    check(
        &[("main.rhai", me)],
        &[("main.rhai", "fn me() {}")],
        &["! route GET /me services/a/main.rhai:2 GET /me is no longer answered"],
    );
    check(
        &[("main.rhai", "fn me() {}")],
        &[("main.rhai", me)],
        &["+ route GET /me services/a/main.rhai:2 GET /me is new"],
    );
    check(
        &[("main.rhai", me)],
        &[(
            "main.rhai",
            "fn me() {}\nroute(\"POST\", \"/me\", Fn(\"me\"));",
        )],
        &["! route GET /me services/a/main.rhai:2 GET /me is answered for POST instead"],
    );
    check(
        &[("main.rhai", "import \"api\" as api;"), ("api.rhai", me)],
        &[("main.rhai", ""), ("api.rhai", me)],
        &["! route GET /me services/a/api.rhai:2 GET /me is no longer answered"],
    );
}

fn test(id: &str, ignored: bool) -> TestCase {
    TestCase {
        id: format!("e2e/{id}").as_str().into(),
        suite: "e2e".into(),
        name: id.into(),
        category: None,
        priority: Priority::P1,
        services: Vec::new(),
        risk: None,
        ignored,
    }
}

#[test]
fn tests_that_are_weakened() {
    let with = |tests: Vec<TestCase>| Tree {
        tests: Some(tests),
        ..tree(&[("main.rhai", "")])
    };
    let before = with(vec![
        test("login", false),
        test("chat", false),
        test("slow", true),
    ]);
    let after = with(vec![
        test("chat", true),
        test("slow", false),
        test("new", false),
    ]);
    check_report(
        &compare(&before, &after),
        &[
            "T test e2e/chat e2e:0 test e2e/chat is no longer run",
            "T test e2e/login e2e:0 test e2e/login is gone",
            "+ test e2e/new e2e:0 test e2e/new is new",
        ],
    );
    check_report(&compare(&before, &before), &[]);
    check_report(&compare(&before, &tree(&[("main.rhai", "")])), &[]);
}

#[test]
fn services_that_come_and_go() {
    let empty = Tree::default();
    let one = tree(&[("main.rhai", "")]);
    check_report(
        &compare(&one, &empty),
        &["! service a services/a:0 service a is gone"],
    );
    let report = compare(&empty, &one);
    assert_eq!(report.changes.len(), 1);
    assert!(!report.stable, "there was nothing to hold it against");
    assert!(!compare(&empty, &empty).stable);
}

#[test]
fn the_table_counts_what_ships() {
    let main = "import \"m\" as m;\nroute(\"GET\", \"/x\", Fn(\"x\"));\nfn x() {}";
    let before = tree(&[
        ("main.rhai", main),
        ("m.rhai", "fn f() {}\nfn g() {}"),
        ("page.html", ""),
    ]);
    let after = tree(&[
        ("main.rhai", main),
        ("-m.rhai", "fn f() {}\nfn g() {}"),
        ("page.html", ""),
    ]);
    let rows: Vec<_> = compare(&before, &after)
        .rows
        .into_iter()
        .map(|row| format!("{}: {} -> {}", row.what, row.before, row.after))
        .collect();
    assert_eq!(
        rows,
        [
            "services: 1 -> 1",
            "files shipped: 3 -> 2",
            "modules shipped: 2 -> 1",
            "modules that cannot be parsed: 0 -> 0",
            "exported functions: 3 -> 1",
            "routes: 1 -> 1",
            "unresolved imports: 0 -> 1",
            "tests listed: not listed -> not listed",
        ]
    );
}
