//! The form of the pages, whatever is written into them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod story;

use std::collections::BTreeSet;

use proptest::prelude::*;
use regex::Regex;
use story::{Story, missing_module, others};

/// Bytes of a page whose every text is hostile. A page of the same run with plain texts has a
/// tenth of it; the texts are a megabyte each.
const PAGE_BYTES_MAX: usize = 400_000;

/// A page without its fenced blocks and code spans: what Markdown acts on.
struct Bare {
    lines: Vec<String>,
}

/// Follows fences as CommonMark does, and takes code spans out.
fn bare(page: &str) -> Bare {
    let span = Regex::new(r"\\.|(`+)").unwrap();
    let mut fence: Option<usize> = None;
    let mut lines = Vec::new();
    for line in page.lines() {
        let inner = line.trim_start_matches(' ');
        let ticks = inner.chars().take_while(|c| *c == '`').count();
        match fence {
            Some(open) if ticks >= open && inner.trim_end().chars().all(|c| c == '`') => {
                fence = None;
            }
            Some(_) => {}
            None if ticks >= 3 && !inner[ticks..].contains('`') => fence = Some(ticks),
            None => {
                assert!(!inner.starts_with("~~~"), "a fence of tildes: {line}");
                lines.push(without_spans(line, &span));
            }
        }
    }
    assert_eq!(fence, None, "a fence is never closed");
    Bare { lines }
}

fn without_spans(line: &str, span: &Regex) -> String {
    let mut out = String::new();
    let mut at = 0;
    while let Some(found) = span.captures_at(line, at) {
        let whole = found.get(0).unwrap();
        out.push_str(&line[at..whole.start()]);
        at = whole.end();
        let Some(ticks) = found.get(1) else {
            out.push('E');
            continue;
        };
        let close = Regex::new(&format!("(^|[^`])`{{{}}}($|[^`])", ticks.len())).unwrap();
        let end = close.find(&line[at..]);
        let end = end.unwrap_or_else(|| panic!("a code span is never closed: {line}"));
        at += end.start()
            + line[at..][end.start()..]
                .find(&"`".repeat(ticks.len()))
                .unwrap();
        at += ticks.len();
        out.push_str("CODE");
    }
    out.push_str(&line[at..]);
    out
}

fn check(page: &str) {
    assert!(page.len() < PAGE_BYTES_MAX, "{} bytes", page.len());
    let odd = page
        .chars()
        .find(|c| (c.is_control() && *c != '\n' && *c != '\t') || *c == '\u{202e}');
    assert_eq!(odd, None);
    let bare = bare(page);
    check_citations(&bare);
    check_tables(&bare);
    let link = Regex::new(r"\[[^\]]*\]\(([^)]*)").unwrap();
    let html = Regex::new(r"<[a-zA-Z/!?]").unwrap();
    for line in &bare.lines {
        assert!(!html.is_match(line), "markup: {line}");
        for found in link.captures_iter(line) {
            assert!(found[1].starts_with('#'), "a link: {line}");
        }
    }
}

/// Every citation has its line in the index, and the index has nothing else.
fn check_citations(bare: &Bare) {
    let used = Regex::new(r"\[e:([0-9a-z]*)\]($|[^:])").unwrap();
    let defined = Regex::new("^\\[e:([0-9a-z]+)\\]: #evidence \"BLAKE3 [0-9a-f]{64}\"$").unwrap();
    let all = |pattern: &Regex| -> BTreeSet<String> {
        let found = bare
            .lines
            .iter()
            .flat_map(|line| pattern.captures_iter(line));
        found.map(|found| found[1].to_owned()).collect()
    };
    assert_eq!(all(&used), all(&defined));
}

/// Every row of a table has the cells of its head.
fn check_tables(bare: &Bare) {
    let cells = |line: &str| line.matches('|').count();
    let mut columns = None;
    for line in &bare.lines {
        if line.starts_with('|') {
            assert_eq!(cells(line), *columns.get_or_insert(cells(line)), "{line}");
        } else {
            columns = None;
        }
    }
}

fn headings(page: &str) -> Vec<String> {
    let lines = bare(page).lines.into_iter();
    lines
        .filter(|line| line.starts_with("# ") || line.starts_with("## "))
        .collect()
}

fn stories() -> Vec<Story> {
    vec![
        missing_module::repaired(),
        missing_module::until_diagnosed(),
        others::inconclusive(),
        others::unfinished(),
    ]
}

