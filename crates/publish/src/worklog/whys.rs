//! Step 3: the five whys of every cause.

use assay_model::{AbsentGate, Cause, Refuted, Step, Symptom, Why};

use crate::page::Page;
use crate::text::{
    Bounds, TITLE_CHARS_MAX, between_ms, bounded_prose, code, counted, duration, grouped, head,
    len, named, percent, prose, sentence, utc, utc_range,
};
use crate::view::{Found, View, event};

/// A literal excerpt of a why: the lines that show it, not the file.
const EXCERPT: Bounds = Bounds {
    lines_max: 14,
    chars_max: 200,
};

/// Failing tests that are named; more are counted.
const TESTS_MAX: usize = 8;

/// Whys of one chain. Five are meant; more than twice as many is a chain that runs in circles.
const WHYS_MAX: usize = 12;

/// Symptoms of one cause that are listed.
const SYMPTOMS_MAX: usize = 8;

/// Causes that are told in full.
const CAUSES_MAX: usize = 16;

pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading(2, "Five whys");
    let causes = view.causes();
    if causes.is_empty() {
        let Some(noted) = view.story.diagnoses.last() else {
            page.para(&view.not_run(Step::Why));
            return;
        };
        page.para(&format!(
            "No cause was found for {} ({}). Without evidence there is no why. {}",
            counted(len(&noted.what.symptoms), "symptom"),
            crate::view::when(noted.cycle, noted.at),
            event(noted.seq)
        ));
        return;
    }
    for (place, found) in causes.iter().take(CAUSES_MAX).enumerate() {
        let title = bounded_prose(&found.cause.summary, TITLE_CHARS_MAX);
        page.heading(3, &format!("Cause {}: {title}", place + 1));
        about(view, found, page);
        for (n, why) in found.cause.whys.iter().take(WHYS_MAX).enumerate() {
            step(view, n + 1, why, found.seq, page);
        }
        chain_end(found, page);
        refutations(view, found, page);
        if let Some(gate) = &found.cause.gate {
            page.para(&format!(
                "Gate that was absent: {} {}",
                absent(gate),
                event(found.seq)
            ));
        }
    }
    if causes.len() > CAUSES_MAX {
        page.para(&format!(
            "{} more causes are in the journal.",
            causes.len() - CAUSES_MAX
        ));
    }
}

fn about(view: &View<'_>, found: &Found<'_>, page: &mut Page) {
    let Cause {
        id,
        service,
        class,
        confidence,
        count,
        revision,
        last_good,
        defect,
        ..
    } = found.cause;
    let seq = event(found.seq);
    page.bullet(&format!(
        "{} at service {}, signature {}, class {}, diagnosed in cycle {} with {} of the weighed \
         evidence for it. {seq}",
        code(id),
        code(service),
        code(&found.cause.signature),
        class.word(),
        found.cycle,
        percent(*confidence)
    ));
    let window = &count.window;
    let first = if found.cause.first_seen == window.from && found.cause.last_seen == window.to {
        String::new()
    } else {
        let (first, last) = (found.cause.first_seen, found.cause.last_seen);
        format!("; first {}, last {}", utc(first), utc(last))
    };
    page.bullet(&format!(
        "Seen: {} {} in {}, {}{first}. {seq}",
        grouped(count.n),
        unit(count.n, &count.unit),
        duration(between_ms(window.from, window.to)),
        utc_range(window.from, window.to),
    ));
    if let Some(revision) = revision {
        let good = last_good
            .as_ref()
            .map_or_else(|| "none is known".to_owned(), |revision| code(revision));
        page.bullet(&format!(
            "Lives in revision {}; the last revision that was seen to serve: {good}. {seq}",
            code(revision)
        ));
    }
    if let Some(defect) = defect {
        page.bullet(&format!(
            "Defect: {}: {} {seq}",
            code(&format!("{}:{}", defect.file, defect.line)),
            code(&defect.text)
        ));
    }
    symptoms(view, found, page);
    let tests = &found.cause.failing_tests;
    if !tests.is_empty() {
        page.bullet(&format!(
            "Explains {}: {}. {seq}",
            counted(len(tests), "failing test"),
            named(tests, TESTS_MAX)
        ));
    }
}

