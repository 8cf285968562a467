//! What each town in trouble is diagnosed with.

use assay_diagnose::{Catalogue, Observed, diagnose};
use assay_model::{Cause, Diagnosis, DiagnosisVerdict};

use crate::incidents::*;
use crate::town;

/// `verdict | component@service class signature defect [remedies] | …` for comparison.
fn shown(diagnosis: &Diagnosis) -> String {
    let mut parts = vec![format!("{:?}", diagnosis.verdict)];
    parts.extend(diagnosis.causes.iter().map(|cause| {
        let defect = cause.defect.as_ref().map_or_else(
            || "-".to_owned(),
            |defect| format!("{}:{} `{}`", defect.file, defect.line, defect.text.trim()),
        );
        format!(
            "{}@{} {} {} {defect} [{}] {} whys",
            cause.component,
            cause.service,
            cause.class.word(),
            cause.signature,
            cause.remedies.join(" "),
            cause.whys.len()
        )
    }));
    parts.join(" | ")
}

fn check(observed: &Observed, expected: &str) -> Diagnosis {
    let diagnosis = diagnose(observed, Catalogue::builtin());
    assert_eq!(shown(&diagnosis), expected, "{diagnosis:#?}");
    for cause in &diagnosis.causes {
        assert!((0.0..=1.0).contains(&cause.confidence));
        assert!(cause.whys.iter().all(|why| !why.evidence.is_empty()));
        assert!(
            cause.whys.iter().all(|why| !why.text.contains("unnamed")),
            "{:#?}",
            cause.whys
        );
    }
    diagnosis
}

fn why(cause: &Cause, place: usize) -> &str {
    &cause.whys[place].text
}

#[test]
fn missing_module_without_a_gate() {
    let found = check(
        &missing_module(),
        "Explained | freight/tariffs@harbor packaging module-missing \
         depots/harbor/.bundleignore:7 `freight/` [rollback unignore person] 5 whys",
    );
    let cause = &found.causes[0];
    assert_eq!(cause.symptoms.len(), found.symptoms.len());
    assert_eq!((cause.count.n, cause.count.unit.as_str()), (9, "exits"));
    assert_eq!(cause.last_good.as_deref(), Some("rh1aaaaaaaa1"));
    assert_eq!(cause.revision.as_deref(), Some("rh2bbbbbbbb2"));
    assert_eq!(
        cause.log_pattern.as_deref(),
        Some("module not found: freight/tariffs")
    );
    assert!(why(cause, 0).starts_with("4 of 6 tests failed, 1 of 3 services unavailable (harbor)"));
    assert!(
        why(cause, 1).contains("exit code 3, 9 times in 14.2 s"),
        "{}",
        why(cause, 1)
    );
    assert!(why(cause, 2).contains("freight/tariffs, which gauges.rhai:2 imports,"));
    assert_eq!(
        cause.whys[2]
            .excerpt
            .as_deref()
            .map(|e| e.ends_with(MISSING)),
        Some(true)
    );
    assert!(why(cause, 3).contains("depots/harbor/.bundleignore:7 `freight/`"));
    assert!(why(cause, 4).contains("town.toml:8"), "{}", why(cause, 4));
    let gate = cause.gate.as_ref().unwrap();
    assert_eq!(
        (gate.gate.as_str(), gate.at.as_ref().unwrap().line),
        ("probe", 8)
    );
    let refuted: Vec<&str> = cause
        .refuted
        .iter()
        .map(|r| r.alternative.as_str())
        .collect();
    assert_eq!(
        refuted,
        [
            "the code of harbor is broken",
            "mint is down or broken itself"
        ]
    );
    let tests: Vec<&str> = cause.failing_tests.iter().map(|test| &**test).collect();
    assert_eq!(
        tests,
        [
            "e2e/sailors::load",
            "e2e/sailors::board",
            "e2e/coinage::strike",
            "e2e/coinage::melt"
        ]
    );
}

#[test]
fn log_lines_are_cited_by_their_place_in_the_file() {
    let found = diagnose(&missing_module(), Catalogue::builtin());
    let evidence = &found.causes[0].whys[2].evidence[0];
    assert_eq!(evidence.source.label(), "logs/rh2bbbbbbbb2.log:101");
    assert_eq!(evidence.hash, "log-rh2bbbbbbbb2");
}

