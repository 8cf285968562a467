//! Globs over paths, as git's ignore files and boundaries use them.
//!
//! `*`, `?` and `[…]` never match a `/`; `**` between slashes (or at an end) matches any number
//! of folders; `\` takes the next character literally. Braces mean themselves. Matching is by
//! bytes, as git does it, and takes time in proportion to pattern times path, whatever the
//! pattern: the states of the pattern are advanced together, without backtracking.

/// A compiled glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// This byte.
    Byte(u8),
    /// Any byte but `/`.
    One,
    /// Any byte of the set but `/`.
    Class(Box<[bool; 256]>),
    /// Any bytes but `/`.
    Star,
    /// Any bytes.
    Run,
    /// The two tokens that follow may be left out.
    Optional,
    /// Matches nothing, as a broken pattern does.
    Never,
}

impl Glob {
    /// Compiles `pattern`. There is no wrong pattern; a broken one (an open `[`, a `\` at the
    /// end) matches nothing.
    pub fn new(pattern: impl AsRef<[u8]>) -> Self {
        let pattern = pattern.as_ref();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&byte) = pattern.get(at) {
            at += 1;
            match byte {
                b'?' => tokens.push(Token::One),
                b'\\' => {
                    tokens.push(
                        pattern
                            .get(at)
                            .map_or(Token::Never, |&byte| Token::Byte(byte)),
                    );
                    at += 1;
                }
                b'[' => match class(pattern, &mut at) {
                    Some(set) => tokens.push(Token::Class(set)),
                    None => tokens.push(Token::Never),
                },
                b'*' => at = star(pattern, at, &mut tokens),
                byte => tokens.push(Token::Byte(byte)),
            }
        }
        Self { tokens }
    }

    /// Whether the whole of `path` matches.
    pub fn matches(&self, path: impl AsRef<[u8]>) -> bool {
        let mut states = vec![false; self.tokens.len() + 1];
        states[0] = true;
        self.skip(&mut states);
        for &byte in path.as_ref() {
            let mut next = vec![false; states.len()];
            for (place, token) in self
                .tokens
                .iter()
                .enumerate()
                .filter(|(place, _)| states[*place])
            {
                match token {
                    Token::Byte(expected) => next[place + 1] |= *expected == byte,
                    Token::One => next[place + 1] |= byte != b'/',
                    Token::Class(set) => {
                        next[place + 1] |= byte != b'/' && set[usize::from(byte)];
                    }
                    Token::Star => next[place] |= byte != b'/',
                    Token::Run => next[place] = true,
                    Token::Optional | Token::Never => {}
                }
            }
            self.skip(&mut next);
            states = next;
        }
        states[self.tokens.len()]
    }

    /// Marks what is reached without reading anything.
    fn skip(&self, states: &mut [bool]) {
        for (place, token) in self.tokens.iter().enumerate() {
            if states[place] {
                match token {
                    Token::Star | Token::Run => states[place + 1] = true,
                    Token::Optional => {
                        states[place + 1] = true;
                        states[place + 3] = true;
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Compiles the stars that end before `at + …`; gives the place after them.
fn star(pattern: &[u8], mut at: usize, tokens: &mut Vec<Token>) -> usize {
    let first = at - 1;
    while pattern.get(at) == Some(&b'*') {
        at += 1;
    }
    let rest = &pattern[at..];
    let opens = first == 0 || pattern[first - 1] == b'/';
    let closes = rest.is_empty() || rest.starts_with(b"/") || rest.starts_with(b"\\/");
    if at - first == 1 || !opens || !closes {
        tokens.push(Token::Star);
    } else if rest.starts_with(b"/") {
        tokens.extend([Token::Optional, Token::Run, Token::Byte(b'/')]);
        at += 1;
    } else {
        tokens.push(Token::Run);
    }
    at
}

/// Reads the set that begins at `at`, after its `[`, and moves `at` behind its `]`.
fn class(pattern: &[u8], at: &mut usize) -> Option<Box<[bool; 256]>> {
    let mut set = Box::new([false; 256]);
    let negated = matches!(pattern.get(*at), Some(b'!' | b'^'));
    if negated {
        *at += 1;
    }
    let mut previous = 0;
    let mut first = true;
    loop {
        let byte = *pattern.get(*at)?;
        *at += 1;
        if byte == b']' && !first {
            break;
        }
        first = false;
        let next = pattern.get(*at).copied();
        if byte == b'\\' {
            let byte = next?;
            *at += 1;
            set[usize::from(byte)] = true;
            previous = byte;
        } else if byte == b'-' && previous != 0 && next.is_some_and(|next| next != b']') {
            let mut last = next?;
            *at += 1;
            if last == b'\\' {
                last = *pattern.get(*at)?;
                *at += 1;
            }
            (previous..=last).for_each(|byte| set[usize::from(byte)] = true);
            previous = 0;
        } else if byte == b'[' && next == Some(b':') {
            previous = named_class(pattern, at, &mut set)?;
        } else {
            set[usize::from(byte)] = true;
            previous = byte;
        }
    }
    if negated {
        set.iter_mut().for_each(|member| *member = !*member);
    }
    Some(set)
}

/// Reads `:name:]` at `at`; a `[:` that is never closed by `:]` is a plain `[`.
fn named_class(pattern: &[u8], at: &mut usize, set: &mut [bool; 256]) -> Option<u8> {
    let start = *at + 1;
    let end = start
        + pattern
            .get(start..)?
            .iter()
            .position(|&byte| byte == b']')?;
    if end == start || pattern[end - 1] != b':' {
        set[usize::from(b'[')] = true;
        return Some(b'[');
    }
    let member: fn(&u8) -> bool = match &pattern[start..end - 1] {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    };
    (0..=255_u8)
        .filter(member)
        .for_each(|byte| set[usize::from(byte)] = true);
    *at = end + 1;
    Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str, expected: bool) {
        assert_eq!(
            Glob::new(pattern).matches(path),
            expected,
            "{pattern} on {path}"
        );
    }

    #[test]
    fn stars_stay_in_one_folder() {
        check("*.md", "a.md", true);
        check("*.md", "a/b.md", false);
        check("a*", "a", true);
        check("a/*/c", "a/b/c", true);
        check("a/*/c", "a/c", false);
        check("a**b", "axxb", true);
        check("a**b", "a/b", false);
    }

    #[test]
    fn double_stars_cross_folders() {
        check("services/**", "services/a/b", true);
        check("services/**", "services", false);
        check("**/a", "a", true);
        check("**/a", "x/y/a", true);
        check("**/a", "xa", false);
        check("a/**/b", "a/b", true);
        check("a/**/b", "a/x/y/b", true);
        check("a/**/b", "axb", false);
        check("**", "a/b", true);
    }

    #[test]
    fn sets_and_escapes() {
        check("[a-c]", "b", true);
        check("[!a-c]", "b", false);
        check("[^a-c]", "d", true);
        check("[]]", "]", true);
        check("[a-]", "-", true);
        check("[[:digit:]x]", "7", true);
        check("[[:digit:]x]", "a", false);
        check("[[:nope:]]", "n", false);
        check("[a", "[a", false);
        check("[a", "a", false);
        check("a[/]b", "a/b", false);
        check("\\*", "*", true);
        check("\\*", "a", false);
        check("a\\", "a\\", false);
        check("{a,b}", "a", false);
        check("{a,b}", "{a,b}", true);
        check("?", "/", false);
    }

    #[test]
    fn a_hostile_pattern_takes_no_longer() {
        check(&"a*".repeat(200), &"a".repeat(5_000), true);
        check(&format!("{}b", "*a".repeat(200)), &"a".repeat(5_000), false);
    }
}
