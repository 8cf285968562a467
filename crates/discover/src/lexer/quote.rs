//! How strings begin and end.

use super::language::Language;

/// What ends a string, and what counts inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    close: u8,
    /// How many of `close` in a row end it.
    count: usize,
    /// `#`s behind them, in Rust.
    hashes: usize,
    /// Brackets of the same kind nest, in `%w(…)` and `~s(…)`.
    nests: Option<u8>,
    /// A backslash takes the next character with it.
    escapes: bool,
    /// A backslash stands for itself in the value.
    raw: bool,
    /// Two of `close` stand for one.
    doubled: bool,
    /// May go over several lines; otherwise a line's end ends it.
    lines: bool,
    /// The byte before `{` that begins an expression.
    hole: Option<u8>,
    /// A byte that shows that something is put in.
    marker: Option<u8>,
    char: bool,
}

/// How the reading of a string ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Bytes read, the closing ones among them.
    pub(super) length: usize,
    /// Bytes of the closing quote or of the hole's opening.
    pub(super) close: usize,
    /// Closed, with nothing put in.
    pub(super) plain: bool,
    /// An expression follows.
    pub(super) hole: bool,
}

impl Quote {
    const fn of(close: u8) -> Self {
        Self {
            close,
            count: 1,
            hashes: 0,
            nests: None,
            escapes: true,
            raw: false,
            doubled: false,
            lines: false,
            hole: None,
            marker: None,
            char: false,
        }
    }

    fn lines(self) -> Self {
        Self {
            lines: true,
            ..self
        }
    }

    fn raw(self) -> Self {
        Self {
            raw: true,
            escapes: false,
            ..self
        }
    }

    fn hole(self, before: u8) -> Self {
        Self {
            hole: Some(before),
            ..self
        }
    }

    fn marker(self, byte: u8) -> Self {
        Self {
            marker: Some(byte),
            ..self
        }
    }

    fn triple(self) -> Self {
        Self {
            count: 3,
            lines: true,
            ..self
        }
    }

    fn char(self) -> Self {
        Self { char: true, ..self }
    }

    pub(super) fn is_char(self) -> bool {
        self.char
    }

    pub(super) fn is_raw(self) -> bool {
        self.raw
    }

    /// The string that begins here and the length of its opening. `joined` says that an operand
    /// ends right before.
    pub(super) fn open(language: Language, rest: &[u8], joined: bool) -> Option<(usize, Self)> {
        let first = *rest.first()?;
        let tripled = rest.len() >= 3 && rest[1] == first && rest[2] == first;
        let either = |quote: Self| {
            if tripled {
                Some((3, quote.triple()))
            } else {
                Some((1, quote))
            }
        };
        match (language, first) {
            (Language::Python, _) => python(rest),
            (Language::JavaScript, b'"' | b'\'') => Some((1, Self::of(first))),
            (Language::JavaScript, b'`') => Some((1, Self::of(b'`').lines().hole(b'$'))),
            (Language::Go, b'"') => Some((1, Self::of(b'"'))),
            (Language::Go, b'`') => Some((1, Self::of(b'`').lines().raw())),
            (Language::Rust, _) => rust(rest),
            (Language::Java, b'"') => either(Self::of(b'"')),
            (Language::Kotlin, b'"') if tripled => {
                Some((3, Self::of(b'"').triple().raw().hole(b'$').marker(b'$')))
            }
            (Language::Kotlin, b'"') => Some((1, Self::of(b'"').hole(b'$').marker(b'$'))),
            (Language::Groovy, b'"') => either(Self::of(b'"').hole(b'$').marker(b'$')),
            (Language::Groovy, b'\'') => either(Self::of(b'\'')),
            (Language::Ruby, b'\'') => Some((1, Self::of(b'\'').lines())),
            (Language::Ruby, b'"' | b'`') => Some((1, Self::of(first).lines().hole(b'#'))),
            (Language::Ruby, b'%') if !joined => percent(rest),
            (Language::Php, b'\'') => Some((1, Self::of(b'\'').lines())),
            (Language::Php, b'"' | b'`') => Some((1, Self::of(first).lines().marker(b'$'))),
            (Language::CSharp, b'"' | b'@' | b'$') => csharp(rest),
            (Language::Elixir, b'"' | b'\'') => either(Self::of(first).lines().hole(b'#')),
            (Language::Elixir, b'~') => sigil(rest),
            (Language::Go | Language::Java | Language::Kotlin | Language::CSharp, b'\'') => {
                Some((1, Self::of(b'\'').char()))
            }
            _ => None,
        }
    }

