//! Towns in trouble.

use assay_diagnose::Observed;
use assay_model::{InstanceState, RestartPolicy, RolloutOutcome, Status};

use crate::town::*;

pub(crate) const MISSING: &str = r#"{"ts":"x","level":"error","service":"harbor","revision":"rh2bbbbbbbb2","msg":"start failed: module not found: freight/tariffs","trace":["main.rhai:4:1","gauges.rhai:2:1"]}"#;

const IGNORE_CHANGE: &str = "--- a/depots/harbor/.bundleignore\n+++ b/depots/harbor/.bundleignore\n@@ -5,1 +5,3 @@\n docs/\n+*.tmp\n+freight/\n";

/// The times of nine exits, 14.2 s from the first to the last.
const NINE: [i64; 9] = [
    33_100, 33_300, 33_700, 34_500, 36_100, 39_300, 42_300, 44_800, 47_300,
];

/// A module was left out of the bundle, and it was rolled out without a gate.
pub(crate) fn missing_module() -> Observed {
    let mut seen = well();
    ungated(&mut seen);
    rollout(
        &mut seen,
        "harbor",
        "rh2bbbbbbbb2",
        RolloutOutcome::Unverified,
        ROLLED_OUT,
    );
    stopped(&mut seen, "harbor", "rh1aaaaaaaa1");
    missing_module_start(&mut seen);
    probe(&mut seen, "harbor", Status::Unavailable, Some(503), 2);
    fail(&mut seen, "sailors", "harbor", "GET", 503, TESTED);
    fail(&mut seen, "coinage", "mint", "POST", 502, TESTED + 100);
    let upstream = r#"{"level":"error","msg":"login failed: upstream harbor answered 503"}"#;
    log(&mut seen, "mint", "rm1aaaaaaaa1", &[(TESTED, upstream)]);
    seen
}

fn missing_module_start(seen: &mut Observed) {
    exclude(seen, "rh2bbbbbbbb2", "freight/tariffs.rhai", 7, "freight/");
    seen.texts
        .insert("change-rh2bbbbbbbb2".to_owned(), IGNORE_CHANGE.to_owned());
    for ms in NINE {
        log(seen, "harbor", "rh2bbbbbbbb2", &[(ms - 10, MISSING)]);
    }
    let code = (Some(3), None);
    exits(
        seen,
        "harbor",
        "rh2bbbbbbbb2",
        InstanceState::BackingOff,
        code,
        &NINE,
    );
}

/// The same, and the gate refused it.
pub(crate) fn gate_refused() -> Observed {
    let mut seen = well();
    rollout(
        &mut seen,
        "harbor",
        "rh2bbbbbbbb2",
        RolloutOutcome::RolledBack,
        ROLLED_OUT,
    );
    missing_module_start(&mut seen);
    let code = (Some(3), None);
    exits(
        &mut seen,
        "harbor",
        "rh2bbbbbbbb2",
        InstanceState::Stopped,
        code,
        &NINE[..3],
    );
    seen
}

/// A process was killed and is not started again.
pub(crate) fn killed() -> Observed {
    let mut seen = well();
    let plan = seen
        .project
        .services
        .get_mut("mint")
        .unwrap()
        .deploy
        .as_mut()
        .unwrap();
    plan.restart = RestartPolicy::Never;
    let config = seen.config.as_mut().unwrap();
    let (head, tail) = config.text.rsplit_once("restart = \"always\"").unwrap();
    config.text = format!("{head}restart = \"never\"{tail}");
    let signal = (None, Some(9));
    exits(
        &mut seen,
        "mint",
        "rm1aaaaaaaa1",
        InstanceState::Exited,
        signal,
        &[40_000],
    );
    probe(&mut seen, "mint", Status::Unavailable, Some(503), 2);
    fail(&mut seen, "coinage", "mint", "POST", 503, TESTED);
    fail(&mut seen, "sailors", "mint", "POST", 503, TESTED + 100);
    seen
}

/// A backing store answers after five seconds.
pub(crate) fn slow_store() -> Observed {
    let mut seen = well();
    probe(&mut seen, "harbor", Status::Degraded, Some(200), 5_010);
    reports(&mut seen, "harbor", "vaultdb", "degraded", 5_003);
    reports(&mut seen, "harbor", "mint", "healthy", 3);
    let slow = r#"{"level":"warn","msg":"slow query: 5003 ms: SELECT 1"}"#;
    log(
        &mut seen,
        "harbor",
        "rh1aaaaaaaa1",
        &[(50_100, slow), (56_000, slow)],
    );
    fail(&mut seen, "sailors", "harbor", "GET", 0, TESTED);
    fail(&mut seen, "coinage", "mint", "POST", 502, TESTED + 100);
    seen
}

