//! Unified diffs: which lines a change brought.

/// A change of source, by file.
#[derive(Debug, Default)]
pub(crate) struct Diff {
    files: Vec<(String, Vec<NewLine>)>,
}

/// One line of the new side that a hunk shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewLine {
    /// 1-based, in the new file.
    pub(crate) line: u64,
    /// The literal line.
    pub(crate) text: String,
    /// It was added, or stands where a line was taken out.
    pub(crate) touched: bool,
}

impl Diff {
    /// Reads a unified diff; whatever is not part of a hunk is passed over.
    pub(crate) fn read(text: &str) -> Self {
        let mut diff = Self::default();
        let mut hunk = Hunk::default();
        for line in text.lines() {
            if hunk.open() {
                if let Some((_, lines)) = diff.files.last_mut() {
                    lines.extend(hunk.take(line));
                }
            } else if let Some(path) = line.strip_prefix("+++ ") {
                diff.files.push((new_path(path), Vec::new()));
            } else if let Some(header) = line.strip_prefix("@@ ") {
                hunk = Hunk::parse(header).unwrap_or_default();
            }
        }
        diff
    }

    /// The line of a file, where a hunk shows it.
    pub(crate) fn line(&self, path: &str, line: u64) -> Option<&NewLine> {
        self.files
            .iter()
            .filter(|(file, _)| same_path(file, path))
            .flat_map(|(_, lines)| lines)
            .find(|shown| shown.line == line)
    }
}

/// One of them may be relative to a folder of the other.
fn same_path(a: &str, b: &str) -> bool {
    a == b
        || a.strip_suffix(b).is_some_and(|head| head.ends_with('/'))
        || b.strip_suffix(a).is_some_and(|head| head.ends_with('/'))
}

fn new_path(text: &str) -> String {
    let path = text.split('\t').next().unwrap_or(text).trim_matches('"');
    path.strip_prefix("b/").unwrap_or(path).to_owned()
}

#[derive(Default)]
struct Hunk {
    old_left: u64,
    new_left: u64,
    next: u64,
    removed: bool,
}

impl Hunk {
    /// `-1,4 +1,5 @@ …`.
    fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split(' ');
        let (_, old_left) = range(parts.next()?.strip_prefix('-')?)?;
        let (next, new_left) = range(parts.next()?.strip_prefix('+')?)?;
        Some(Self {
            old_left,
            new_left,
            next,
            removed: false,
        })
    }

    fn open(&self) -> bool {
        self.old_left > 0 || self.new_left > 0
    }

    fn take(&mut self, line: &str) -> Option<NewLine> {
        let (mark, text) = match line.chars().next() {
            Some(mark @ ('+' | '-' | ' ' | '\\')) => (mark, &line[1..]),
            // Some tools drop the blank of an empty context line.
            _ => (' ', line),
        };
        match mark {
            '-' => {
                self.old_left = self.old_left.saturating_sub(1);
                self.removed = true;
                return None;
            }
            '\\' => return None,
            '+' => {}
            _ => self.old_left = self.old_left.saturating_sub(1),
        }
        self.new_left = self.new_left.saturating_sub(1);
        let shown = NewLine {
            line: self.next,
            text: text.to_owned(),
            touched: mark == '+' || self.removed,
        };
        self.removed = false;
        self.next += 1;
        Some(shown)
    }
}

fn range(text: &str) -> Option<(u64, u64)> {
    match text.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIFF: &str = "diff --git a/s/x.rs b/s/x.rs\n--- a/s/x.rs\n+++ b/s/x.rs\n@@ -1,4 +1,4 @@\n one\n-two\n+zwei\n three\n-four\n+++ vier\n@@ -10,2 +10,1 @@ fn f\n-gone\n stays\n";

    fn check(path: &str, line: u64, expected: Option<(&str, bool)>) {
        let diff = Diff::read(DIFF);
        let found = diff
            .line(path, line)
            .map(|shown| (shown.text.as_str(), shown.touched));
        assert_eq!(found, expected, "{path}:{line}");
    }

    #[test]
    fn lines_of_the_new_side() {
        check("s/x.rs", 1, Some(("one", false)));
        check("s/x.rs", 2, Some(("zwei", true)));
        check("s/x.rs", 3, Some(("three", false)));
        check("s/x.rs", 4, Some(("++ vier", true)));
        check("x.rs", 10, Some(("stays", true)));
        check("top/s/x.rs", 2, Some(("zwei", true)));
        check("s/y.rs", 2, None);
        check("s/x.rs", 7, None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s)(@@ -[0-9],[0-9] \\+[0-9],[0-9] @@\n|[-+ ].{0,6}\n){0,20}") {
            Diff::read(&text);
        }
    }
}
