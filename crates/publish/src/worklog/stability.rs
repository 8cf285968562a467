//! Step 5: did the change break anything?

use assay_model::{ChangeKind, StabilityReport, Step};

use crate::page::Page;
use crate::text::{bounded_prose, code, counted, len};
use crate::view::{View, when};
use crate::worklog::rollouts::short;

/// Differences that are listed for one comparison.
const CHANGES_MAX: usize = 60;

/// Rows of the table before/after.
const ROWS_MAX: usize = 60;

/// Characters of a cell.
const CELL_CHARS_MAX: usize = 140;

pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading(2, "Stability");
    if view.story.stabilities.is_empty() {
        page.para(&super::audit::none(view, Step::Stability));
        return;
    }
    for noted in &view.story.stabilities {
        let report = noted.what;
        let cites = view.cite_all(&report.evidence, noted.seq);
        page.para(&format!(
            "{} against {}: {} ({}). {cites}",
            code(short(&report.head)),
            code(short(&report.base)),
            verdict(report),
            when(noted.cycle, noted.at)
        ));
        let rows: Vec<Vec<String>> = report
            .rows
            .iter()
            .take(ROWS_MAX)
            .map(|row| {
                [&row.what, &row.before, &row.after]
                    .map(|cell| bounded_prose(cell, CELL_CHARS_MAX))
                    .to_vec()
            })
            .collect();
        if !rows.is_empty() {
            page.table(&["what", "before", "after"], &rows);
        }
        if report.rows.len() > ROWS_MAX {
            page.para(&format!(
                "{} more rows are in {cites}.",
                report.rows.len() - ROWS_MAX
            ));
        }
        changes(report, &cites, page);
    }
}

/// `0 breaking changes, 1 additive change, 0 weakened tests: stable`.
pub(super) fn verdict(report: &StabilityReport) -> String {
    let count = |kind: ChangeKind| {
        u64::try_from(
            report
                .changes
                .iter()
                .filter(|change| change.kind == kind)
                .count(),
        )
        .unwrap_or(u64::MAX)
    };
    format!(
        "{}, {}, {}: {}",
        counted(count(ChangeKind::Breaking), "breaking change"),
        counted(count(ChangeKind::Additive), "additive change"),
        counted(count(ChangeKind::TestWeakened), "weakened test"),
        if report.stable {
            "stable"
        } else {
            "not stable"
        }
    )
}

fn changes(report: &StabilityReport, cites: &str, page: &mut Page) {
    let rows: Vec<Vec<String>> = report
        .changes
        .iter()
        .take(CHANGES_MAX)
        .map(|change| {
            vec![
                match change.kind {
                    ChangeKind::Additive => "additive",
                    ChangeKind::Breaking => "**breaking**",
                    ChangeKind::TestWeakened => "**test weakened**",
                }
                .to_owned(),
                format!(
                    "{} {}",
                    bounded_prose(&change.what, CELL_CHARS_MAX),
                    code(&change.name)
                ),
                code(&format!("{}:{}", change.file, change.line)),
                bounded_prose(&change.message, CELL_CHARS_MAX),
            ]
        })
        .collect();
    if !rows.is_empty() {
        page.table(&["change", "of", "place", "what it means"], &rows);
    }
    if report.changes.len() > CHANGES_MAX {
        page.para(&format!(
            "{} of {} are shown; all are in {cites}.",
            CHANGES_MAX,
            counted(len(&report.changes), "change")
        ));
    }
}
