//! A text as its meaningful tokens, with brackets matched and lines counted.

use std::borrow::Cow;
use std::ops::Range;

use super::{Kind, Language, Token, tokens};

/// What has no partner, no parent.
const NONE: usize = usize::MAX;
/// Links of a chain of calls (`a.b().c()`) that are followed; longer ones are generated code.
const CHAIN_LINKS_MAX: usize = 64;

/// The tokens of a text that are neither space nor comment. Every index is one of them.
pub(crate) struct Source<'a> {
    text: &'a str,
    language: Language,
    tokens: Vec<Token>,
    /// The bracket at the other end.
    mates: Vec<usize>,
    /// The opening bracket around each token.
    parents: Vec<usize>,
    /// Where lines begin.
    lines: Vec<usize>,
}

/// A name with arguments in round brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) at: usize,
    pub(crate) open: usize,
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str, language: Language) -> Self {
        let mut tokens = tokens(text, language);
        tokens.retain(|token| !matches!(token.kind, Kind::Space | Kind::Comment));
        let (mates, parents) = brackets(text.as_bytes(), &tokens);
        let lines = std::iter::once(0)
            .chain(
                text.bytes()
                    .enumerate()
                    .filter(|(_, b)| *b == b'\n')
                    .map(|(at, _)| at + 1),
            )
            .collect();
        Self {
            text,
            language,
            tokens,
            mates,
            parents,
            lines,
        }
    }

    pub(crate) fn language(&self) -> Language {
        self.language
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// 1-based.
    pub(crate) fn line(&self, at: usize) -> u64 {
        let start = self.tokens.get(at).map_or(0, |token| token.start);
        self.lines.partition_point(|line| *line <= start) as u64
    }

    /// Whether a token is the first of its line.
    pub(crate) fn first_of_line(&self, at: usize) -> bool {
        at == 0 || self.line(at - 1) != self.line(at)
    }

    pub(crate) fn word(&self, at: usize) -> Option<&'a str> {
        self.tokens
            .get(at)
            .filter(|token| token.kind == Kind::Word)
            .map(|token| &self.text[token.start..token.end])
    }

    pub(crate) fn is(&self, at: usize, punct: u8) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            token.kind == Kind::Punct && self.text.as_bytes()[token.start] == punct
        })
    }

    /// The value of a string in which nothing is put in.
    pub(crate) fn literal(&self, at: usize) -> Option<Cow<'a, str>> {
        let token = self
            .tokens
            .get(at)
            .filter(|t| t.kind == Kind::Text && t.plain)?;
        let body = self.text.get(token.body.0..token.body.1)?;
        if token.raw || !body.contains('\\') {
            return Some(Cow::Borrowed(body));
        }
        let mut value = String::with_capacity(body.len());
        let mut chars = body.chars();
        while let Some(one) = chars.next() {
            if one != '\\' {
                value.push(one);
                continue;
            }
            // Other escapes never occur in what is looked for here.
            match chars.next()? {
                other if other.is_alphanumeric() => return None,
                other => value.push(other),
            }
        }
        Some(Cow::Owned(value))
    }

    /// What stands in a string before something is put in.
    pub(crate) fn literal_head(&self, at: usize) -> Option<&'a str> {
        let token = self
            .tokens
            .get(at)
            .filter(|token| token.kind == Kind::Text)?;
        self.text
            .get(token.body.0..token.body.1)?
            .split(['$', '#', '{', '\n'])
            .next()
    }

    /// The bracket at the other end of one.
    pub(crate) fn mate(&self, at: usize) -> Option<usize> {
        self.mates.get(at).copied().filter(|mate| *mate != NONE)
    }

    /// The opening bracket around a token.
    pub(crate) fn parent(&self, at: usize) -> Option<usize> {
        self.parents
            .get(at)
            .copied()
            .filter(|parent| *parent != NONE)
    }

    /// Every `name(`, in order; `name!(` in Rust as well.
    pub(crate) fn calls(&self) -> impl Iterator<Item = Call<'a>> + '_ {
        (1..self.len())
            .filter(|open| self.is(*open, b'('))
            .filter_map(|open| self.call(open))
    }

    /// The call whose arguments open here.
    pub(crate) fn call(&self, open: usize) -> Option<Call<'a>> {
        let mut at = open.checked_sub(1)?;
        if self.language == Language::Rust && self.is(at, b'!') {
            at = at.checked_sub(1)?;
        }
        // Type arguments, as in `get<Reply>(…)`.
        if self.is(at, b'>') {
            at = (at.saturating_sub(8)..at)
                .rev()
                .find(|at| self.is(*at, b'<'))?
                .checked_sub(1)?;
        }
        self.word(at).map(|name| Call { name, at, open })
    }

    /// The arguments between brackets, without the commas; a last empty one is left out.
    pub(crate) fn arguments(&self, open: usize) -> Vec<Range<usize>> {
        let Some(close) = self.mate(open) else {
            return Vec::new();
        };
        self.split(open + 1..close)
    }

    /// A run of tokens cut at its commas.
    pub(crate) fn split(&self, run: Range<usize>) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let mut start = run.start;
        let mut at = run.start;
        while at < run.end {
            if self.is(at, b',') {
                parts.push(start..at);
                start = at + 1;
            }
            at = self.mate(at).filter(|mate| *mate > at).unwrap_or(at) + 1;
        }
        if start < run.end {
            parts.push(start..run.end);
        }
        parts
    }

    /// The value of an argument that is nothing but a string.
    pub(crate) fn only_literal(&self, run: &Range<usize>) -> Option<Cow<'a, str>> {
        (run.len() == 1).then(|| self.literal(run.start)).flatten()
    }

    /// The strings directly in a run: itself, or the elements of the list that it is.
    pub(crate) fn literals(&self, run: &Range<usize>) -> Vec<(usize, Cow<'a, str>)> {
        if let Some(value) = self.only_literal(run) {
            return vec![(run.start, value)];
        }
        // `[`, `&[`, `vec![`, `new[] {`: never far from the start.
        let head = run.start..run.end.min(run.start + 4);
        let list = |at: &usize| {
            (self.is(*at, b'[') || self.is(*at, b'{')) && self.mate(*at) == Some(run.end - 1)
        };
        let opener = head.into_iter().find(list);
        let Some(opener) = opener else {
            return Vec::new();
        };
        let elements = self.arguments(opener);
        elements
            .iter()
            .filter_map(|e| Some((e.start, self.only_literal(e)?)))
            .collect()
    }

    /// The value of `key=`, `key:` or `'key' =>` among arguments.
    pub(crate) fn keyed(&self, arguments: &[Range<usize>], keys: &[&str]) -> Option<Range<usize>> {
        arguments.iter().find_map(|run| {
            let (key, value) = self.key_value(run)?;
            keys.contains(&key.as_ref()).then_some(value)
        })
    }

    /// An argument as its key and its value.
    pub(crate) fn key_value(&self, run: &Range<usize>) -> Option<(Cow<'a, str>, Range<usize>)> {
        let key = self
            .word(run.start)
            .map(Cow::Borrowed)
            .or_else(|| self.literal(run.start))?;
        let next = run.start + 1;
        let value = match () {
            () if self.is(next, b'=') && self.is(next + 1, b'>') => next + 2,
            () if self.is(next, b'=') && self.is(next + 1, b'=') => return None,
            () if self.is(next, b':') && self.is(next + 1, b':') => return None,
            () if self.is(next, b'=') || self.is(next, b':') => next + 1,
            () => return None,
        };
        (value < run.end).then_some((key, value..run.end))
    }

    /// What stands before the `.`, `?.`, `->` or `::` in front of a name.
    pub(crate) fn receiver_end(&self, name: usize) -> Option<usize> {
        let before = name.checked_sub(1)?;
        let double = |first: u8, second: u8| {
            before > 0 && self.is(before, second) && self.is(before - 1, first)
        };
        let skip = match () {
            () if double(b'?', b'.') || double(b'-', b'>') || double(b':', b':') => 2,
            () if self.is(before, b'.') => 1,
            () => return None,
        };
        name.checked_sub(skip + 1)
    }

    /// The names of a chain such as `a.b("x").c`, from the one at `name` back to its root, each
    /// with the bracket of its arguments.
    pub(crate) fn chain(&self, name: usize) -> Vec<(usize, Option<usize>)> {
        let open = Some(name + 1).filter(|at| self.is(*at, b'('));
        let mut links = vec![(name, open)];
        let mut at = name;
        while links.len() < CHAIN_LINKS_MAX {
            let Some(end) = self.receiver_end(at) else {
                break;
            };
            let link = match self.word(end) {
                Some(_) => (end, None),
                None => match self.mate(end).filter(|open| self.is(*open, b'(')) {
                    Some(open) => match self.call(open) {
                        Some(call) => (call.at, Some(open)),
                        None => break,
                    },
                    None => break,
                },
            };
            links.push(link);
            at = link.0;
        }
        links
    }

    /// The calls that are chained behind the call whose arguments open here.
    pub(crate) fn following(&self, open: usize) -> Vec<Call<'a>> {
        let mut calls = Vec::new();
        let mut close = self.mate(open);
        while let Some(end) = close.filter(|_| calls.len() < CHAIN_LINKS_MAX) {
            let name = match () {
                () if self.is(end + 1, b'.') => end + 2,
                () if self.is(end + 1, b'-') && self.is(end + 2, b'>') => end + 3,
                () if self.is(end + 1, b'?') && self.is(end + 2, b'.') => end + 3,
                () => break,
            };
            let Some(word) = self.word(name).filter(|_| self.is(name + 1, b'(')) else {
                break;
            };
            calls.push(Call {
                name: word,
                at: name,
                open: name + 1,
            });
            close = self.mate(name + 1);
        }
        calls
    }

    /// The variable that an expression, given by its first token, is assigned to.
    pub(crate) fn assigned(&self, root: usize) -> Option<&'a str> {
        let mut at = root.checked_sub(1)?;
        while matches!(self.word(at), Some("new" | "await")) || self.is(at, b'&') {
            at = at.checked_sub(1)?;
        }
        if !self.is(at, b'=') {
            return None;
        }
        let declared = (at.saturating_sub(8)..at)
            .rev()
            .take_while(|at| !self.is(*at, b';') && !self.is(*at, b'{') && !self.is(*at, b'}'));
        for before in declared {
            if matches!(self.word(before), Some("let" | "const" | "var" | "val")) {
                let skip = (self.word(before + 1) == Some("mut")) as usize;
                return self.word(before + 1 + skip);
            }
        }
        at = at.checked_sub(1)?;
        if self.is(at, b':') {
            at = at.checked_sub(1)?;
        }
        self.word(at)
    }
}

/// For each token its partner and the bracket around it. A closing bracket that fits no open one
/// is left alone; one that fits an outer one closes what is in between.
fn brackets(bytes: &[u8], tokens: &[Token]) -> (Vec<usize>, Vec<usize>) {
    let mut mates = vec![NONE; tokens.len()];
    let mut parents = vec![NONE; tokens.len()];
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut open_of_kind = [0_usize; 3];
    for (at, token) in tokens.iter().enumerate() {
        let byte = bytes[token.start];
        let punct = token.kind == Kind::Punct;
        if let Some(kind) = b")]}".iter().position(|b| punct && *b == byte) {
            while open_of_kind[kind] > 0 {
                let Some((opener, opened)) = open.pop() else {
                    break;
                };
                open_of_kind[opened] -= 1;
                if opened == kind {
                    mates[opener] = at;
                    mates[at] = opener;
                    break;
                }
            }
        }
        parents[at] = open.last().map_or(NONE, |(opener, _)| *opener);
        if let Some(kind) = b"([{".iter().position(|b| punct && *b == byte) {
            open.push((at, kind));
            open_of_kind[kind] += 1;
        }
    }
    (mates, parents)
}
