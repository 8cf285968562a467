//! Step 3.6: what was done, in order, and whether it held.

use assay_model::{Action, Edit, Mend, Remedy, Reproduction, ReproductionRun, Step};

use crate::page::Page;
use crate::text::{Bounds, bounded_prose, code, counted, head, named, prose, sentence, utc};
use crate::view::{View, event};
use crate::worklog::rollouts::short;

/// Lines of a diff: a mechanical mend is a handful, and one that is longer is read in git.
const DIFF: Bounds = Bounds {
    lines_max: 80,
    chars_max: 200,
};

/// Characters of a detail in a table.
const DETAIL_CHARS_MAX: usize = 120;

/// Changed files that are named.
const FILES_MAX: usize = 12;

pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading(2, "Remediation");
    let facts = view.facts;
    if facts.remedies.is_empty() {
        let off = facts.plan.as_ref().is_some_and(|plan| !plan.remedy);
        page.para(&if off {
            format!(
                "Not run: this run was not allowed to apply remedies. {}",
                event(1)
            )
        } else {
            view.not_run(Step::Remedy)
        });
    }
    for (place, remedy) in facts.remedies.iter().enumerate() {
        let (outcome, cites) = outcome(view, remedy);
        let seq = event(view.remedy_seq(remedy));
        page.numbered(
            place + 1,
            &format!(
                "**{}**, for cause {}. {outcome} {cites}",
                what(&remedy.action),
                code(&remedy.cause)
            ),
        );
        for (title, text) in [
            ("Why this one", &remedy.reason),
            ("Must hold before", &remedy.precondition),
            ("Must hold after", &remedy.postcondition),
            ("Undo", &remedy.undo),
        ] {
            if !text.trim().is_empty() {
                page.under(&format!("{title}: {} {seq}", sentence(text)));
            }
        }
    }
    for mend in &facts.mends {
        changed(view, mend, page);
    }
    page.heading(3, "Reproduction");
    reproductions(view, page);
}

/// `rollback of `backend` from `r2` to `r1``.
pub(crate) fn what(action: &Action) -> String {
    match action {
        Action::Rollback { service, from, to } => {
            format!(
                "Rollback of {} from {} to {}",
                code(service),
                code(from),
                code(to)
            )
        }
        Action::Restart { service } => format!("Restart of {}", code(service)),
        Action::Mend { service, edit } => {
            format!("Mend of {}: {}", code(service), edited(edit))
        }
        Action::Person { advice } => format!("For a person: {}", prose(advice)),
    }
}

/// What an edit does, as part of a sentence.
pub(crate) fn edited(edit: &Edit) -> String {
    match edit {
        Edit::Unignore { file, line, text } => {
            format!(
                "take {} out of {}",
                code(text),
                code(&format!("{file}:{line}"))
            )
        }
        Edit::RevertHunk { file, line, good } => format!(
            "put the lines around {} back as they were in {}",
            code(&format!("{file}:{line}")),
            code(short(good))
        ),
    }
}

/// What came of a remedy, and what shows it.
pub(crate) fn outcome(view: &View<'_>, remedy: &Remedy) -> (String, String) {
    let planned = view.remedy_seq(remedy);
    if let Action::Person { .. } = remedy.action {
        return ("Nothing was done by assay.".to_owned(), event(planned));
    }
    let mut parts = Vec::new();
    let mut cites = Vec::new();
    if let Some(mend) = view.facts.mends.iter().find(|mend| mend.remedy == *remedy) {
        parts.push(format!(
            "Committed as {} on branch {}.",
            code(short(&mend.commit)),
            code(&mend.branch)
        ));
        if let Some(reason) = &mend.reverted {
            parts.push(format!("Taken back: {}", sentence(reason)));
        }
        cites.push(view.cite_all([&mend.diff], view.mend_seq(mend)));
    }
    for noted in view.rollouts_after(remedy) {
        parts.push(format!(
            "The roll-out of {} to {} {} at {}.",
            code(&noted.what.request.service),
            code(&noted.what.revision),
            match noted.what.outcome.word() {
                word @ ("succeeded" | "failed") => word.to_owned(),
                word => format!("was {word}"),
            },
            utc(noted.what.finished)
        ));
        cites.push(view.cite_all(&noted.what.evidence, noted.seq));
    }
    if parts.is_empty() {
        return (
            "Planned; nothing that came of it is recorded.".to_owned(),
            event(planned),
        );
    }
    cites.dedup();
    (parts.join(" "), cites.join(" "))
}

