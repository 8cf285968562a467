//! Text from outside, made safe for Markdown: bounded, printable, and without power over the
//! page; and figures, each with its unit.

use std::fmt::Write as _;
use std::ops::Deref;

use jiff::Timestamp;

/// Characters of one piece of prose: longer than any sentence a stage writes, short enough for
/// a message of a megabyte to stay one paragraph.
pub(crate) const PROSE_CHARS_MAX: usize = 500;

/// Characters of a name, path or literal line in a code span.
pub(crate) const CODE_CHARS_MAX: usize = 160;

/// Characters of a headline, which has to be taken in at a glance.
pub(crate) const TITLE_CHARS_MAX: usize = 100;

/// The printable characters of `text`: terminal sequences, control characters and the invisible
/// ones that reorder or hide text are left out. Newlines and tabs stay.
pub(crate) fn printable(text: &str) -> impl Iterator<Item = char> + '_ {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        loop {
            let next = chars.next()?;
            match next {
                '\u{1b}' => skip_sequence(&mut chars),
                '\n' | '\t' => return Some(next),
                c if c.is_control() || reorders(c) => {}
                c => return Some(c),
            }
        }
    })
}

/// Characters of a terminal title, after which a sequence that nothing ends is taken for text:
/// it must not swallow what follows.
const SEQUENCE_CHARS_MAX: usize = 256;

/// Skips what follows an escape character and belongs to it.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next_if(|c| matches!(c, '[' | ']')) {
        Some('[') => {
            while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
            chars.next_if(|c| ('@'..='~').contains(c));
        }
        Some(_) => {
            for _ in 0..SEQUENCE_CHARS_MAX {
                let ends = |c: &char| matches!(c, '\u{7}' | '\u{9c}' | '\u{1b}' | '\n');
                if chars.peek().is_none_or(ends) {
                    break;
                }
                chars.next();
            }
            chars.next_if(|c| *c != '\n' && *c != '\u{1b}');
        }
        None => {}
    }
}

