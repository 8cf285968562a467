//! Step 4: does the code keep its own architecture?

use assay_model::{AuditReport, Severity, Step};

use crate::page::Page;
use crate::text::{bounded_prose, code, counted, grouped, len, percent, prose};
use crate::view::{View, when};

/// Findings that are listed for one audit.
const FINDINGS_MAX: usize = 40;

/// Characters of a message in the table.
const MESSAGE_CHARS_MAX: usize = 160;

pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading(2, "Audit");
    if view.story.audits.is_empty() {
        page.para(&none(view, Step::Audit));
        return;
    }
    for noted in &view.story.audits {
        let report = noted.what;
        let cites = view.cite_all(&report.evidence, noted.seq);
        page.para(&format!(
            "Tree {}: {}, {} new against the tree before, {} ({}). {cites}",
            code(&report.tree),
            counted(len(&report.findings), "finding"),
            report.new,
            examined(report),
            when(noted.cycle, noted.at)
        ));
        let rows: Vec<Vec<String>> = report
            .scopes
            .iter()
            .map(|scope| {
                vec![
                    code(&scope.name),
                    counted(u64::from(scope.files), "file"),
                    format!(
                        "{} of {}",
                        scope.passed,
                        counted(u64::from(scope.checks), "check")
                    ),
                    scope
                        .score
                        .map_or_else(|| "nothing examined".to_owned(), percent),
                ]
            })
            .collect();
        if !rows.is_empty() {
            page.table(&["scope", "examined", "passed", "score"], &rows);
        }
        findings(report, &cites, page);
        for item in &report.not_examined {
            page.bullet(&format!("Not examined: {} {cites}", prose(item)));
        }
    }
}

/// Why steps 4 and 5 have nothing to say: they look at what the run changed.
pub(super) fn none(view: &View<'_>, step: Step) -> String {
    let facts = view.facts;
    let whole_loop = facts.plan.as_ref().is_some_and(|plan| plan.only.is_none());
    let looked = !view.story.errors.contains_key(&step);
    if facts.mends.is_empty() && facts.end.is_some() && whole_loop && looked {
        return format!(
            "Not run: this run changed no source. {}",
            crate::view::event(view.last_seq(|body| body.kind() == "run_finished"))
        );
    }
    view.not_run(step)
}

/// `118 of 120 checks passed in 31 files`.
pub(super) fn examined(report: &AuditReport) -> String {
    let overall = report.overall();
    if overall.checks == 0 {
        return "no check was made".to_owned();
    }
    format!(
        "{} of {} passed in {}",
        grouped(u64::from(overall.passed)),
        counted(u64::from(overall.checks), "check"),
        counted(u64::from(overall.files), "file")
    )
}

fn findings(report: &AuditReport, cites: &str, page: &mut Page) {
    let rows: Vec<Vec<String>> = report
        .findings
        .iter()
        .take(FINDINGS_MAX)
        .map(|finding| {
            vec![
                code(&finding.rule),
                match finding.severity {
                    Severity::Warning => "warning",
                    Severity::Error => "error",
                }
                .to_owned(),
                code(&format!("{}:{}", finding.file, finding.line)),
                bounded_prose(&finding.message, MESSAGE_CHARS_MAX),
            ]
        })
        .collect();
    if !rows.is_empty() {
        page.table(&["rule", "severity", "place", "finding"], &rows);
    }
    if report.findings.len() > FINDINGS_MAX {
        page.para(&format!(
            "{} of {} are shown; all are in {cites}.",
            FINDINGS_MAX,
            counted(len(&report.findings), "finding")
        ));
    }
}