/// Whether a mend holds, and whether it serves.
pub(crate) fn mend_state(view: &View<'_>, mend: &Mend) -> String {
    let service = mend
        .service()
        .map_or_else(|| "its service".to_owned(), |name| code(name));
    let built = mend
        .service()
        .and_then(|service| view.facts.built(service, &mend.commit));
    match built {
        Some(revision) if view.facts.mend_serves(mend) => {
            format!(
                "Revision {}, built from the mend, serves {service}.",
                code(&revision.id)
            )
        }
        Some(revision) => {
            format!(
                "Revision {} was built from the mend and does not serve {service}.",
                code(&revision.id)
            )
        }
        None => format!("No revision of {service} was built from the mend."),
    }
}

fn changed(view: &View<'_>, mend: &Mend, page: &mut Page) {
    page.heading(3, &format!("Mend on branch {}", code(&mend.branch)));
    let state = match &mend.reverted {
        None => mend_state(view, mend),
        Some(reason) => format!("Taken back: {}", sentence(reason)),
    };
    page.para(&format!(
        "Commit {} on {}, {}: {}. {state} {}",
        code(short(&mend.commit)),
        code(short(&mend.base)),
        counted(crate::text::len(&mend.files), "changed file"),
        named(&mend.files, FILES_MAX),
        event(view.mend_seq(mend))
    ));
    diff(view, mend, page);
}

/// The mend as a unified diff.
pub(crate) fn diff(view: &View<'_>, mend: &Mend, page: &mut Page) {
    let cite = view.cite(&mend.diff);
    let Some(text) = view.text(&mend.diff) else {
        page.para(&format!("The diff is not readable here. {cite}"));
        return;
    };
    let excerpt = head(&text, DIFF);
    page.para(&format!(
        "{} of {} of the diff: {cite}",
        excerpt.shown,
        counted(u64::try_from(excerpt.whole).unwrap_or(u64::MAX), "line")
    ));
    page.fence("diff", &excerpt);
}

/// The table of reproductions, good and bad.
pub(crate) fn reproductions(view: &View<'_>, page: &mut Page) {
    let runs = &view.facts.reproductions;
    if runs.is_empty() {
        page.para(&view.not_run(Step::Reproduce));
        return;
    }
    let held = runs.iter().filter(|run| run.as_expected()).count();
    page.para(&format!(
        "{held} of {} showed what it had to show: a bad revision fails with the signature in its \
         log, a good one passes without it. {}",
        counted(crate::text::len(runs), "reproduction run"),
        event(view.last_seq(|body| body.kind() == "reproduced"))
    ));
    let rows: Vec<Vec<String>> = runs.iter().map(|run| row(view, run)).collect();
    page.table(
        &[
            "reproduction",
            "revision",
            "must",
            "did",
            "signature",
            "as expected",
            "seen",
            "evidence",
        ],
        &rows,
    );
    let mut told: Vec<&str> = Vec::new();
    for run in runs {
        let signature = run.check.reproduction.signature();
        if !told.contains(&signature) {
            told.push(signature);
            page.bullet(&format!(
                "Signature looked for at {}: {} {}",
                code(run.check.reproduction.service()),
                code(signature),
                event(reproduced(view, run))
            ));
        }
    }
}

fn row(view: &View<'_>, run: &ReproductionRun) -> Vec<String> {
    let name = match &run.check.reproduction {
        Reproduction::Start { service, .. } => format!("start {}", code(service)),
        Reproduction::Test { service, test, .. } => {
            format!("test {} on {}", code(test), code(service))
        }
    };
    vec![
        name,
        code(&run.check.revision),
        if run.check.must_fail { "fail" } else { "pass" }.to_owned(),
        if run.failed { "failed" } else { "passed" }.to_owned(),
        if run.signature_seen {
            "seen"
        } else {
            "not seen"
        }
        .to_owned(),
        if run.as_expected() { "yes" } else { "**no**" }.to_owned(),
        bounded_prose(&run.detail, DETAIL_CHARS_MAX),
        view.cite_all(&run.evidence, reproduced(view, run)),
    ]
}

fn reproduced(view: &View<'_>, run: &ReproductionRun) -> u64 {
    view.last_seq(|body| {
        matches!(body, assay_model::Body::Reproduced { run: recorded } if recorded.check == run.check)
    })
}
