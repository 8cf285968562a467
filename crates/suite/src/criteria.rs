//! Counting results, and whether they are green. Pure.

use std::collections::BTreeMap;

use assay_model::{Criterion, Execution, Outcome, Priority, TestResult, Totals, Verdict};

/// The judgement over all `tests`, with the share that each priority may leave unproven. A
/// priority without a limit allows none.
pub fn judge(tests: Vec<TestResult>, limits: &BTreeMap<Priority, f64>, proved: bool) -> Execution {
    let totals = totals(&tests);
    let criteria = criteria(&tests, limits);
    // A limit of 1.0 must not make a suite green in which nothing was shown to work.
    let green = totals.proven > 0 && criteria.iter().all(|criterion| criterion.met);
    Execution {
        tests,
        totals,
        criteria,
        proved,
        green,
    }
}

/// Counts the outcomes.
pub fn totals(tests: &[TestResult]) -> Totals {
    let mut totals = Totals::default();
    for test in tests {
        totals.planned += 1;
        let count = match test.outcome {
            Outcome::Passed => &mut totals.passed,
            Outcome::Failed => &mut totals.failed,
            Outcome::Errored => &mut totals.errored,
            Outcome::Skipped => &mut totals.skipped,
            Outcome::TimedOut => &mut totals.timed_out,
            Outcome::NotRun => &mut totals.not_run,
        };
        *count += 1;
        totals.proven += u32::from(test.verdict == Some(Verdict::Proven));
    }
    totals
}

/// One line for each priority that has tests. Passing tests of unit suites are outside the
/// count; one that fails counts like every other test.
pub fn criteria(tests: &[TestResult], limits: &BTreeMap<Priority, f64>) -> Vec<Criterion> {
    let mut counts: BTreeMap<Priority, (u32, u32)> = BTreeMap::new();
    for test in tests
        .iter()
        .filter(|test| test.verdict != Some(Verdict::NotApplicable))
    {
        let (all, unproven) = counts.entry(test.priority).or_default();
        *all += 1;
        *unproven += u32::from(test.verdict != Some(Verdict::Proven));
    }
    counts
        .into_iter()
        .map(|(priority, (tests, unproven))| {
            let limit = limits.get(&priority).copied().unwrap_or(0.0);
            let share = f64::from(unproven) / f64::from(tests);
            Criterion {
                priority,
                tests,
                limit,
                share,
                met: share <= limit,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use assay_model::TestId;

    use super::*;

    /// `2 proven, 1 failed` → that many results of one priority.
    fn results(priority: u8, text: &str) -> Vec<TestResult> {
        let mut results = Vec::new();
        for part in text.split(", ").filter(|part| !part.is_empty()) {
            let (count, word) = part.split_once(' ').unwrap();
            let (outcome, verdict) = match word {
                "failed" => (Outcome::Failed, None),
                "errored" => (Outcome::Errored, None),
                "late" => (Outcome::TimedOut, None),
                "lost" => (Outcome::NotRun, None),
                "proven" => (Outcome::Passed, Some(Verdict::Proven)),
                "vacuous" => (Outcome::Passed, Some(Verdict::Vacuous)),
                "unit" => (Outcome::Passed, Some(Verdict::NotApplicable)),
                other => panic!("no result {other}"),
            };
            for _ in 0..count.parse::<u32>().unwrap() {
                results.push(TestResult {
                    test: TestId::from("e2e/x"),
                    priority: Priority::new(priority).unwrap(),
                    services: Vec::new(),
                    outcome,
                    verdict,
                    duration_ms: 1,
                    reasons: Vec::new(),
                    message: None,
                    failing: Vec::new(),
                    evidence: Vec::new(),
                });
            }
        }
        results
    }

    fn check(p1: &str, p2: &str, limit: f64, green: bool) {
        let tests = results(1, p1).into_iter().chain(results(2, p2)).collect();
        let limits = BTreeMap::from([(Priority::new(2).unwrap(), limit)]);
        let execution = judge(tests, &limits, true);
        assert_eq!(
            execution.green, green,
            "{p1} | {p2} | {limit}: {:?}",
            execution.criteria
        );
    }

    #[test]
    fn green_is_within_every_limit() {
        check("3 proven", "", 0.0, true);
        check("3 proven", "19 proven, 1 failed", 0.05, true);
        check("3 proven", "18 proven, 2 failed", 0.05, false);
        check("3 proven, 1 vacuous", "20 proven", 0.05, false);
        check("3 proven, 1 failed", "20 proven", 0.05, false);
    }

    #[test]
    fn nothing_examined_is_not_green() {
        check("", "", 0.0, false);
        check("", "5 vacuous", 1.0, false);
        check("4 unit", "", 0.0, false);
    }

    #[test]
    fn unit_tests_neither_prove_nor_dilute() {
        check("4 unit, 1 proven", "", 0.0, true);
        check("1 proven", "18 unit, 1 proven, 1 failed", 0.1, false);
        check("1 failed, 4 unit", "1 proven", 0.0, false);
    }

    #[test]
    fn each_test_is_counted_once() {
        let totals = totals(&results(
            1,
            "2 proven, 1 vacuous, 3 failed, 1 errored, 1 late, 1 lost",
        ));
        let expected = Totals {
            planned: 9,
            passed: 3,
            failed: 3,
            errored: 1,
            skipped: 0,
            timed_out: 1,
            not_run: 1,
            proven: 2,
        };
        assert_eq!(totals, expected);
    }
}