#[test]
fn a_gate_that_held() {
    let found = check(
        &gate_refused(),
        "Explained | freight/tariffs@harbor packaging module-missing \
         depots/harbor/.bundleignore:7 `freight/` [unignore person] 5 whys",
    );
    let cause = &found.causes[0];
    assert!(why(cause, 0).contains("users stay on revision rh1aaaaaaaa1"));
    assert!(why(cause, 4).starts_with("nothing was absent here"));
}

#[test]
fn a_killed_process() {
    let found = check(
        &killed(),
        "Explained | process@mint infrastructure process-killed \
         town.toml:14 `restart = \"never\"` [restart person] 5 whys",
    );
    assert_eq!(
        found.causes[0].gate.as_ref().unwrap().gate,
        "restart policy"
    );
    let mut restarted = killed();
    let plan = restarted
        .project
        .services
        .get_mut("mint")
        .unwrap()
        .deploy
        .as_mut()
        .unwrap();
    plan.restart = assay_model::RestartPolicy::Always;
    let found = check(
        &restarted,
        "Explained | process@mint infrastructure process-killed - [restart person] 3 whys",
    );
    assert!(found.missing_evidence[0].contains("the log of the host"));
}

#[test]
fn a_slow_store() {
    let found = check(
        &slow_store(),
        "Explained | vaultdb@vaultdb infrastructure dependency-slow - [person] 3 whys",
    );
    let cause = &found.causes[0];
    assert_eq!(
        why(cause, 1),
        "harbor needs vaultdb and reports it degraded (5003 ms)"
    );
    assert!(why(cause, 2).contains("5003 ms, where the configuration calls 800 ms degraded"));
    assert!(cause.gate.is_none());
    assert!(!found.missing_evidence.is_empty());
}

#[test]
fn a_missing_method() {
    let found = check(
        &method_missing(),
        "Explained | depots/harbor/piers/loader.rhai@harbor code method-missing \
         depots/harbor/piers/loader.rhai:31 `crane.hoist_all(x);` [rollback revert-hunk person] \
         5 whys",
    );
    let cause = &found.causes[0];
    assert!(
        why(cause, 4).contains("nothing exercises `WS /things`"),
        "{}",
        why(cause, 4)
    );
    assert!(
        why(cause, 3).contains("calls hoist_all on Winch"),
        "{}",
        why(cause, 3)
    );
    assert_eq!(cause.gate.as_ref().unwrap().gate, "smoke test");
    let pattern = "unhandled error: function not found: hoist_all (Winch)";
    assert!(pattern.contains(cause.log_pattern.as_deref().unwrap()));
}

#[test]
fn a_module_that_never_existed() {
    check(
        &never_existed(),
        "Explained | freight/tariffs@harbor code module-missing \
         depots/harbor/gauges.rhai:2 `import \"freight/tariffs\" as t;` \
         [rollback revert-hunk person] 5 whys",
    );
}

#[test]
fn two_failures_are_two_causes() {
    let found = diagnose(&two_failures(), Catalogue::builtin());
    let services: Vec<&str> = found.causes.iter().map(|cause| &*cause.service).collect();
    assert_eq!(services, ["harbor", "mint"], "{found:#?}");
    for (cause, other) in [(0, "mint"), (1, "harbor")] {
        let cause = &found.causes[cause];
        assert!(why(cause, 0).starts_with("2 of 6 tests failed, 1 of 3 services unavailable"));
        assert!(
            cause
                .refuted
                .iter()
                .all(|refuted| !refuted.alternative.starts_with(other))
        );
    }
    assert_eq!(found.verdict, DiagnosisVerdict::Explained);
}

#[test]
fn nothing_wrong() {
    let found = check(&town::well(), "Healthy");
    assert!(found.symptoms.is_empty() && found.decoys.is_empty());
    let found = check(&warnings(), "Healthy");
    assert_eq!(found.decoys.len(), 1, "{:#?}", found.decoys);
    assert!(
        found.decoys[0].text.contains("50 times"),
        "{:#?}",
        found.decoys
    );
}

