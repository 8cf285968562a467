//! Ignore files in gitignore syntax, with the line that decided.

use crate::Glob;

/// An ignore file at the root of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IgnoreFile {
    rules: Vec<Rule>,
}

/// One line of an ignore file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// 1-based.
    pub number: u64,
    /// As it stands in the file, without its line end.
    pub text: String,
}

/// What an ignore file says of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// This line leaves it out.
    Excluded(&'a Line),
    /// This line, with a `!`, keeps it.
    Kept(&'a Line),
    /// No line is about it.
    Undecided,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    line: Line,
    keeps: bool,
    folders_only: bool,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// A pattern without a slash is about the last part of a path.
    Name(Glob),
    /// Any other is about the whole path. What stands before the first wildcard is compared
    /// literally and the glob begins after it, as git does it: `a**/b` matches `ax/y/b`.
    Path { prefix: Vec<u8>, rest: Glob },
}

impl IgnoreFile {
    /// Reads an ignore file. There is no wrong line; a broken one excludes nothing.
    pub fn parse(text: &str) -> Self {
        let rules = text
            .split_inclusive('\n')
            .zip(1..)
            .filter_map(|(raw, number)| {
                let bare = raw.strip_suffix('\n').unwrap_or(raw);
                let pattern = bare.strip_suffix('\r').unwrap_or(bare);
                // The literal line is what `str::lines` gives, so that others find it again.
                let text = if raw.ends_with('\n') { pattern } else { bare };
                let pattern = match pattern.strip_prefix('\u{feff}') {
                    Some(rest) if number == 1 => rest,
                    _ => pattern,
                };
                let text = text.to_owned();
                Rule::parse(pattern, Line { number, text })
            });
        Self {
            rules: rules.collect(),
        }
    }

    /// What the file says of `path`, relative to its folder; the last line that is about it
    /// decides. A path below an excluded folder is out whatever this says: ask for the folders
    /// first.
    pub fn decide(&self, path: &str, folder: bool) -> Decision<'_> {
        match self
            .rules
            .iter()
            .rev()
            .find(|rule| rule.is_about(path, folder))
        {
            Some(Rule {
                line, keeps: true, ..
            }) => Decision::Kept(line),
            Some(Rule {
                line, keeps: false, ..
            }) => Decision::Excluded(line),
            None => Decision::Undecided,
        }
    }
}

impl Rule {
    fn parse(pattern: &str, line: Line) -> Option<Self> {
        if pattern.starts_with('#') {
            return None;
        }
        let pattern = without_trailing_spaces(pattern);
        let (keeps, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, pattern),
        };
        let (folders_only, pattern) = match pattern.strip_suffix('/') {
            Some(pattern) => (true, pattern),
            None => (false, pattern),
        };
        if pattern.is_empty() {
            return None;
        }
        let shape = if pattern.contains('/') {
            let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
            let wildcard = pattern.find(['*', '?', '[', '\\']).unwrap_or(pattern.len());
            let (prefix, rest) = pattern.split_at(wildcard);
            Shape::Path {
                prefix: prefix.into(),
                rest: Glob::new(rest),
            }
        } else {
            Shape::Name(Glob::new(pattern))
        };
        Some(Self {
            line,
            keeps,
            folders_only,
            shape,
        })
    }

    fn is_about(&self, path: &str, folder: bool) -> bool {
        if self.folders_only && !folder {
            return false;
        }
        match &self.shape {
            Shape::Name(glob) => glob.matches(path.rsplit('/').next().unwrap_or(path)),
            Shape::Path { prefix, rest } => path
                .as_bytes()
                .strip_prefix(&prefix[..])
                .is_some_and(|path| rest.matches(path)),
        }
    }
}

/// Spaces at the end do not count unless a `\` stands before them.
fn without_trailing_spaces(pattern: &str) -> &str {
    let mut end = 0;
    let mut escaped = false;
    for (place, character) in pattern.char_indices() {
        if escaped || character != ' ' {
            end = place + character.len_utf8();
        }
        escaped = !escaped && character == '\\';
    }
    &pattern[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, path: &str, expected: Option<(u64, &str)>) {
        let folder = path.ends_with('/');
        let file = IgnoreFile::parse(text);
        let found = match file.decide(path.trim_end_matches('/'), folder) {
            Decision::Excluded(line) => Some((line.number, line.text.as_str())),
            Decision::Kept(_) | Decision::Undecided => None,
        };
        assert_eq!(found, expected, "{path} in {text:?}");
    }

    #[test]
    fn the_last_line_decides_and_is_named_literally() {
        check("*.md\n", "a/b.md", Some((1, "*.md")));
        check("# x\n\n*.md  \r\n", "b.md", Some((3, "*.md  ")));
        check("*.md\n!b.md\n", "b.md", None);
        check("!b.md\n*.md", "b.md", Some((2, "*.md")));
        check("monitoring/", "monitoring/", Some((1, "monitoring/")));
        check("monitoring/", "a/monitoring/", Some((1, "monitoring/")));
        check("monitoring/", "monitoring", None);
        check("/a", "a", Some((1, "/a")));
        check("/a", "b/a", None);
        check("b/a", "c/b/a", None);
        check("\u{feff}a", "a", Some((1, "\u{feff}a")));
        check("a\\ ", "a ", Some((1, "a\\ ")));
        check("\\#a", "#a", Some((1, "\\#a")));
        check("\\!a", "!a", Some((1, "\\!a")));
        check("!", "!", None);
        check("/", "a", None);
    }
}
