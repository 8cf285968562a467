//! Step 1: which tests, in which order, and why.

use assay_model::Step;

use crate::page::Page;
use crate::text::{bounded_prose, code, counted, grouped, len};
use crate::view::{View, event, when};

/// Rows of the table. A suite of more is summed up; the journal has every one.
const ROWS_MAX: usize = 300;

/// Tests left out that are listed.
const LEFT_OUT_MAX: usize = 40;

/// Characters of a reason in the table.
const REASON_CHARS_MAX: usize = 140;

pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading(2, "Tests and why they were chosen");
    let Some(noted) = view.story.selections.last() else {
        page.para(&view.not_run(Step::Select));
        return;
    };
    let selection = noted.what;
    let again = match view.story.selections.len() {
        1 => String::new(),
        n => format!(" Tests were chosen {n} times in this run; this is the last choice."),
    };
    page.para(&format!(
        "{} of {} were chosen ({}).{again} {}",
        grouped(len(&selection.tests)),
        counted(u64::from(selection.listed), "listed test"),
        when(noted.cycle, noted.at),
        event(noted.seq)
    ));
    let rows: Vec<Vec<String>> = selection
        .tests
        .iter()
        .take(ROWS_MAX)
        .map(|selected| {
            let services: Vec<String> = selected
                .case
                .services
                .iter()
                .map(|service| code(service))
                .collect();
            vec![
                selected.place.to_string(),
                code(&selected.case.id),
                selected.case.priority.to_string(),
                if services.is_empty() {
                    "none told".to_owned()
                } else {
                    services.join(", ")
                },
                bounded_prose(&selected.reason, REASON_CHARS_MAX),
            ]
        })
        .collect();
    if !rows.is_empty() {
        page.table(&["place", "test", "priority", "services", "reason"], &rows);
    }
    if selection.tests.len() > ROWS_MAX {
        page.para(&format!(
            "{} of {} are shown; all are in the event. {}",
            ROWS_MAX,
            counted(len(&selection.tests), "chosen test"),
            event(noted.seq)
        ));
    }
    left_out(page, &selection.left_out, noted.seq);
}

fn left_out(page: &mut Page, left_out: &[(assay_model::TestId, String)], seq: u64) {
    if left_out.is_empty() {
        return;
    }
    page.para(&format!(
        "{} left out: {}",
        counted(len(left_out), "test"),
        event(seq)
    ));
    for (test, reason) in left_out.iter().take(LEFT_OUT_MAX) {
        page.bullet(&format!(
            "{}: {}",
            code(test),
            bounded_prose(reason, REASON_CHARS_MAX)
        ));
    }
    if left_out.len() > LEFT_OUT_MAX {
        page.bullet(&format!("{} more.", left_out.len() - LEFT_OUT_MAX));
    }
}
