//! Whether the tests are still there and still run.

use std::collections::BTreeMap;

use assay_model::{Change, ChangeKind, TestCase};

use crate::contract::change;

/// Tests that are gone, skip themselves now, or are new.
pub(crate) fn differences(before: &[TestCase], after: &[TestCase]) -> Vec<Change> {
    let index = |tests: &[TestCase]| -> BTreeMap<String, TestCase> {
        tests
            .iter()
            .map(|test| (test.id.to_string(), test.clone()))
            .collect()
    };
    let (before, after) = (index(before), index(after));
    let kept = before.iter().filter_map(|(id, was)| {
        let message = match after.get(id) {
            None => format!("test {id} is gone"),
            Some(is) if is.ignored && !was.ignored => format!("test {id} is no longer run"),
            Some(_) => return None,
        };
        Some(of_test(ChangeKind::TestWeakened, was, message))
    });
    let new = after
        .iter()
        .filter(|(id, _)| !before.contains_key(*id))
        .map(|(id, is)| of_test(ChangeKind::Additive, is, format!("test {id} is new")));
    kept.chain(new).collect()
}

/// A listed test has no place; its suite stands for the file.
fn of_test(kind: ChangeKind, test: &TestCase, message: String) -> Change {
    change(
        kind,
        "test",
        test.id.to_string(),
        test.suite.clone(),
        0,
        message,
    )
}