    /// Reads from behind the opening, or from behind a hole.
    pub(super) fn scan(self, rest: &[u8]) -> Ended {
        let mut at = 0;
        let mut depth = 0_usize;
        let mut marked = false;
        let ended = |length, close, plain, hole| Ended {
            length,
            close,
            plain,
            hole,
        };
        while at < rest.len() {
            let byte = rest[at];
            if byte == self.close && depth == 0 && self.closes(&rest[at..]) {
                if self.doubled && rest.get(at + 1) == Some(&self.close) {
                    at += 2;
                    continue;
                }
                let close = self.count + self.hashes;
                return ended(at + close, close, !marked, false);
            }
            if self.nests == Some(byte) {
                depth += 1;
            } else if byte == self.close && depth > 0 {
                depth -= 1;
            }
            // A raw Python string cannot end on a backslash: it still takes the quote with it.
            if byte == b'\\' && self.escapes {
                at += 2;
                continue;
            }
            if byte == b'\n' && !self.lines {
                return ended(at, 0, false, false);
            }
            if self.hole == Some(byte) && rest.get(at + 1) == Some(&b'{') {
                return ended(at + 2, 2, false, true);
            }
            marked |= self.marker == Some(byte);
            at += 1;
        }
        ended(rest.len(), 0, false, false)
    }

    fn closes(self, rest: &[u8]) -> bool {
        rest.len() >= self.count + self.hashes
            && rest[..self.count].iter().all(|byte| *byte == self.close)
            && rest[self.count..self.count + self.hashes]
                .iter()
                .all(|byte| *byte == b'#')
    }
}

fn python(rest: &[u8]) -> Option<(usize, Quote)> {
    let letters = rest
        .iter()
        .take(2)
        .take_while(|b| b"rRbBuUfFtT".contains(b))
        .count();
    let first = *rest
        .get(letters)
        .filter(|byte| matches!(byte, b'"' | b'\''))?;
    let has = |letter: u8| {
        rest[..letters]
            .iter()
            .any(|b| b.eq_ignore_ascii_case(&letter))
    };
    let mut quote = Quote {
        raw: has(b'r'),
        ..Quote::of(first)
    };
    if has(b'f') || has(b't') {
        quote = quote.marker(b'{');
    }
    if rest[letters..].starts_with(&[first; 3]) {
        return Some((letters + 3, quote.triple()));
    }
    Some((letters + 1, quote))
}

fn rust(rest: &[u8]) -> Option<(usize, Quote)> {
    let letters = rest
        .iter()
        .take(2)
        .take_while(|b| b"brc".contains(b))
        .count();
    let raw = letters > 0 && rest[letters - 1] == b'r';
    let hashes = match raw {
        true => rest[letters..].iter().take_while(|b| **b == b'#').count(),
        false => 0,
    };
    match rest.get(letters + hashes) {
        Some(b'"') if raw => Some((
            letters + hashes + 1,
            Quote {
                hashes,
                ..Quote::of(b'"').lines().raw()
            },
        )),
        Some(b'"') => Some((letters + 1, Quote::of(b'"').lines())),
        Some(b'\'') if letters == 1 && rest[0] == b'b' => Some((2, Quote::of(b'\'').char())),
        _ => None,
    }
}

fn csharp(rest: &[u8]) -> Option<(usize, Quote)> {
    let marks = rest.iter().take_while(|b| matches!(b, b'@' | b'$')).count();
    let quotes = rest[marks..].iter().take_while(|b| **b == b'"').count();
    let has = |mark: u8| rest[..marks].contains(&mark);
    let mut quote = match quotes {
        0 => return None,
        1 | 2 if has(b'@') => Quote {
            doubled: true,
            ..Quote::of(b'"').lines().raw()
        },
        1 | 2 => Quote::of(b'"'),
        more => {
            let raw = Quote {
                count: more,
                ..Quote::of(b'"').lines().raw()
            };
            return Some((marks + more, if has(b'$') { raw.marker(b'{') } else { raw }));
        }
    };
    if has(b'$') {
        quote = quote.marker(b'{');
    }
    Some((marks + 1, quote))
}

/// `%w(…)` and its like.
fn percent(rest: &[u8]) -> Option<(usize, Quote)> {
    let kind = *rest.get(1).filter(|byte| b"wWiIqQr".contains(byte))?;
    let quote = delimited(*rest.get(2)?)?;
    Some((
        3,
        if kind == b'Q' {
            quote.hole(b'#')
        } else {
            quote.marker(b' ')
        },
    ))
}

/// `~s(…)` and its like.
fn sigil(rest: &[u8]) -> Option<(usize, Quote)> {
    let letters = rest[1..]
        .iter()
        .take_while(|b| b.is_ascii_alphabetic())
        .count();
    if letters == 0 {
        return None;
    }
    let open = *rest.get(1 + letters)?;
    let raw = rest[1].is_ascii_uppercase();
    let shape = |quote: Quote| if raw { quote.raw() } else { quote.hole(b'#') };
    if matches!(open, b'"' | b'\'') && rest[1 + letters..].starts_with(&[open; 3]) {
        return Some((1 + letters + 3, shape(Quote::of(open).triple())));
    }
    Some((2 + letters, shape(delimited(open)?)))
}

fn delimited(open: u8) -> Option<Quote> {
    let close = match open {
        b'(' => b')',
        b'[' => b']',
        b'{' => b'}',
        b'<' => b'>',
        b'/' | b'|' | b'!' | b'"' | b'\'' => open,
        _ => return None,
    };
    let nests = (close != open).then_some(open);
    Some(Quote {
        nests,
        ..Quote::of(close).lines()
    })
}
