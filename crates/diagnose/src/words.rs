//! Figures and lists as a person reads them.

use jiff::Timestamp;

/// Characters of one excerpt: some twelve lines of eighty.
const EXCERPT_CHARS_MAX: usize = 960;

/// Seconds between two times.
pub(crate) fn span(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// `once`, `9 times in 14.2 s`.
pub(crate) fn counted(n: u64, seconds: f64) -> String {
    if n == 1 {
        "once".to_owned()
    } else {
        format!("{n} times in {seconds:.1} s")
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// The literal start of a text, cut at the end of a line where that is possible.
pub(crate) fn excerpt(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(EXCERPT_CHARS_MAX) else {
        return text.to_owned();
    };
    let head = &text[..end];
    head.rfind('\n')
        .map_or(head, |line_end| &head[..line_end])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_lists() {
        assert_eq!(counted(1, 0.0), "once");
        assert_eq!(counted(9, 14.23), "9 times in 14.2 s");
        let list =
            |names: &[&str]| listed(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            [list(&[]), list(&["a"]), list(&["a", "b", "c"])],
            ["", "a", "a, b and c"]
        );
        assert_eq!(excerpt("short"), "short");
        assert_eq!(excerpt(&format!("line\n{}", "x".repeat(2_000))), "line");
    }
}