#[test]
fn an_older_failure_stands_apart() {
    let found = diagnose(&older_failure(), Catalogue::builtin());
    assert_eq!(found.pre_existing, [0, 1], "{found:#?}");
    assert_eq!(found.causes.len(), 1);
    assert_eq!(found.causes[0].remedies, ["revert-hunk", "person"]);
    let refuted = &found.causes[0].refuted;
    assert!(
        refuted
            .iter()
            .any(|r| r.alternative.contains("roll-out of revision rp2bbbbbbbb2"))
    );
}

#[test]
fn no_candidate_is_inconclusive() {
    let found = check(&silent(), "Inconclusive");
    assert_eq!(found.unexplained, [0]);
    assert!(
        found.missing_evidence[0].contains("harbor"),
        "{:?}",
        found.missing_evidence
    );
    let mut unseen = silent();
    unseen.observations.clear();
    let found = check(&unseen, "Inconclusive");
    assert!(found.missing_evidence[0].contains("was not observed"));
}

#[test]
fn a_cause_cannot_follow_its_effect() {
    let found = check(&late_failure(), "Inconclusive");
    assert!(
        found.decoys[0]
            .reason
            .contains("after what it would have to explain")
    );
}

#[test]
fn what_a_revision_did_that_no_longer_serves_explains_nothing() {
    let mut seen = silent();
    town::rollout(
        &mut seen,
        "harbor",
        "rh2bbbbbbbb2",
        assay_model::RolloutOutcome::Succeeded,
        town::ROLLED_OUT,
    );
    town::log(
        &mut seen,
        "harbor",
        "rh2bbbbbbbb2",
        &[(31_000, "listening")],
    );
    town::log(&mut seen, "harbor", "rh1aaaaaaaa1", &[(20_000, NO_METHOD)]);
    let found = check(&seen, "Inconclusive");
    assert_eq!(
        found.decoys[0].reason,
        "revision rh1aaaaaaaa1 no longer serves"
    );
}

#[test]
fn what_is_left_over_makes_it_partly() {
    let mut seen = killed();
    town::fail(&mut seen, "plaza", "plaza", "GET", 500, town::TESTED);
    let found = check(
        &seen,
        "Partly | process@mint infrastructure process-killed \
         town.toml:14 `restart = \"never\"` [restart person] 5 whys",
    );
    assert_eq!(found.unexplained.len(), 1);
}

#[test]
fn tracebacks_of_other_languages_lead_to_the_same_place() {
    let traceback = "Traceback (most recent call last):\n  File \"/app/main.rhai\", line 4, in <module>\n    import gauges\n  File \"/app/gauges.rhai\", line 2, in <module>\n    import freight.tariffs\nModuleNotFoundError: No module named 'freight.tariffs'";
    let node = "Error: Cannot find module './freight/tariffs'\nRequire stack:\n- /app/gauges.rhai\n    at Module._load (node:internal/modules/cjs/loader:9:1)\n    at Object.<anonymous> (/app/gauges.rhai:2:1)\n    at Object.<anonymous> (/app/main.rhai:4:1)";
    for (text, module) in [(traceback, "freight.tariffs"), (node, "./freight/tariffs")] {
        let mut seen = missing_module();
        seen.texts.remove("log-rh2bbbbbbbb2");
        town::log(&mut seen, "harbor", "rh2bbbbbbbb2", &[(33_000, text)]);
        let found = check(
            &seen,
            &format!(
                "Explained | {module}@harbor packaging module-missing \
                 depots/harbor/.bundleignore:7 `freight/` [rollback unignore person] 5 whys"
            ),
        );
        assert!(
            why(&found.causes[0], 2).contains("gauges.rhai:2"),
            "{found:#?}"
        );
    }
}

#[test]
fn a_refused_revision_explains_nothing_that_users_see() {
    let mut seen = gate_refused();
    town::fail(&mut seen, "sailors", "harbor", "GET", 500, town::TESTED);
    let found = check(
        &seen,
        "Partly | freight/tariffs@harbor packaging module-missing \
         depots/harbor/.bundleignore:7 `freight/` [unignore person] 5 whys",
    );
    assert_eq!(found.unexplained, [0]);
}
