//! Tokens of source code, for eleven languages.
//!
//! The lexer knows what a literal and a comment look like and nothing of grammar: enough to tell
//! a path in a call from the same path in a comment, a docstring or a longer text. Tokens tile
//! the text in order, whatever the text; [`Source`] keeps those that mean something, with their
//! brackets matched. One pass, no recursion.

mod forms;
mod language;
mod quote;
mod source;

pub(crate) use language::Language;
use quote::Quote;
pub(crate) use source::{Call, Source};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Space,
    /// Also what stands outside of `<?php … ?>`.
    Comment,
    Word,
    Number,
    /// A string, or the part of one up to or after an interpolated expression.
    Text,
    /// A character literal.
    Char,
    Regex,
    /// One ASCII character.
    Punct,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// For a text, what stands between its quotes.
    body: (usize, usize),
    /// For a text: nothing is interpolated and its end was found.
    plain: bool,
    /// For a text: a backslash stands for itself.
    raw: bool,
}

/// Cuts the text into tokens.
pub(crate) fn tokens(text: &str, language: Language) -> Vec<Token> {
    let mut lexer = Lexer {
        bytes: text.as_bytes(),
        text,
        language,
        at: 0,
        tokens: Vec::new(),
        last: None,
        holes: Vec::new(),
        heredocs: Vec::new(),
        heredocs_end: true,
        no_regex_before: 0,
        outside: language == Language::Php,
    };
    while lexer.at < text.len() {
        lexer.step();
    }
    lexer.tokens
}

/// An interpolated expression that is being read.
struct Hole {
    /// Curly brackets open inside it.
    depth: usize,
    /// The string to go on with after it.
    quote: Quote,
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    language: Language,
    at: usize,
    tokens: Vec<Token>,
    /// The last token that is neither space nor comment.
    last: Option<usize>,
    holes: Vec<Hole>,
    /// Here-documents whose bodies begin on the next line.
    heredocs: Vec<&'a str>,
    /// False once one had no end: looking for the ends of all others would be quadratic.
    heredocs_end: bool,
    /// No regular expression starts before this: the line was searched for an end.
    no_regex_before: usize,
    /// In the part of a PHP file that is not PHP.
    outside: bool,
}

impl<'a> Lexer<'a> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Ends a token that started at `start` at the current place.
    fn push(&mut self, kind: Kind, start: usize) {
        if !matches!(kind, Kind::Space | Kind::Comment) {
            self.last = Some(self.tokens.len());
        }
        self.tokens.push(Token {
            kind,
            start,
            end: self.at,
            body: (start, self.at),
            plain: false,
            raw: false,
        });
    }

    fn step(&mut self) {
        let start = self.at;
        if self.outside {
            return self.outside_php();
        }
        let byte = self.peek(0);
        if byte.is_ascii_whitespace() {
            return self.space();
        }
        if let Some(length) = self.comment_length() {
            self.at += length;
            return self.push(Kind::Comment, start);
        }
        if self.language == Language::Php && self.rest().starts_with(b"?>") {
            self.outside = true;
            return self.outside_php();
        }
        if let Some((open, quote)) = Quote::open(self.language, self.rest(), self.last_joins(start))
        {
            self.at += open;
            return self.string(start, open, quote);
        }
        if is_word(byte) && !byte.is_ascii_digit() || self.dollar_word() {
            return self.word();
        }
        if byte.is_ascii_digit() {
            self.at += self.rest().iter().take_while(|b| is_word(**b)).count();
            return self.push(Kind::Number, start);
        }
        match byte {
            b'\'' if self.language == Language::Rust => return self.rust_char(),
            b'?' if self.language == Language::Elixir && !self.last_joins(start) => {
                return self.elixir_char();
            }
            b'/' if self.regex() => return,
            b'<' => self.heredoc_start(),
            b'{' => {
                if let Some(hole) = self.holes.last_mut() {
                    hole.depth += 1;
                }
            }
            b'}' => match self.holes.last_mut() {
                Some(hole) if hole.depth > 0 => hole.depth -= 1,
                Some(_) => {
                    let hole = self.holes.pop().map(|hole| hole.quote);
                    self.at += 1;
                    return match hole {
                        Some(quote) => self.string(start, 1, quote),
                        None => self.push(Kind::Punct, start),
                    };
                }
                None => {}
            },
            _ => {}
        }
        self.at += 1;
        self.push(Kind::Punct, start);
    }

    /// Whether the token before is an operand that ends right here, so that a `%` or a `?` is an
    /// operator.
    fn last_joins(&self, start: usize) -> bool {
        let Some(last) = self.last.map(|at| self.tokens[at]) else {
            return false;
        };
        let operand = match last.kind {
            Kind::Punct => matches!(self.bytes[last.start], b')' | b']' | b'}'),
            _ => true,
        };
        operand && last.end == start
    }

    fn space(&mut self) {
        let start = self.at;
        while self.peek(0).is_ascii_whitespace() {
            self.at += 1;
            if self.bytes[self.at - 1] == b'\n' && !self.heredocs.is_empty() {
                break;
            }
        }
        self.push(Kind::Space, start);
        if self.bytes[self.at - 1] == b'\n' {
            for name in std::mem::take(&mut self.heredocs) {
                self.heredoc_body(name);
            }
        }
    }

    /// Whether a `$` here is a part of a name.
    fn dollar_word(&self) -> bool {
        let named = matches!(
            self.language,
            Language::JavaScript | Language::Php | Language::Java
        );
        self.peek(0) == b'$' && named
    }

    fn word(&mut self) {
        let start = self.at;
        self.at += 1;
        let dollar = self.language == Language::JavaScript;
        while is_word(self.peek(0)) || dollar && self.peek(0) == b'$' {
            self.at += 1;
        }
        let marked = matches!(self.language, Language::Ruby | Language::Elixir);
        if marked && matches!(self.peek(0), b'?' | b'!') && self.peek(1) != b'=' {
            self.at += 1;
        }
        self.push(Kind::Word, start);
    }

    /// Reads a string to its end or to its next hole; the opening has been read.
    fn string(&mut self, start: usize, open: usize, quote: Quote) {
        let ended = quote.scan(self.rest());
        self.at += ended.length;
        let resumed = self.bytes[start] == b'}';
        self.push(
            if quote.is_char() {
                Kind::Char
            } else {
                Kind::Text
            },
            start,
        );
        if let Some(token) = self.tokens.last_mut() {
            token.body = (start + open, self.at - ended.close);
            token.plain = ended.plain && !resumed;
            token.raw = quote.is_raw();
        }
        if ended.hole {
            self.holes.push(Hole { depth: 0, quote });
        }
    }
}

/// Non-ASCII characters count as letters, so that every token ends between characters.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests;
