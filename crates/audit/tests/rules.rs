//! Every rule finds its failing sample and is content with its passing one; findings, checks and
//! scores reconcile.

use assay_audit::{AuditInput, RULES, Sample, SampleBoundary, audit};
use assay_model::{AuditReport, Severity};

fn lines(report: &AuditReport) -> Vec<String> {
    report
        .findings
        .iter()
        .map(|finding| {
            format!(
                "{} {}:{} {}",
                finding.rule, finding.file, finding.line, finding.message
            )
        })
        .collect()
}

fn input(
    files: &'static [(&'static str, &'static str)],
    unshipped: &'static [&'static str],
    boundaries: &'static [SampleBoundary],
) -> AuditInput {
    Sample {
        files,
        unshipped,
        boundaries,
    }
    .input()
}

#[track_caller]
fn check(
    files: &'static [(&'static str, &'static str)],
    unshipped: &'static [&'static str],
    boundaries: &'static [SampleBoundary],
    expected: &[&str],
) {
    assert_eq!(
        lines(&audit(&input(files, unshipped, boundaries))),
        expected
    );
}

#[test]
fn every_rule_has_samples_that_tell() {
    for rule in RULES {
        let failing = audit(&rule.failing.input());
        let passing = audit(&rule.passing.input());
        let of_rule = failing
            .findings
            .iter()
            .filter(|finding| finding.rule == rule.id);
        assert_eq!(of_rule.count(), 1, "{}: {:?}", rule.id, lines(&failing));
        assert_eq!(lines(&passing), Vec::<String>::new(), "{}", rule.id);
        assert!(!rule.why.is_empty() && !rule.summary.is_empty());
    }
}

#[test]
fn figures_reconcile() {
    for rule in RULES {
        for sample in [rule.failing, rule.passing] {
            let report = audit(&sample.input());
            let (overall, scopes) = report.scopes.split_last().unwrap();
            assert_eq!(
                overall.checks,
                scopes.iter().map(|scope| scope.checks).sum::<u32>()
            );
            assert_eq!(
                overall.passed,
                scopes.iter().map(|scope| scope.passed).sum::<u32>()
            );
            let mut failed: Vec<_> = report
                .findings
                .iter()
                .map(|finding| (&finding.rule, &finding.file))
                .collect();
            failed.sort();
            failed.dedup();
            assert_eq!((overall.checks - overall.passed) as usize, failed.len());
            for scope in &report.scopes {
                let share = f64::from(scope.passed) / f64::from(scope.checks);
                assert_eq!(
                    scope.score,
                    (scope.checks > 0).then_some(share),
                    "{}",
                    scope.name
                );
            }
        }
    }
}

#[test]
fn the_deciding_ignore_line_is_named() {
    check(
        &[
            ("services/a/main.rhai", "import \"telemetry\" as t;"),
            (
                "services/a/telemetry.rhai",
                "\nimport \"monitoring/metrics\" as m;",
            ),
            ("services/a/monitoring/metrics.rhai", ""),
        ],
        &["services/a/monitoring/metrics.rhai"],
        &[],
        &[
            "unresolved-import services/a/telemetry.rhai:2 module monitoring/metrics is needed at \
           start and not shipped: the ignore line `monitoring/metrics.rhai` leaves it out of the \
           bundle (services/a/.bundleignore:1)",
        ],
    );
}

#[test]
fn a_module_that_nobody_has_and_an_entry_that_does_not_ship() {
    check(
        &[("services/a/main.rhai", "fn f() { import \"gone\" as g; }")],
        &[],
        &[],
        &[
            "unresolved-import services/a/main.rhai:1 module gone is needed by a call and not \
           shipped: there is no file services/a/gone.rhai",
        ],
    );
    check(
        &[("services/a/other.rhai", "")],
        &[],
        &[],
        &[
            "unresolved-import services/a/main.rhai:1 entry module main.rhai is needed at start \
           and not shipped: there is no file services/a/main.rhai",
        ],
    );
}

const SHARED: &[SampleBoundary] = &[SampleBoundary {
    independent: &[],
    from: Some("libs/shared"),
    forbid: &["services/**"],
}];
const INDEPENDENT: &[SampleBoundary] = &[SampleBoundary {
    independent: &["services/a", "services/b"],
    from: None,
    forbid: &[],
}];

