//! What the test harnesses report, summed.

use std::fmt;

/// Counts of tests; each test is in exactly one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Ignored, or not run for want of something that it needs.
    pub(crate) skipped: u64,
    /// Names of those that failed.
    pub(crate) failures: Vec<String>,
}

impl Totals {
    /// Takes in one line of a harness's output.
    pub(crate) fn read_line(&mut self, line: &str) {
        let line = without_colour(line);
        let line = line.trim_end();
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += count(counts, "passed");
            self.failed += count(counts, "failed");
            self.skipped += count(counts, "ignored");
        } else if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        }
    }
}

/// The line that closes a run.
impl fmt::Display for Totals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// The number before `word`, 0 if there is none.
fn count(counts: &str, word: &str) -> u64 {
    let words: Vec<&str> = counts
        .split([' ', ';', '.'])
        .filter(|word| !word.is_empty())
        .collect();
    let place = words.iter().position(|found| *found == word);
    place
        .and_then(|place| words.get(place.checked_sub(1)?)?.parse().ok())
        .unwrap_or(0)
}

/// Without the escape sequences that colour text: `ESC [ … m`.
fn without_colour(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, passed: u64, failed: u64, skipped: u64, failures: &[&str]) {
        let mut totals = Totals::default();
        output.lines().for_each(|line| totals.read_line(line));
        let failures = failures.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(
            totals,
            Totals {
                passed,
                failed,
                skipped,
                failures
            },
            "{output}"
        );
    }

    #[test]
    fn results_are_summed_over_all_harnesses() {
        let ok = "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 4 filtered out; finished in 0.01s";
        let bad = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        check("", 0, 0, 0, &[]);
        check(ok, 12, 0, 3, &[]);
        check(&format!("{ok}\nnoise\n{bad}\n{ok}"), 25, 2, 6, &[]);
        check(
            "test result: \u{1b}[32mok\u{1b}[0m. 7 passed; 0 failed; 0 ignored",
            7,
            0,
            0,
            &[],
        );
        check("test a::b ... FAILED\ntest a::c ... ok", 0, 0, 0, &["a::b"]);
        check("  test result: ok. 9 passed; 0 failed", 0, 0, 0, &[]);
        check("test result: ok.", 0, 0, 0, &[]);
    }

    #[test]
    fn the_closing_line_has_the_shape_that_is_read() {
        let totals = Totals {
            passed: 7,
            failed: 1,
            skipped: 2,
            failures: Vec::new(),
        };
        assert_eq!(totals.to_string(), "7 passed, 1 failed, 2 skipped");
    }
}