const CALL_CHANGE: &str = "--- a/depots/harbor/gauges.rhai\n+++ b/depots/harbor/gauges.rhai\n@@ -1,1 +1,1 @@\n-let a = 1;\n+let a = 2;\n--- a/depots/harbor/piers/loader.rhai\n+++ b/depots/harbor/piers/loader.rhai\n@@ -30,2 +30,3 @@\n // begins\n-    crane.hoist(x);\n+    crane.hoist_all(x);\n+    done();\n";

pub(crate) const NO_METHOD: &str = r#"{"level":"error","msg":"unhandled error: function not found: hoist_all (Winch)","trace":["main.rhai:9:1","piers/loader.rhai:31:9"]}"#;

/// A method is called that an object does not have; the gate does not notice.
pub(crate) fn method_missing() -> Observed {
    let mut seen = well();
    rollout(
        &mut seen,
        "harbor",
        "rh2bbbbbbbb2",
        RolloutOutcome::Succeeded,
        ROLLED_OUT,
    );
    stopped(&mut seen, "harbor", "rh1aaaaaaaa1");
    seen.texts
        .insert("change-rh2bbbbbbbb2".to_owned(), CALL_CHANGE.to_owned());
    log(
        &mut seen,
        "harbor",
        "rh2bbbbbbbb2",
        &[(58_000, NO_METHOD), (58_500, NO_METHOD)],
    );
    probe(&mut seen, "harbor", Status::Healthy, Some(200), 9);
    fail(&mut seen, "sailors", "harbor", "WS", 1011, TESTED);
    seen
}

/// Two failures that have nothing to do with each other.
pub(crate) fn two_failures() -> Observed {
    let mut seen = missing_module();
    let signal = (None, Some(9));
    exits(
        &mut seen,
        "mint",
        "rm1aaaaaaaa1",
        InstanceState::Exited,
        signal,
        &[40_000],
    );
    probe(&mut seen, "mint", Status::Unavailable, Some(503), 2);
    fail(&mut seen, "coinage", "mint", "POST", 503, TESTED + 100);
    seen
}

/// Harbor failed before plaza was rolled out, and nothing else is wrong.
pub(crate) fn older_failure() -> Observed {
    let mut seen = method_missing();
    seen.run_rollouts_from = seen.rollouts.len();
    rollout(
        &mut seen,
        "plaza",
        "rp2bbbbbbbb2",
        RolloutOutcome::Succeeded,
        70_000,
    );
    log(&mut seen, "plaza", "rp2bbbbbbbb2", &[(71_000, "listening")]);
    stopped(&mut seen, "plaza", "rp1aaaaaaaa1");
    fail(&mut seen, "sailors", "harbor", "WS", 1011, 85_000);
    seen
}

/// Tests fail and nothing says why.
pub(crate) fn silent() -> Observed {
    let mut seen = well();
    fail(&mut seen, "sailors", "harbor", "GET", 500, TESTED);
    seen
}

/// Nothing is wrong; a log is full of warnings.
pub(crate) fn warnings() -> Observed {
    let mut seen = well();
    for n in 0..50 {
        let line = format!(r#"{{"level":"warn","msg":"freight cache missed {n}"}}"#);
        log(
            &mut seen,
            "harbor",
            "rh1aaaaaaaa1",
            &[(40_000 + n * 100, &line)],
        );
    }
    seen
}

/// The only failure that a log knows of came long after what it would have to explain.
pub(crate) fn late_failure() -> Observed {
    let mut seen = well();
    fail(&mut seen, "sailors", "harbor", "GET", 500, 40_000);
    log(&mut seen, "harbor", "rh1aaaaaaaa1", &[(79_000, NO_METHOD)]);
    seen
}

/// An imported module stands nowhere.
pub(crate) fn never_existed() -> Observed {
    let mut seen = missing_module();
    let id = "rh2bbbbbbbb2";
    let mut known = manifest(&seen, id);
    known.excluded.clear();
    set_manifest(&mut seen, id, &known);
    let change = "--- a/depots/harbor/gauges.rhai\n+++ b/depots/harbor/gauges.rhai\n@@ -1,1 +1,2 @@\n // gauges\n+import \"freight/tariffs\" as t;\n";
    seen.texts.insert(format!("change-{id}"), change.to_owned());
    seen
}

pub(crate) type Incident = (&'static str, fn() -> Observed);

/// All of them.
pub(crate) const ALL: [Incident; 12] = [
    ("well", well),
    ("missing_module", missing_module),
    ("gate_refused", gate_refused),
    ("killed", killed),
    ("slow_store", slow_store),
    ("method_missing", method_missing),
    ("two_failures", two_failures),
    ("older_failure", older_failure),
    ("silent", silent),
    ("warnings", warnings),
    ("late_failure", late_failure),
    ("never_existed", never_existed),
];