#[test]
fn boundaries_hold_for_every_way_to_write_a_path() {
    for module in [
        "../b/tokens",
        "services/b/tokens",
        "/services/b/tokens",
        "./../b/tokens",
    ] {
        let text: &'static str = format!("import \"{module}\" as t;").leak();
        let files: &'static [_] = Vec::leak(vec![
            ("services/a/main.rhai", text),
            ("services/b/main.rhai", ""),
            ("services/b/tokens.rhai", ""),
        ]);
        let report = audit(&input(files, &[], INDEPENDENT));
        let found = report
            .findings
            .iter()
            .filter(|finding| finding.rule == "boundary")
            .count();
        assert_eq!(found, 1, "{module}: {:?}", lines(&report));
    }
    let report = audit(&input(
        &[
            (
                "services/a/api/main.rhai",
                "import \"../../b/tokens\" as t;",
            ),
            ("services/b/tokens.rhai", ""),
        ],
        &[],
        INDEPENDENT,
    ));
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.rule == "boundary")
    );
}

#[test]
fn shared_code_knows_no_service() {
    check(
        &[
            (
                "libs/shared/a.rhai",
                "import \"services/b/x\" as x;\nimport \"libs/shared/b\" as b;",
            ),
            ("libs/shared/b.rhai", ""),
            ("services/b/main.rhai", "import \"x\" as x;"),
            ("services/b/x.rhai", ""),
        ],
        &[],
        SHARED,
        &[
            "boundary libs/shared/a.rhai:1 imports services/b/x.rhai, against \"the sample's \
           boundary\" (assay.toml:1)",
        ],
    );
}

#[test]
fn a_boundary_without_code_is_not_examined() {
    let report = audit(&input(&[("services/a/main.rhai", "")], &[], INDEPENDENT));
    assert_eq!(
        report.not_examined,
        ["boundary \"the sample's boundary\": no code in services/b"]
    );
}

#[test]
fn calls_are_judged_only_where_it_can_be_told() {
    check(
        &[
            (
                "services/a/main.rhai",
                "import \"x\" as x;\nimport \"gone\" as g;\nx::f(1);\nx::y::h();\nx::y::k();\n\
                 g::f();\nhost::f();\nx::hidden();",
            ),
            (
                "services/a/x.rhai",
                "import \"y\" as y;\nfn f() { 1 }\nprivate fn hidden() { 1 }",
            ),
            ("services/a/y.rhai", "fn h() { 1 }"),
            ("services/a/gone.rhai", ""),
        ],
        &["services/a/gone.rhai"],
        &[],
        &[
            "unresolved-import services/a/main.rhai:2 module gone is needed at start and not \
             shipped: the ignore line `gone.rhai` leaves it out of the bundle \
             (services/a/.bundleignore:1)",
            "undefined-call services/a/main.rhai:5 calls x::y::k, which services/a/y.rhai does \
             not define",
            "undefined-call services/a/main.rhai:8 calls x::hidden, which services/a/x.rhai does \
             not define",
        ],
    );
}

#[test]
fn nothing_examined_has_no_score() {
    let report = audit(&input(&[("services/a/page.html", "<p>")], &[], &[]));
    assert!(
        report
            .scopes
            .iter()
            .all(|scope| scope.score.is_none() && scope.checks == 0)
    );
    assert_eq!(
        report.not_examined,
        [
            "a: no entry module is configured",
            "a: no code of a language that is read",
        ]
    );
}

#[test]
fn what_is_left_out_is_counted() {
    let mut input = input(&[("services/a/main.rhai", "let x = ;")], &[], &[]);
    input.exclude = vec!["**/main.rhai".into()];
    let report = audit(&input);
    assert_eq!(lines(&report), Vec::<String>::new());
    assert_eq!(report.scopes[0].score, None);
    assert!(
        report
            .not_examined
            .iter()
            .any(|line| line.starts_with("1 files left out"))
    );
}

#[test]
fn a_finding_keeps_its_name_when_lines_move() {
    let before = audit(&input(
        &[("services/a/main.rhai", "import \"gone\" as g;")],
        &[],
        &[],
    ));
    let mut moved = input(
        &[(
            "services/a/main.rhai",
            "\n\nimport \"gone\" as g;\nimport \"gone\" as h;",
        )],
        &[],
        &[],
    );
    moved.baseline = Some(before.findings.clone());
    let after = audit(&moved);
    assert_eq!(
        after.findings[0].fingerprint,
        before.findings[0].fingerprint
    );
    assert_ne!(after.findings[0].line, before.findings[0].line);
    assert_eq!(
        (after.findings.len(), after.new),
        (2, 1),
        "the second one is new"
    );
    assert_eq!(before.new, 0);
    assert_eq!(before.findings[0].severity, Severity::Error);
}
