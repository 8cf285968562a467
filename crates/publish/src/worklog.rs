//! The worklog: a run as Markdown, in the order of the loop, with the summary first.

mod audit;
mod evidence;
mod readiness;
mod remains;
mod remediation;
mod results;
mod rollouts;
mod selection;
mod stability;
mod summary;
mod whys;

use std::cell::RefCell;

use assay_model::{Event, EvidenceRef, Facts};

use crate::page::Page;
use crate::text::{code, counted, len, utc, utc_range};
use crate::view::{View, event};

pub(crate) use evidence::index;
pub(crate) use remains::{Group, remaining};
pub(crate) use remediation::{diff, reproductions};
pub(crate) use summary::{broken, proofs};

/// The worklog of the run whose events so far are `events` and fold to `facts`.
///
/// `texts` gives the bytes of a piece of evidence as text; where it gives `None` the worklog
/// says so in place of the excerpt. Pure: the same input gives the same page, at any moment of
/// the run. The page is bounded, however long messages and outputs are.
pub fn worklog(
    facts: &Facts,
    events: &[Event],
    texts: &dyn Fn(&EvidenceRef) -> Option<String>,
) -> String {
    let view = View::new(facts, events, texts);
    let mut page = Page::default();
    head(&view, &mut page);
    summary::write(&view, &mut page);
    readiness::write(&view, &mut page);
    rollouts::write(&view, &mut page);
    selection::write(&view, &mut page);
    results::write(&view, &mut page);
    whys::write(&view, &mut page);
    remediation::write(&view, &mut page);
    audit::write(&view, &mut page);
    stability::write(&view, &mut page);
    remains::write(&view, &mut page);
    evidence::write(&view, &mut page);
    page.finish()
}

/// The evidence whose text [`worklog()`] and [`pull_request`](crate::pull_request()) ask for, so
/// that it can be fetched before.
pub fn wanted(facts: &Facts, events: &[Event]) -> Vec<EvidenceRef> {
    let wanted: RefCell<Vec<EvidenceRef>> = RefCell::default();
    let ask = |evidence: &EvidenceRef| {
        let mut wanted = wanted.borrow_mut();
        if !wanted.iter().any(|known| known.hash == evidence.hash) {
            wanted.push(evidence.clone());
        }
        None
    };
    worklog(facts, events, &ask);
    if let Some(mend) = facts.mend() {
        ask(&mend.diff);
    }
    wanted.into_inner()
}

fn head(view: &View<'_>, page: &mut Page) {
    page.heading(1, &format!("Worklog of run {}", code(&view.run())));
    let Some(first) = view.events.first() else {
        page.para("This run has no event yet.");
        return;
    };
    let last = view.events.last().unwrap_or(first);
    let facts = view.facts;
    let protected = if facts.protected {
        "protected"
    } else {
        "not protected"
    };
    page.para(&format!(
        "Project {}, environment {} ({protected}), {}, assay {}. {}",
        code(&facts.project),
        code(&facts.environment),
        utc_range(first.at, last.at),
        code(&facts.version),
        event(first.seq),
    ));
    page.para(&format!(
        "Everything below is projected from the {} of this run's journal, which `[j:N]` cites by \
         number; `[e:…]` cites captured bytes, listed under [Evidence](#evidence). Times are UTC.",
        counted(len(view.events), "event"),
    ));
    for (seq, at) in &view.story.resumed {
        page.bullet(&format!(
            "{}: a new assay took the run over. {}",
            utc(*at),
            event(*seq)
        ));
    }
}
