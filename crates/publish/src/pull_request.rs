//! The pull request of a mend: what a reviewer needs, and no more.

use assay_model::{Action, Edit, Event, EvidenceRef, Facts, Mend};

use crate::page::Page;
use crate::text::{TITLE_CHARS_MAX, bare, code, counted, len, named, prose, sentence};
use crate::view::{Found, View, event};
use crate::worklog::{Group, broken, diff, index, proofs, remaining, reproductions};

/// Changed files that are named.
const FILES_MAX: usize = 20;

/// Groups of what remains that are no concern of who merges: the merge itself.
const TO_MERGE: &str = "To merge";

/// A change that is proposed to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// One line of plain text, without Markdown.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// The branch that holds the change.
    pub branch: String,
    /// Its head.
    pub commit: String,
    /// The commit that it was made on.
    pub base: String,
}

/// The pull request for the mend that holds, if there is one. Pure, like
/// [`worklog`](crate::worklog()).
pub fn pull_request(
    facts: &Facts,
    events: &[Event],
    texts: &dyn Fn(&EvidenceRef) -> Option<String>,
) -> Option<PullRequest> {
    let mend = facts.mend().filter(|mend| facts.mend_serves(mend))?;
    let view = View::new(facts, events, texts);
    let mut page = Page::default();
    page.para(&format!(
        "Branch {} at {} on {}, made by assay in run {}. {}",
        code(&mend.branch),
        code(&mend.commit),
        code(&mend.base),
        code(&view.run()),
        event(view.mend_seq(mend))
    ));
    page.heading(2, "What was broken");
    for line in broken(&view) {
        page.bullet(&line);
    }
    why(&view, mend, &mut page);
    page.heading(2, "The change");
    page.para(&format!(
        "{}: {}. Why this change: {}",
        counted(len(&mend.files), "changed file"),
        named(&mend.files, FILES_MAX),
        sentence(&mend.remedy.reason)
    ));
    diff(&view, mend, &mut page);
    page.heading(2, "What proves it");
    for line in proofs(&view) {
        page.bullet(&line);
    }
    reproductions(&view, &mut page);
    page.heading(2, "What remains");
    remains(&remaining(&view), &mut page);
    check_again(&view, mend, &mut page);
    index(&view, &mut page);
    Some(PullRequest {
        title: title(mend),
        body: page.finish(),
        branch: mend.branch.clone(),
        commit: mend.commit.clone(),
        base: mend.base.clone(),
    })
}

fn title(mend: &Mend) -> String {
    let title = match &mend.remedy.action {
        Action::Mend {
            service,
            edit: Edit::Unignore { file, line, text },
        } => {
            let (text, place) = (text.trim(), format!("{file}:{line}"));
            format!("{service}: stop leaving {text} out of the bundle ({place})")
        }
        Action::Mend {
            service,
            edit: Edit::RevertHunk { file, line, .. },
        } => {
            format!("{service}: put back the lines around {file}:{line}")
        }
        _ => format!("mend {}", mend.remedy.cause),
    };
    bare(&title, TITLE_CHARS_MAX)
}

fn why(view: &View<'_>, mend: &Mend, page: &mut Page) {
    page.heading(2, "Why");
    let causes = view.causes();
    let Some(found) = causes
        .iter()
        .find(|found| found.cause.id == mend.remedy.cause)
    else {
        page.para(&format!(
            "The cause {} is not in a diagnosis of this run. {}",
            code(&mend.remedy.cause),
            event(view.mend_seq(mend))
        ));
        return;
    };
    let Found { cause, seq, .. } = found;
    for (place, why) in cause.whys.iter().enumerate() {
        page.numbered(
            place + 1,
            &format!(
                "{} {} {}",
                prose(&why.question),
                prose(&why.text),
                view.cite_all(&why.evidence, *seq)
            ),
        );
    }
    if cause.whys.is_empty() {
        page.para(&format!("{} {}", prose(&cause.summary), event(*seq)));
    }
}

fn remains(groups: &[Group], page: &mut Page) {
    let mut said = false;
    for group in groups
        .iter()
        .filter(|group| !group.quiet && group.title != TO_MERGE)
    {
        said = true;
        for item in &group.items {
            page.bullet(&format!("{}: {item}", group.title));
        }
    }
    if !said {
        page.para("Nothing that this run knows of.");
    }
}

fn check_again(view: &View<'_>, mend: &Mend, page: &mut Page) {
    page.heading(2, "How to check again");
    let run = view.run();
    page.bullet(&format!(
        "{} shows the change.",
        code(&format!("git show {}", mend.commit))
    ));
    page.bullet(&format!(
        "{} recomputes the journal and its evidence.",
        code(&format!("assay verify {run}"))
    ));
    page.bullet(&format!(
        "{} prints the worklog; `[j:N]` is event N of that run.",
        code(&format!("assay show {run} --worklog"))
    ));
}
