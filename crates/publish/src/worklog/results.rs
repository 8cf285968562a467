//! Step 2: what passed, what each pass is worth, and what the failures have in common.

use std::collections::{BTreeMap, BTreeSet};

use assay_model::{Criterion, Execution, Outcome, Step, TestResult, Verdict};

use crate::page::Page;
use crate::story::Noted;
use crate::text::{
    Bounds, between_ms, bounded_prose, code, counted, duration, excerpt, len, listed, named,
    percent, prose, utc_range,
};
use crate::view::{View, event};

/// Groups of failures that are shown for one execution.
const GROUPS_MAX: usize = 8;

/// Tests that are named in one group; more are counted.
const NAMES_MAX: usize = 8;

/// Rows of the table of passes that are not proven.
const ROWS_MAX: usize = 100;

/// A literal output: enough for a message, its values and where it stands.
const OUTPUT: Bounds = Bounds {
    lines_max: 12,
    chars_max: 200,
};

/// Characters of a headline that groups failures.
const KEY_CHARS_MAX: usize = 160;

pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading(2, "Results");
    if view.story.executions.is_empty() {
        page.para(&view.not_run(Step::Execute));
        return;
    }
    for noted in &view.story.executions {
        page.heading(
            3,
            &format!("Cycle {}, {}", noted.cycle, utc_range(noted.from, noted.at)),
        );
        judgement(noted, page);
        failures(view, noted, page);
        not_proven(view, noted, page);
    }
}

fn judgement(noted: &Noted<'_, Execution>, page: &mut Page) {
    let execution = noted.what;
    page.para(&format!(
        "{} in {}: {}. {}",
        totals(execution),
        duration(between_ms(noted.from, noted.at)),
        if execution.green {
            "green"
        } else {
            "not green"
        },
        event(noted.seq)
    ));
    if execution.totals.passed > 0 {
        let proved = if execution.proved {
            "all were put to the proof"
        } else {
            "they were only looked at, not put to the proof"
        };
        page.para(&format!(
            "Verdicts on the {} that passed: {}; {proved}. {}",
            counted(u64::from(execution.totals.passed), "test"),
            verdicts(&execution.tests),
            event(noted.seq)
        ));
    }
    let rows: Vec<Vec<String>> = execution.criteria.iter().map(criterion).collect();
    if !rows.is_empty() {
        page.table(
            &[
                "priority",
                "tests",
                "other than proven",
                "limit",
                "criterion",
            ],
            &rows,
        );
    }
}

/// `23 of 34 tests failed, 2 timed out, 9 passed (8 proven)`.
pub(crate) fn totals(execution: &Execution) -> String {
    let totals = &execution.totals;
    let counts = [
        (totals.failed, "failed"),
        (totals.errored, "errored"),
        (totals.timed_out, "timed out"),
        (totals.not_run, "not run"),
        (totals.skipped, "skipped"),
        (totals.passed, "passed"),
    ];
    let mut parts: Vec<String> = Vec::new();
    for (n, word) in counts.into_iter().filter(|(n, _)| *n > 0) {
        let worth = match word {
            "passed" if execution.proved => format!(" ({} proven)", totals.proven),
            "passed" => " (not put to the proof)".to_owned(),
            _ => String::new(),
        };
        parts.push(if parts.is_empty() {
            format!(
                "{n} of {} {word}{worth}",
                counted(u64::from(totals.planned), "test")
            )
        } else {
            format!("{n} {word}{worth}")
        });
    }
    if parts.is_empty() {
        format!(
            "None of {} has an outcome",
            counted(u64::from(totals.planned), "test")
        )
    } else {
        parts.join(", ")
    }
}

fn verdicts(tests: &[TestResult]) -> String {
    let mut counts: BTreeMap<Verdict, u64> = BTreeMap::new();
    for verdict in tests.iter().filter_map(|test| test.verdict) {
        *counts.entry(verdict).or_default() += 1;
    }
    let parts: Vec<String> = counts
        .iter()
        .map(|(verdict, n)| format!("{n} {}", verdict.word()))
        .collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        listed(&parts)
    }
}

fn criterion(criterion: &Criterion) -> Vec<String> {
    vec![
        criterion.priority.to_string(),
        counted(u64::from(criterion.tests), "test"),
        percent(criterion.share),
        percent(criterion.limit),
        if criterion.met { "met" } else { "**not met**" }.to_owned(),
    ]
}

/// Criteria that are not met.
pub(crate) fn not_met(execution: &Execution) -> usize {
    execution
        .criteria
        .iter()
        .filter(|criterion| !criterion.met)
        .count()
}

fn failures(view: &View<'_>, noted: &Noted<'_, Execution>, page: &mut Page) {
    let tests = &noted.what.tests;
    let groups = grouped(tests);
    for (place, (_, members)) in groups.iter().enumerate() {
        if place == GROUPS_MAX {
            let rest: usize = groups[GROUPS_MAX..]
                .iter()
                .map(|(_, members)| members.len())
                .sum();
            page.para(&format!(
                "{rest} more tests in {} groups of other failures. {}",
                groups.len() - GROUPS_MAX,
                event(noted.seq)
            ));
            break;
        }
        let names: Vec<&str> = members.iter().map(|test| test.test.as_str()).collect();
        page.para(&format!(
            "**{} of {}: {}** {}",
            members.len(),
            counted(len(tests), "test"),
            headline(members),
            event(noted.seq)
        ));
        page.para(&format!("Tests: {}.", named(&names, NAMES_MAX)));
        if let Some(test) = members.first() {
            sample(view, test, noted.seq, page);
        }
    }
}