#[test]
fn pages_are_well_formed() {
    for story in stories() {
        check(&story.worklog());
    }
    check(&missing_module::repaired().pull_request().unwrap().body);
}

#[test]
fn pages_are_well_formed_at_every_moment_of_a_run() {
    let whole = missing_module::repaired();
    for length in 0..whole.events.len() {
        let mut part = missing_module::repaired();
        part.events.truncate(length);
        let page = part.worklog();
        check(&page);
        assert!(
            page.contains("This run has not ended."),
            "after {length} events"
        );
        assert!(!page.contains("[j:0]"), "after {length} events");
    }
}

#[test]
fn every_cited_event_exists() {
    let cited = Regex::new(r"\[j:(\d+)\]").unwrap();
    for story in stories() {
        let last = story.events.len();
        for found in cited.captures_iter(&story.worklog()) {
            let seq: usize = found[1].parse().unwrap();
            assert!((1..=last).contains(&seq), "[j:{seq}] of {last}");
        }
    }
}

#[test]
fn no_figure_lacks_its_unit() {
    let noise = [
        r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?",
        r"\d\d:\d\d:\d\d",
        r"\[[ej]:[0-9a-z]+\]",
        r"CODE",
        r"\bP[1-6]\b",
        r"^#+ Cause \d+",
        r"\b\d+\. \*\*",
        r"(?i)\b(cycle|event|signal|HTTP|exit code)\s+\d+",
    ];
    let noise = Regex::new(&noise.join("|")).unwrap();
    // A figure, what it is out of, and then a word or a percent sign.
    let united = Regex::new(r"\d[\d,.]*( of \d[\d,.]*)? ([a-z]+|%|\()").unwrap();
    for story in stories() {
        for block in bare(&story.worklog()).lines.split(String::is_empty) {
            let words: Vec<&str> = block
                .iter()
                .flat_map(|line| line.split_whitespace())
                .collect();
            let line = words.join(" ");
            if line.starts_with('|') || line.starts_with("[e:") {
                continue;
            }
            let rest = noise.replace_all(&line, "");
            let rest = united.replace_all(&rest, |found: &regex::Captures<'_>| {
                let joins = [
                    "and", "or", "in", "to", "at", "with", "for", "by", "were", "are",
                ];
                if joins.contains(&&found[2]) {
                    found[0].to_owned()
                } else {
                    String::new()
                }
            });
            // Texts of the story itself are quoted as they are.
            let own = ["answer 503", "expected 200", "suite e2e"];
            if own.iter().any(|own| line.contains(own)) {
                continue;
            }
            assert!(
                !rest.contains(|c: char| c.is_ascii_digit()),
                "{line:?}\n{rest:?}"
            );
        }
    }
}

fn hostile(payload: &str) {
    let story = others::hostile(payload);
    let page = story.worklog();
    check(&page);
    assert_eq!(
        headings(&page),
        headings(&missing_module::repaired().worklog())
    );
    let request = story.pull_request().unwrap();
    check(&request.body);
    assert!(
        !request.title.contains(char::is_control),
        "{:?}",
        request.title
    );
}

#[test]
fn hostile_text_stays_in_its_place() {
    for payload in [
        "`",
        "a `` b",
        "```\n# out\n```",
        "````\n## Evidence\n````",
        "~~~\nx",
        "| a | b |",
        "\\| \\",
        "x\\|y `p|q` \\`",
        "\n\n# injected\n\n",
        "# injected",
        "1. one\n2) two",
        "---\n===",
        "[e:deadbeef]\n\n[e:deadbeef]: http://evil",
        "[x](http://evil) ![y](http://evil) <http://evil>",
        "<script>alert(1)</script><!-- ",
        "\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}\u{0}\r\n\u{9b}x",
        "**bold** _it_ ~~gone~~ &lt; \u{a0}",
        "",
        " ",
    ] {
        hostile(payload);
    }
}

#[test]
fn a_megabyte_in_every_text_stays_bounded() {
    hostile(&"x".repeat(1 << 20));
    hostile(&"`|\n".repeat(1 << 18));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_text_stays_in_its_place(
        payload in r"(`{1,4}|\||\\|\[e:ab\]|\*|_|<b>|#|\n|\n\n|~~~|-|1\.| |x|é|\x1b\[1m){0,40}"
    ) {
        hostile(&payload);
    }
}
