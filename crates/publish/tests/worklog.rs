//! The pages as a person reads them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod story;

use story::{missing_module, others};

#[test]
fn a_repaired_run() {
    insta::assert_snapshot!(missing_module::repaired().worklog());
}

#[test]
fn its_pull_request() {
    let request = missing_module::repaired().pull_request().unwrap();
    insta::assert_snapshot!(format!("{}\n---\n{}", request.title, request.body));
}

#[test]
fn an_inconclusive_run() {
    insta::assert_snapshot!(others::inconclusive().worklog());
}

#[test]
fn an_unfinished_run() {
    insta::assert_snapshot!(others::unfinished().worklog());
}

#[test]
fn only_a_mend_that_holds_is_proposed() {
    assert_eq!(others::inconclusive().pull_request(), None);
    let mut story = missing_module::repaired();
    let (branch, reason) = (missing_module::BRANCH.into(), "the audit got worse".into());
    story.push(assay_model::Body::Reverted { branch, reason });
    assert_eq!(story.pull_request(), None);
    assert!(story.worklog().contains("Taken back: the audit got worse"));
}

#[test]
fn no_event_is_no_claim() {
    let page = assay_publish::worklog(&assay_model::Facts::default(), &[], &|_| None);
    insta::assert_snapshot!(page);
}