/// Tests that did not pass, by what they have in common, the largest group first.
fn grouped(tests: &[TestResult]) -> Vec<(String, Vec<&TestResult>)> {
    let mut groups: BTreeMap<String, Vec<&TestResult>> = BTreeMap::new();
    for test in tests.iter().filter(|test| test.outcome != Outcome::Passed) {
        groups.entry(key(test)).or_default().push(test);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    groups
}

/// What a failure has in common with others: the answers that the gateway saw, else its message
/// without its figures.
fn key(test: &TestResult) -> String {
    let word = test.outcome.word();
    let answers: BTreeSet<(&str, u16)> = test
        .failing
        .iter()
        .map(|exchange| (exchange.service.as_str(), exchange.status))
        .collect();
    if !answers.is_empty() {
        let answers: Vec<String> = answers
            .iter()
            .take(NAMES_MAX)
            .map(|(service, status)| match status {
                0 => format!("{} refused or cut the connection", code(service)),
                1_000.. => format!("{} closed its WebSocket with {status}", code(service)),
                _ => format!("{} answered with HTTP {status}", code(service)),
            })
            .collect();
        return format!("{word}, {}", listed(&answers));
    }
    match &test.message {
        Some(message) => format!("{word}, {}", without_figures(message)),
        None => format!("{word}, without a message"),
    }
}

/// What a group has in common, with the figures where they are the same.
fn headline(members: &[&TestResult]) -> String {
    let Some(first) = members.first() else {
        return String::new();
    };
    match &first.message {
        Some(message) if first.failing.is_empty() => {
            let same = members.iter().all(|test| test.message == first.message);
            let differ = if same { "" } else { " (the figures differ)" };
            let message = bounded_prose(message, KEY_CHARS_MAX);
            format!("{}, {message}{differ}", first.outcome.word())
        }
        _ => key(first),
    }
}

/// A message whose digits are blanked, so that ports and times do not tell failures apart.
fn without_figures(message: &str) -> String {
    let mut out = String::new();
    for c in message.chars().take(KEY_CHARS_MAX * 2) {
        match c {
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            c => out.push(c),
        }
    }
    bounded_prose(&out, KEY_CHARS_MAX)
}

fn sample(view: &View<'_>, test: &TestResult, seq: u64, page: &mut Page) {
    let said = test.message.as_ref().map_or(String::new(), |message| {
        format!(" says: {}", bounded_prose(message, KEY_CHARS_MAX))
    });
    let Some(output) = test.evidence.first() else {
        page.para(&format!(
            "{}{said} {} (no output was kept)",
            code(&test.test),
            event(seq)
        ));
        return;
    };
    let cite = view.cite(output);
    let Some(text) = view.text(output) else {
        page.para(&format!(
            "{}{said} {cite} (not readable here)",
            code(&test.test)
        ));
        return;
    };
    let excerpt = excerpt(&text, test.message.as_deref(), OUTPUT);
    if excerpt.whole == 0 {
        page.para(&format!(
            "{}{said} {cite} (it printed nothing)",
            code(&test.test)
        ));
        return;
    }
    let cut = if excerpt.cut { ", long lines cut" } else { "" };
    page.para(&format!(
        "Output of {}, {} of {}{cut}: {cite}",
        code(&test.test),
        excerpt.shown,
        counted(u64::try_from(excerpt.whole).unwrap_or(u64::MAX), "line"),
    ));
    page.fence("text", &excerpt);
}

fn not_proven(view: &View<'_>, noted: &Noted<'_, Execution>, page: &mut Page) {
    let tests: Vec<(&TestResult, Verdict)> = noted
        .what
        .tests
        .iter()
        .filter_map(|test| Some((test, test.verdict?)))
        .filter(|(_, verdict)| !matches!(verdict, Verdict::Proven | Verdict::NotApplicable))
        // Where nothing was put to the proof, being unproven is no finding about a test.
        .filter(|(_, verdict)| noted.what.proved || *verdict > Verdict::Inconclusive)
        .collect();
    if tests.is_empty() {
        return;
    }
    page.para(&format!(
        "Passed and not proven: {} of {}. {}",
        tests.len(),
        counted(u64::from(noted.what.totals.passed), "passed test"),
        event(noted.seq)
    ));
    let rows: Vec<Vec<String>> = tests
        .iter()
        .take(ROWS_MAX)
        .map(|(test, verdict)| {
            let reasons: Vec<String> = test.reasons.iter().take(3).map(|why| prose(why)).collect();
            vec![
                code(&test.test),
                test.priority.to_string(),
                verdict.word().to_owned(),
                if reasons.is_empty() {
                    "none told".to_owned()
                } else {
                    reasons.join("; ")
                },
                view.cite_all(&test.evidence, noted.seq),
            ]
        })
        .collect();
    page.table(&["test", "priority", "verdict", "why", "evidence"], &rows);
    if tests.len() > ROWS_MAX {
        page.para(&format!(
            "{} more tests are in the event. {}",
            tests.len() - ROWS_MAX,
            event(noted.seq)
        ));
    }
}
