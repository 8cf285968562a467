//! Mechanical edits, from text to text.

use similar::{DiffOp, TextDiff};
use thiserror::Error;

/// An edit does not fit the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EditError {
    /// The line is not what it was when the cause was found.
    #[error("line {line} is {found:?}, expected {expected:?}")]
    Moved {
        /// 1-based.
        line: u64,
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
    /// The line is the same in both versions, so there is nothing to put back.
    #[error("line {line} is as it was in the good version")]
    Unchanged {
        /// 1-based.
        line: u64,
    },
}

/// Takes line `line` out of an ignore file, if it still reads `expected`.
///
/// # Errors
/// When another text stands there.
pub fn unignore(text: &str, line: u64, expected: &str) -> Result<String, EditError> {
    let at = usize::try_from(line).unwrap_or(usize::MAX).wrapping_sub(1);
    let found = text.lines().nth(at);
    if found.is_none_or(|found| found.trim_end() != expected.trim_end()) {
        return Err(EditError::Moved {
            line,
            found: found.unwrap_or_default().to_owned(),
            expected: expected.to_owned(),
        });
    }
    Ok(text
        .split_inclusive('\n')
        .enumerate()
        .filter(|(n, _)| *n != at)
        .map(|(_, l)| l)
        .collect())
}

/// Puts the lines of the hunk that holds line `line` of `current` back as they are in `good`,
/// and leaves every other difference alone.
///
/// # Errors
/// When that line does not differ.
pub fn revert_hunk(current: &str, good: &str, line: u64) -> Result<String, EditError> {
    let at = usize::try_from(line).unwrap_or(usize::MAX).wrapping_sub(1);
    let diff = TextDiff::from_lines(good, current);
    let hunk = diff
        .ops()
        .iter()
        .find(|op| !matches!(op, DiffOp::Equal { .. }) && op.new_range().contains(&at));
    let Some(hunk) = hunk else {
        return Err(EditError::Unchanged { line });
    };
    let current: Vec<&str> = current.split_inclusive('\n').collect();
    let good: Vec<&str> = good.split_inclusive('\n').collect();
    let (old, new) = (hunk.old_range(), hunk.new_range());
    let mut lines = current[..new.start].to_vec();
    lines.extend(&good[old]);
    lines.extend(&current[new.end..]);
    Ok(lines.concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_unignore(text: &str, line: u64, expected: &str, result: Option<&str>) {
        assert_eq!(unignore(text, line, expected).ok().as_deref(), result);
    }

    #[test]
    fn a_line_is_taken_out_of_an_ignore_file() {
        check_unignore("a\nb\nc\n", 2, "b", Some("a\nc\n"));
        check_unignore("a\nb", 2, "b", Some("a\n"));
        check_unignore("a\r\nb\r\n", 1, "a", Some("b\r\n"));
        check_unignore("a\nb\n", 2, "c", None);
        check_unignore("a\nb\n", 3, "", None);
        check_unignore("a\nb\n", 0, "a", None);
        check_unignore("", 1, "x", None);
    }

    fn check_revert(good: &str, current: &str, line: u64, result: Option<&str>) {
        assert_eq!(revert_hunk(current, good, line).ok().as_deref(), result);
    }

    #[test]
    fn only_the_hunk_around_the_line_is_put_back() {
        check_revert("a\nb\nc\n", "a\nX\nc\n", 2, Some("a\nb\nc\n"));
        check_revert("a\nb\nc\nd\n", "A\nb\nc\nD\n", 4, Some("A\nb\nc\nd\n"));
        check_revert("a\nc\n", "a\nb\nc\n", 2, Some("a\nc\n"));
        check_revert("a\nb\nc\n", "a\nX\nY\nc\n", 3, Some("a\nb\nc\n"));
        check_revert("a\nb\n", "a\nb\n", 1, None);
        check_revert("a\nb\n", "a\nX\n", 1, None);
        check_revert("a\n", "b\n", 9, None);
    }

    proptest! {
        #[test]
        fn reverting_every_hunk_gives_the_good_text(good in "([abc]\n){0,12}", bad in "([abc]\n){0,12}") {
            let mut text = bad;
            // Each round puts one hunk back; what is left can only be pure deletions.
            for _ in 0..20 {
                let diff = TextDiff::from_lines(good.as_str(), text.as_str());
                let line = diff.ops().iter().find(|op| {
                    !matches!(op, DiffOp::Equal { .. }) && !op.new_range().is_empty()
                }).map(|op| op.new_range().start as u64 + 1);
                drop(diff);
                let Some(line) = line else { break };
                text = revert_hunk(&text, &good, line).unwrap();
            }
            let diff = TextDiff::from_lines(good.as_str(), text.as_str());
            let left = diff.ops().iter().any(|op| {
                !op.new_range().is_empty() && !matches!(op, DiffOp::Equal { .. })
            });
            prop_assert!(!left);
        }

        #[test]
        fn taking_a_line_out_leaves_all_others(lines in prop::collection::vec("[a-z/!*]{0,6}", 1..20), at in 0usize..20) {
            let at = at % lines.len();
            let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let out = unignore(&text, at as u64 + 1, &lines[at]).unwrap();
            let mut rest = lines.clone();
            rest.remove(at);
            prop_assert_eq!(out.lines().collect::<Vec<_>>(), rest);
        }
    }
}
