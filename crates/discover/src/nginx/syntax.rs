//! The grammar of nginx: directives that end in `;` or hold a block.

use std::iter::Peekable;
use std::str::Chars;

use crate::Origin;

/// Levels of blocks: `http`, `server`, `location` in `location`, `if`; also bounds the stack.
const DEPTH_MAX: usize = 32;

/// Directives of one file.
const DIRECTIVES_MAX: usize = 50_000;

/// One directive.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Directive {
    pub(super) name: String,
    /// Unquoted.
    pub(super) args: Vec<String>,
    pub(super) origin: Origin,
    /// Empty where it ends in `;`.
    pub(super) block: Vec<Directive>,
}

/// Where a file stops being one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) line: u64,
    pub(super) reason: String,
}

/// Reads a file.
pub(super) fn read(path: &str, text: &str) -> Result<Vec<Directive>, SyntaxError> {
    let mut parser = Parser {
        path,
        chars: text
            .strip_prefix('\u{feff}')
            .unwrap_or(text)
            .chars()
            .peekable(),
        line: 1,
        count: 0,
    };
    parser.block(0)
}

enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
}

struct Parser<'a> {
    path: &'a str,
    chars: Peekable<Chars<'a>>,
    line: u64,
    count: usize,
}

impl Parser<'_> {
    fn error(&self, reason: impl Into<String>) -> SyntaxError {
        SyntaxError {
            line: self.line,
            reason: reason.into(),
        }
    }

    fn block(&mut self, depth: usize) -> Result<Vec<Directive>, SyntaxError> {
        if depth > DEPTH_MAX {
            return Err(self.error(format!("blocks deeper than {DEPTH_MAX}")));
        }
        let mut out = Vec::new();
        loop {
            let (token, line) = match self.token()? {
                Some(token) => (token, self.line),
                None if depth == 0 => return Ok(out),
                None => return Err(self.error("a block is never closed")),
            };
            match token {
                Token::Semicolon => {}
                Token::Close if depth > 0 => return Ok(out),
                Token::Close => return Err(self.error("`}` closes nothing")),
                Token::Open => return Err(self.error("`{` without a name")),
                Token::Word(name) => out.push(self.directive(name, line, depth)?),
            }
        }
    }

    fn directive(
        &mut self,
        name: String,
        line: u64,
        depth: usize,
    ) -> Result<Directive, SyntaxError> {
        self.count += 1;
        if self.count > DIRECTIVES_MAX {
            return Err(self.error(format!("more than {DIRECTIVES_MAX} directives")));
        }
        let mut args = Vec::new();
        let block = loop {
            match self.token()? {
                Some(Token::Word(word)) => args.push(word),
                Some(Token::Semicolon) => break Vec::new(),
                // Code of another language, which has its own grammar.
                Some(Token::Open) if name.ends_with("_by_lua_block") => {
                    self.skip_code()?;
                    break Vec::new();
                }
                Some(Token::Open) => break self.block(depth + 1)?,
                Some(Token::Close) => {
                    return Err(self.error(format!("`{name}` is not ended by `;`")));
                }
                None => return Err(self.error(format!("`{name}` is not ended by `;`"))),
            }
        };
        Ok(Directive {
            name,
            args,
            origin: Origin {
                file: self.path.to_owned(),
                line,
            },
            block,
        })
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.next();
        self.line += u64::from(c == Some('\n'));
        c
    }

    fn token(&mut self) -> Result<Option<Token>, SyntaxError> {
        loop {
            match self.chars.peek() {
                None => return Ok(None),
                Some('#') => while self.chars.next_if(|c| *c != '\n').is_some() {},
                Some(c) if c.is_whitespace() => {
                    self.next();
                }
                Some(_) => break,
            }
        }
        match self.chars.peek() {
            Some(';') => {
                self.next();
                Ok(Some(Token::Semicolon))
            }
            Some('{') => {
                self.next();
                Ok(Some(Token::Open))
            }
            Some('}') => {
                self.next();
                Ok(Some(Token::Close))
            }
            _ => self.word().map(|word| Some(Token::Word(word))),
        }
    }

    fn word(&mut self) -> Result<String, SyntaxError> {
        let mut word = String::new();
        if let Some(quote) = self.chars.next_if(|c| *c == '"' || *c == '\'') {
            loop {
                match self.next() {
                    Some(c) if c == quote => return Ok(word),
                    Some('\\') => match self.next() {
                        Some(c) if c == quote || c == '\\' => word.push(c),
                        Some(c) => word.extend(['\\', c]),
                        None => return Err(self.error("a quote is never closed")),
                    },
                    Some(c) => word.push(c),
                    None => return Err(self.error("a quote is never closed")),
                }
            }
        }
        while let Some(&c) = self.chars.peek() {
            // `${NAME}` is part of a word; any other brace is not.
            if c == '{' && word.ends_with('$') {
                while let Some(c) = self.next() {
                    word.push(c);
                    if c == '}' || c == '\n' {
                        break;
                    }
                }
                continue;
            }
            if c.is_whitespace() || c == ';' || c == '{' {
                break;
            }
            self.next();
            word.push(c);
            if c == '\\' {
                word.extend(self.next());
            }
        }
        Ok(word)
    }

    /// Skips to the brace that closes the block, past strings and comments of Lua.
    fn skip_code(&mut self) -> Result<(), SyntaxError> {
        let mut depth = 1_usize;
        let mut quote = None;
        while let Some(c) = self.next() {
            match (quote, c) {
                (Some(_), '\\') => {
                    self.next();
                }
                (Some(end), c) if c == end || c == '\n' => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '-') if self.chars.peek() == Some(&'-') => {
                    while self.chars.next_if(|c| *c != '\n').is_some() {}
                }
                (None, '{') => depth += 1,
                (None, '}') => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                (None, _) => {}
            }
        }
        Err(self.error("a block of code is never closed"))
    }
}