fn symptoms(view: &View<'_>, found: &Found<'_>, page: &mut Page) {
    let of = |place: &usize| found.diagnosis.symptoms.get(*place);
    let explained: Vec<&Symptom> = found.cause.symptoms.iter().filter_map(of).collect();
    for symptom in explained.iter().take(SYMPTOMS_MAX) {
        let first = symptom
            .first_seen
            .map_or(String::new(), |at| format!(" (first {})", utc(at)));
        page.bullet(&format!(
            "Explains the symptom at {}{first}: {} {}",
            code(&symptom.service),
            sentence(&symptom.text),
            view.cite_all(&symptom.evidence, found.seq)
        ));
    }
    if explained.len() > SYMPTOMS_MAX {
        page.bullet(&format!(
            "Explains {} more. {}",
            counted(len(&explained[SYMPTOMS_MAX..]), "symptom"),
            event(found.seq)
        ));
    }
}

/// `1 exit`, `9 exits`: units are told in the plural.
fn unit(n: u64, unit: &str) -> String {
    let unit = prose(unit);
    match unit.strip_suffix('s') {
        Some(one) if n == 1 => one.to_owned(),
        _ => unit,
    }
}

fn step(view: &View<'_>, n: usize, why: &Why, seq: u64, page: &mut Page) {
    let cites = view.cite_all(&why.evidence, seq);
    let question = prose(&why.question);
    page.numbered(
        n,
        &format!("**{question}** {} {cites}", sentence(&why.text)),
    );
    let literal = why.excerpt.as_deref().unwrap_or_default();
    if !literal.trim().is_empty() {
        let excerpt = head(literal, EXCERPT);
        page.fence_under("text", &excerpt);
        if excerpt.shown < excerpt.whole || excerpt.cut {
            let whole = u64::try_from(excerpt.whole).unwrap_or(u64::MAX);
            page.under(&format!(
                "{} of {} of the excerpt, long lines cut; all of it is in {cites}.",
                excerpt.shown,
                counted(whole, "line")
            ));
        }
    }
    if let Some(refuted) = &why.refuted {
        page.under(&format!("Refuted: {}", refutation(view, refuted, seq)));
    }
}

fn refutation(view: &View<'_>, refuted: &Refuted, seq: u64) -> String {
    format!(
        "*{}* – {} {}",
        prose(&refuted.alternative),
        sentence(&refuted.reason),
        view.cite_all(&refuted.evidence, seq)
    )
}

fn chain_end(found: &Found<'_>, page: &mut Page) {
    let whys = found.cause.whys.len();
    if whys > WHYS_MAX {
        page.para(&format!(
            "{} more whys are in the event. {}",
            whys - WHYS_MAX,
            event(found.seq)
        ));
    }
    if whys >= 5 {
        return;
    }
    let missing: Vec<String> = found
        .diagnosis
        .missing_evidence
        .iter()
        .take(4)
        .map(|item| prose(item))
        .collect();
    let missing = if missing.is_empty() {
        "the diagnosis names no evidence that would carry it on".to_owned()
    } else {
        format!("missing is: {}", missing.join("; "))
    };
    page.para(&format!(
        "The chain stops after {}: {missing}. {}",
        counted(len(&found.cause.whys), "why"),
        event(found.seq)
    ));
}

fn refutations(view: &View<'_>, found: &Found<'_>, page: &mut Page) {
    let told: Vec<&Refuted> = found
        .cause
        .whys
        .iter()
        .filter_map(|why| why.refuted.as_ref())
        .collect();
    let others: Vec<&Refuted> = found
        .cause
        .refuted
        .iter()
        .filter(|refuted| !told.contains(refuted))
        .collect();
    if others.is_empty() {
        return;
    }
    page.para("What else it could have been:");
    for refuted in others.iter().take(WHYS_MAX) {
        page.bullet(&refutation(view, refuted, found.seq));
    }
}

/// What is missing, where it was looked for, and how to add it.
pub(crate) fn absent(gate: &AbsentGate) -> String {
    let at = gate.at.as_ref().map_or(String::new(), |place| {
        format!(
            ", where {} says {}",
            code(&format!("{}:{}", place.file, place.line)),
            code(place.text.trim())
        )
    });
    let searched: Vec<String> = gate
        .searched
        .iter()
        .take(4)
        .map(|file| code(file))
        .collect();
    let searched = if searched.is_empty() {
        String::new()
    } else {
        format!(" Looked for in {}.", searched.join(", "))
    };
    let (gate, advice) = (prose(&gate.gate), sentence(&gate.advice));
    format!("{gate}{at}.{searched} To add it: {advice}")
}
