//! The statements whose `do … end` block holds a token, in Ruby and Elixir.

use crate::lexer::{Language, Source};

/// Blocks inside blocks that are followed; deeper ones are not written by hand.
const BLOCKS_MAX: usize = 32;

/// For each token the first token of the statement whose block it is in.
pub(super) struct Blocks(Vec<Option<usize>>);

impl Blocks {
    pub(super) fn new(source: &Source<'_>) -> Self {
        let mut open: Vec<usize> = Vec::new();
        let mut around = Vec::with_capacity(source.len());
        let mut statement = 0;
        let ruby = source.language() == Language::Ruby;
        for at in 0..source.len() {
            if source.first_of_line(at) {
                statement = at;
            }
            let word = source.word(at);
            let member = at > 0 && (source.is(at - 1, b'.') || source.is(at - 1, b':'));
            let key = source.is(at + 1, b':');
            if word == Some("end") && !member && !key {
                open.pop();
            }
            around.push(open.last().copied());
            let opens = match word {
                Some("do") => {
                    let counted = matches!(source.word(statement), Some("while" | "until" | "for"));
                    !(ruby && counted)
                }
                Some("class" | "module" | "def" | "begin" | "case") => ruby,
                Some("if" | "unless" | "while" | "until" | "for") => ruby && at == statement,
                Some("fn") => !ruby,
                _ => false,
            };
            if opens && !member && !key {
                open.push(statement);
            }
        }
        Self(around)
    }

    /// The statements around a token, innermost first.
    pub(super) fn around(&self, at: usize) -> Vec<usize> {
        let parent = |at: &usize| self.0.get(*at).copied().flatten();
        std::iter::successors(parent(&at), parent)
            .take(BLOCKS_MAX)
            .collect()
    }
}

/// The first argument of a statement without or with brackets: a string or a symbol.
pub(super) fn argument(source: &Source<'_>, name: usize) -> Option<(usize, String)> {
    let mut at = name + 1;
    if source.is(at, b'(') {
        at += 1;
    }
    if matches!(source.word(at), Some("path" | "path_prefix")) && source.is(at + 1, b':') {
        at += 2;
    }
    if source.is(at, b':') {
        return source.word(at + 1).map(|symbol| (at, symbol.to_owned()));
    }
    source.literal(at).map(|value| (at, value.into_owned()))
}
