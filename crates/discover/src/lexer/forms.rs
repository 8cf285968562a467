//! Forms that only some languages have: comments of every kind, characters, regular expressions,
//! here-documents, and what surrounds PHP.

use super::{Kind, Language, Lexer, is_word};

impl Lexer<'_> {
    pub(super) fn outside_php(&mut self) {
        let start = self.at;
        let rest = &self.text[self.at..];
        self.at += match rest.find("<?") {
            Some(found) => {
                self.outside = false;
                let tag = if rest[found..].starts_with("<?php") {
                    5
                } else {
                    2
                };
                found + tag
            }
            None => rest.len(),
        };
        self.push(Kind::Comment, start);
    }

    pub(super) fn comment_length(&self) -> Option<usize> {
        let rest = self.rest();
        let line = || rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        let line_start = self.at == 0 || self.bytes[self.at - 1] == b'\n';
        let language = self.language;
        match rest[0] {
            b'/' if language.slash_comments() && rest.starts_with(b"//") => Some(line()),
            b'/' if language.slash_comments() && rest.starts_with(b"/*") => {
                Some(block_comment(rest, language.nested_comments()))
            }
            b'#' if language == Language::Php && rest.starts_with(b"#[") => None,
            b'#' if language.hash_comments() => Some(line()),
            // A shebang, a C# preprocessor line: free text either way.
            b'#' if self.at == 0 && rest.starts_with(b"#!/") => Some(line()),
            b'#' if language == Language::CSharp => Some(line()),
            b'=' if language == Language::Ruby && line_start && rest.starts_with(b"=begin") => {
                let text = &self.text[self.at..];
                Some(
                    text.find("\n=end")
                        .map_or(text.len(), |found| found + "\n=end".len()),
                )
            }
            _ => None,
        }
    }

    /// A character, or the tick of a lifetime.
    pub(super) fn rust_char(&mut self) {
        let start = self.at;
        let mut inside = self.text[self.at + 1..].chars();
        let first = inside.next();
        self.at += 1;
        if first == Some('\\') {
            self.at += (self.peek(1) != 0) as usize + 1;
            while !matches!(self.peek(0), b'\'' | b'\n' | 0) {
                self.at += 1;
            }
            self.at = (self.at + 1).min(self.bytes.len());
            // What was skipped may have been the first byte of a longer character.
            while !self.text.is_char_boundary(self.at) {
                self.at += 1;
            }
            return self.push(Kind::Char, start);
        }
        if inside.next() == Some('\'') {
            self.at += first.map_or(0, char::len_utf8) + 1;
            return self.push(Kind::Char, start);
        }
        self.push(Kind::Punct, start);
    }

    pub(super) fn elixir_char(&mut self) {
        let start = self.at;
        self.at += 1;
        let mut inside = self.text[self.at..].chars();
        match inside.next() {
            Some('\\') => self.at += 1 + inside.next().map_or(0, char::len_utf8),
            Some(other) if !other.is_whitespace() => self.at += other.len_utf8(),
            _ => {}
        }
        self.push(Kind::Char, start);
    }

    /// Reads a regular expression, where one may stand and ends on its line.
    pub(super) fn regex(&mut self) -> bool {
        let start = self.at;
        if !matches!(self.language, Language::JavaScript | Language::Ruby)
            || start < self.no_regex_before
            || !self.expects_operand()
        {
            return false;
        }
        let mut class = false;
        let mut at = start + 1;
        while let Some(byte) = self.bytes.get(at).copied().filter(|byte| *byte != b'\n') {
            match byte {
                b'\\' if self.bytes.get(at + 1) != Some(&b'\n') => at += 1,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => {
                    self.at = at + 1;
                    self.at += self
                        .rest()
                        .iter()
                        .take_while(|b| b.is_ascii_alphabetic())
                        .count();
                    self.push(Kind::Regex, start);
                    return true;
                }
                _ => {}
            }
            at += 1;
        }
        self.no_regex_before = at;
        false
    }

    fn expects_operand(&self) -> bool {
        const BEFORE: [&str; 18] = [
            "return", "typeof", "case", "in", "of", "do", "else", "void", "delete", "throw", "new",
            "await", "yield", "if", "unless", "when", "and", "or",
        ];
        let Some(last) = self.last.map(|at| self.tokens[at]) else {
            return true;
        };
        match last.kind {
            Kind::Punct => !matches!(self.bytes[last.start], b')' | b']' | b'}'),
            Kind::Word => BEFORE.contains(&&self.text[last.start..last.end]),
            _ => false,
        }
    }

    /// Notes a here-document, where one is announced.
    pub(super) fn heredoc_start(&mut self) {
        let rest = self.rest();
        let skip = match self.language {
            _ if !self.heredocs_end => return,
            Language::Ruby if rest.starts_with(b"<<~") || rest.starts_with(b"<<-") => 3,
            Language::Php if rest.starts_with(b"<<<") => {
                3 + rest[3..].iter().take_while(|b| **b == b' ').count()
            }
            _ => return,
        };
        let quoted = matches!(rest.get(skip), Some(b'"' | b'\'')) as usize;
        let from = self.at + skip + quoted;
        let length = self.bytes[from..]
            .iter()
            .take_while(|b| is_word(**b))
            .count();
        if length > 0 && !self.bytes[from].is_ascii_digit() {
            self.heredocs.push(&self.text[from..from + length]);
        }
    }

    pub(super) fn heredoc_body(&mut self, name: &str) {
        let start = self.at;
        let mut end = self.at;
        for line in self.text[start..].split_inclusive('\n') {
            if line
                .trim_start()
                .strip_prefix(name)
                .is_some_and(|after| !after.as_bytes().first().is_some_and(|byte| is_word(*byte)))
            {
                self.at = end + line.find(name).unwrap_or(0) + name.len();
                return self.push(Kind::Text, start);
            }
            end += line.len();
        }
        self.heredocs_end = false;
    }
}

fn block_comment(rest: &[u8], nested: bool) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else if rest[at..].starts_with(b"/*") && (nested || depth == 0) {
            depth += 1;
            at += 2;
        } else {
            at += 1;
        }
    }
    rest.len()
}