/// Characters without a shape of their own, which can make text read as what it is not.
fn reorders(c: char) -> bool {
    matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The first `chars_max` printable characters on one line; `…` stands where more was cut off.
fn one_line(text: &str, chars_max: usize, squeeze: bool) -> String {
    let mut line = String::new();
    let mut count = 0;
    for c in printable(text) {
        let c = if c.is_whitespace() { ' ' } else { c };
        if squeeze && c == ' ' && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        if count == chars_max {
            line.push('…');
            break;
        }
        line.push(c);
        count += 1;
    }
    line.trim().to_owned()
}

/// Text from outside as part of a sentence. Balanced code spans in it are kept.
pub(crate) fn prose(text: &str) -> String {
    bounded_prose(text, PROSE_CHARS_MAX)
}

/// Like [`prose`], with a bound of its own.
pub(crate) fn bounded_prose(text: &str, chars_max: usize) -> String {
    let line = one_line(text, chars_max, true);
    let pieces: Vec<&str> = line.split('`').collect();
    let spans = pieces.len() % 2 == 1
        && pieces
            .iter()
            .skip(1)
            .step_by(2)
            .all(|span| !span.trim().is_empty() && !span.contains("\\|"))
        && pieces
            .iter()
            .skip(2)
            .step_by(2)
            .rev()
            .skip(1)
            .all(|between| !between.is_empty());
    let mut out = String::new();
    for (place, piece) in pieces.iter().enumerate() {
        if place > 0 {
            out.push_str(if spans { "`" } else { "\\`" });
        }
        if spans && place % 2 == 1 {
            out.push_str(piece)
        } else {
            escape(piece, &mut out)
        }
    }
    guard_start(out)
}

/// Escapes what Markdown would act on inside a line, and nothing else, so that it stays
/// readable as plain text.
fn escape(text: &str, out: &mut String) {
    let chars: Vec<char> = text.chars().collect();
    let word = |place: Option<usize>| {
        place
            .and_then(|place| chars.get(place))
            .is_some_and(|c| c.is_alphanumeric())
    };
    for (place, c) in chars.iter().copied().enumerate() {
        let before = place.checked_sub(1);
        let after = chars.get(place + 1).copied();
        let special = match c {
            '\\' | '*' | '[' => true,
            '_' => !(word(before) && word(Some(place + 1))),
            '~' => after == Some('~') || before.is_some_and(|before| chars[before] == '~'),
            '<' => after.is_some_and(|c| c.is_ascii_alphabetic() || "/!?".contains(c)),
            '&' => after.is_some_and(|c| c.is_ascii_alphabetic() || c == '#'),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Keeps text from opening a block when it happens to stand at the start of one.
fn guard_start(text: String) -> String {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let rest = &text[digits..];
    if digits > 0
        && (rest.starts_with(". ") || rest.starts_with(") ") || rest == "." || rest == ")")
    {
        return format!("{}\\{rest}", &text[..digits]);
    }
    if text.starts_with(['#', '-', '+', '=', '>', ':']) {
        format!("\\{text}")
    } else {
        text
    }
}

/// A name, path or literal text from outside as a code span.
pub(crate) fn code(text: &str) -> String {
    bounded_code(text, CODE_CHARS_MAX)
}

/// Like [`code`], with a bound of its own.
pub(crate) fn bounded_code(text: &str, chars_max: usize) -> String {
    let line = one_line(text, chars_max, false);
    if line.is_empty() {
        return "(empty)".to_owned();
    }
    // A table would read the backslash and the bar together, span or not.
    if line.contains("\\|") {
        return bounded_prose(&line, chars_max);
    }
    let ticks = "`".repeat(longest_run(&line, '`') + 1);
    let pad = if line.starts_with('`') || line.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{ticks}{pad}{line}{pad}{ticks}")
}

/// Text from outside as a whole sentence: [`prose`] that ends with a full stop.
pub(crate) fn sentence(text: &str) -> String {
    bounded_sentence(text, PROSE_CHARS_MAX)
}

/// Like [`sentence`], with a bound of its own.
pub(crate) fn bounded_sentence(text: &str, chars_max: usize) -> String {
    let text = bounded_prose(text, chars_max);
    match text.chars().last() {
        None => "nothing was told.".to_owned(),
        Some('.' | '!' | '?' | '…') => text,
        Some(_) => format!("{text}."),
    }
}

/// Text from outside for a place that is not Markdown, such as the title of a pull request.
pub(crate) fn bare(text: &str, chars_max: usize) -> String {
    one_line(text, chars_max, true)
}

/// The length of the longest run of `wanted` in `text`.
pub(crate) fn longest_run(text: &str, wanted: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// A literal stretch of a text, bounded in lines and in the length of each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// Its lines, joined by newlines.
    pub(crate) text: String,
    /// Lines shown.
    pub(crate) shown: usize,
    /// Lines of the whole text.
    pub(crate) whole: usize,
    /// Some line was longer than its bound.
    pub(crate) cut: bool,
}

/// Bounds of an [`Excerpt`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Lines.
    pub(crate) lines_max: usize,
    /// Characters of each line.
    pub(crate) chars_max: usize,
}

/// The lines of `text` from the one that holds `around` on, or its end when none does: a
/// failure is told where its message stands, else at the end of the output.
pub(crate) fn excerpt(text: &str, around: Option<&str>, bounds: Bounds) -> Excerpt {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let whole = lines.len();
    let found = around
        .map(str::trim)
        .filter(|wanted| !wanted.is_empty())
        .and_then(|wanted| lines.iter().position(|line| line.contains(wanted)));
    // One line before the message says whose message it is.
    let from = match found {
        Some(place) => place.saturating_sub(1),
        None => whole.saturating_sub(bounds.lines_max),
    };
    take(&lines, from, bounds)
}

/// The first lines of `text`.
pub(crate) fn head(text: &str, bounds: Bounds) -> Excerpt {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    take(&lines, 0, bounds)
}

fn take(lines: &[&str], from: usize, bounds: Bounds) -> Excerpt {
    let mut text = String::new();
    let mut shown = 0;
    let mut cut = false;
    for line in lines.iter().skip(from).take(bounds.lines_max) {
        let mut chars = printable(line);
        text.extend(chars.by_ref().take(bounds.chars_max));
        if chars.next().is_some() {
            cut = true;
            text.push('…');
        }
        text.push('\n');
        shown += 1;
    }
    Excerpt {
        text: text.trim_end_matches('\n').to_owned(),
        shown,
        whole: lines.len(),
        cut,
    }
}

/// `2026-11-23 18:44:55 UTC`.
pub(crate) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `2026-11-23 18:44:55 to 18:45:09 UTC`, with the second date only where it differs.
pub(crate) fn utc_range(from: Timestamp, to: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    if from.as_second() == to.as_second() {
        return utc(from);
    }
    let start = from.strftime("%Y-%m-%d %H:%M:%S");
    if day(from) == day(to) {
        format!("{start} to {} UTC", to.strftime("%H:%M:%S"))
    } else {
        format!("{start} to {}", utc(to))
    }
}

/// Milliseconds between two moments.
pub(crate) fn between_ms(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond() - from.as_millisecond()).unwrap_or(0)
}

/// `820 ms`, `14.2 s`, `2 min 5 s`.
pub(crate) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// `12,345`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `4,200` or `4,200.50`.
pub(crate) fn money(amount: f64) -> String {
    if !amount.is_finite() || !(0.0..1e15).contains(&amount) {
        return format!("{amount}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above"
    )]
    let hundredths = (amount * 100.0).round() as u64;
    let mut out = grouped(hundredths / 100);
    if !hundredths.is_multiple_of(100) {
        let _written = write!(out, ".{:02}", hundredths % 100);
    }
    out
}

/// `82.4 %`, `100 %`. Never rounded up to a whole that was not reached.
pub(crate) fn percent(share: f64) -> String {
    let tenths = (share * 1_000.0 + 1e-9).floor();
    if tenths % 10.0 == 0.0 {
        format!("{:.0} %", tenths / 10.0)
    } else {
        format!("{:.1} %", tenths / 10.0)
    }
}

/// `1 test`, `3 tests`.
pub(crate) fn counted(n: u64, one: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {one}{plural}", grouped(n))
}

/// The length of a list, as the counts of the model are.
pub(crate) fn len(list: &[impl Sized]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

/// The first `names_max` of `names` as code spans; more are counted.
pub(crate) fn named(names: &[impl Deref<Target = str>], names_max: usize) -> String {
    let mut shown: Vec<String> = names
        .iter()
        .take(names_max)
        .map(|name| code(name))
        .collect();
    if names.len() > names_max {
        shown.push(format!("{} more", names.len() - names_max));
    }
    if shown.is_empty() {
        "none".to_owned()
    } else {
        listed(&shown)
    }
}

/// `a, b and c`.
pub(crate) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(got: String, expected: &str) {
        assert_eq!(got, expected);
    }

    #[test]
    fn prose_has_no_power_over_the_page() {
        check(
            prose("a *b* [e:deadbeef] <script> snake_case __x__"),
            "a \\*b\\* \\[e:deadbeef] \\<script> snake_case \\_\\_x\\_\\_",
        );
        check(prose("1. one"), "1\\. one");
        check(prose("1.5 s"), "1.5 s");
        check(prose("# title"), "\\# title");
        check(prose("- item"), "\\- item");
        check(prose("two\nlines\tand\r\nmore"), "two lines and more");
        check(prose("2 < 3 && x"), "2 < 3 && x");
    }

    #[test]
    fn code_spans_in_prose_stay_when_they_are_balanced() {
        check(prose("`a*b` leaves it out"), "`a*b` leaves it out");
        check(prose("open ` end"), "open \\` end");
        check(prose("``` fence"), "\\`\\`\\` fence");
        check(prose("`` x ``"), "\\`\\` x \\`\\`");
    }

    #[test]
    fn terminal_sequences_and_invisible_characters_are_left_out() {
        check(prose("\u{1b}[31mred\u{1b}[0m"), "red");
        check(prose("\u{1b}]0;title\u{7}shown"), "shown");
        check(prose("a\u{202e}b\u{0}c\u{7f}"), "abc");
        check(code("\u{1b}[2Jx"), "`x`");
    }

    #[test]
    fn code_spans_hold_any_text() {
        check(code("a`b"), "``a`b``");
        check(code("`a`"), "`` `a` ``");
        check(code(""), "(empty)");
        check(code("a\\|b"), "a\\\\|b");
    }

    #[test]
    fn text_is_bounded() {
        assert_eq!(
            prose(&"x".repeat(1 << 20)).chars().count(),
            PROSE_CHARS_MAX + 1
        );
        assert_eq!(
            code(&"x".repeat(1 << 20)).chars().count(),
            CODE_CHARS_MAX + 3
        );
    }

    #[test]
    fn figures_carry_their_unit() {
        check(duration(0), "0 ms");
        check(duration(999), "999 ms");
        check(duration(14_260), "14.2 s");
        check(duration(125_900), "2 min 5 s");
        check(grouped(0), "0");
        check(grouped(1_234_567), "1,234,567");
        check(money(4200.0), "4,200");
        check(money(0.5), "0.50");
        check(money(f64::NAN), "NaN");
        check(percent(1.0), "100 %");
        check(percent(0.999_99), "99.9 %");
        check(percent(1.0 / 3.0), "33.3 %");
        check(percent(0.29), "29 %");
        check(counted(1, "test"), "1 test");
        check(counted(1_000, "test"), "1,000 tests");
    }

    #[test]
    fn times_say_that_they_are_utc() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        check(utc(at("2026-11-23T18:44:55.9Z")), "2026-11-23 18:44:55 UTC");
        check(
            utc_range(at("2026-11-23T18:44:55Z"), at("2026-11-23T18:45:09Z")),
            "2026-11-23 18:44:55 to 18:45:09 UTC",
        );
        check(
            utc_range(at("2026-11-23T23:59:59Z"), at("2026-11-24T00:00:01Z")),
            "2026-11-23 23:59:59 to 2026-11-24 00:00:01 UTC",
        );
        check(
            utc_range(at("2026-11-23T18:44:55Z"), at("2026-11-23T18:44:55.5Z")),
            "2026-11-23 18:44:55 UTC",
        );
    }

    #[test]
    fn an_excerpt_starts_before_the_message_or_shows_the_end() {
        let bounds = Bounds {
            lines_max: 2,
            chars_max: 5,
        };
        let text = "one\ntwo\nthree\nfour and more\n";
        let at = excerpt(text, Some("three"), bounds);
        assert_eq!(
            (at.text.as_str(), at.shown, at.whole, at.cut),
            ("two\nthree", 2, 4, false)
        );
        let end = excerpt(text, Some("absent"), bounds);
        assert_eq!(
            (end.text.as_str(), end.shown, end.cut),
            ("three\nfour …", 2, true)
        );
        assert_eq!(excerpt("", None, bounds).whole, 0);
    }
}
