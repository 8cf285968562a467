//! What was cited, and how to check it again.

use crate::page::Page;
use crate::text::{bounded_code, code, grouped, utc};
use crate::view::{Cited, View};

/// Characters of one source in the index.
const SOURCE_CHARS_MAX: usize = 120;

pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading(2, "How to check again");
    let run = view.run();
    page.bullet(&format!(
        "{} recomputes the chain of events and every piece of evidence.",
        code(&format!("assay verify {run}"))
    ));
    if let Some(last) = view.events.last() {
        page.bullet(&format!(
            "The head of the journal as of event {}, {}, is {}.",
            last.seq,
            utc(last.at),
            code(&last.hash)
        ));
    }
    page.bullet(&format!(
        "{} lists the events by number.",
        code(&format!("assay show {run}"))
    ));
    page.bullet(&format!(
        "{} prints this page again from the journal.",
        code(&format!("assay show {run} --worklog"))
    ));
    index(view, page);
}

/// The list of everything that was cited so far, at the end of a page.
pub(crate) fn index(view: &View<'_>, page: &mut Page) {
    page.heading(2, "Evidence");
    let cited = view.cited();
    if cited.is_empty() {
        page.para("No captured bytes are cited.");
        return;
    }
    page.para(&format!(
        "{}, each named by the first digits of the BLAKE3 hash of its bytes. {} prints one.",
        match cited.len() {
            1 => "1 piece of evidence".to_owned(),
            n => format!("{n} pieces of evidence"),
        },
        code(&format!(
            "assay show {} --evidence {}",
            view.run(),
            cited[0].name
        ))
    ));
    let rows: Vec<Vec<String>> = cited.iter().map(row).collect();
    page.table(&["evidence", "source", "size", "captured"], &rows);
    let definitions: Vec<String> = cited
        .iter()
        .map(|cited| format!("[e:{}]: #evidence \"BLAKE3 {}\"", cited.name, cited.hash))
        .collect();
    page.raw(&definitions);
}

fn row(cited: &Cited) -> Vec<String> {
    let mut sources: Vec<String> = cited
        .sources
        .iter()
        .map(|source| bounded_code(source.trim_matches('`'), SOURCE_CHARS_MAX))
        .collect();
    if cited.sources_more > 0 {
        sources.push(format!("{} more places in it", cited.sources_more));
    }
    vec![
        format!("`e:{}`", cited.name),
        sources.join(", "),
        format!(
            "{} {}",
            grouped(cited.bytes),
            if cited.bytes == 1 { "byte" } else { "bytes" }
        ),
        utc(cited.at),
    ]
}
