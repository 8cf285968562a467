//! The words of a command line, as a shell would see them, and nothing run.

/// Simple commands of one text; a script in a manifest has a few dozen.
const COMMANDS_MAX: usize = 256;

/// Levels of `$( )` and of `sh -c`.
const DEPTH_MAX: usize = 8;

/// Splits like a shell without running one: quotes and escapes removed, variables left as they
/// are. Unquoted operators (`&&`, `||`, `|`, `;`, `&`, `<`, `>`) are words of their own. A quote
/// that is never closed reaches to the end.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut lexer = Lexer::new(text);
    let mut out = Vec::new();
    while let Some(token) = lexer.next_token(false) {
        match token {
            Token::Word(word) | Token::Operator(word) => out.push(word),
        }
    }
    out
}

/// The simple commands of a script in the order of the text, those inside `$( )`, backquotes,
/// parentheses and `sh -c` included.
pub(crate) fn commands(text: &str) -> Vec<Vec<String>> {
    let mut out = Vec::new();
    collect(text, 0, &mut out);
    out.retain(|words: &Vec<String>| !words.is_empty());
    out.truncate(COMMANDS_MAX);
    out
}

/// The same for a command that is given as words: `["sh", "-c", "x && y"]` has two.
pub(crate) fn commands_of(words: &[String]) -> Vec<Vec<String>> {
    let mut out = Vec::new();
    add(words.to_vec(), 0, &mut out);
    out.retain(|words: &Vec<String>| !words.is_empty());
    out
}

fn collect(text: &str, depth: usize, out: &mut Vec<Vec<String>>) {
    if depth > DEPTH_MAX || out.len() >= COMMANDS_MAX {
        return;
    }
    let mut lexer = Lexer::new(text);
    let mut current = Vec::new();
    let mut redirected = false;
    while let Some(token) = lexer.next_token(true) {
        match token {
            Token::Word(word) => {
                if !std::mem::take(&mut redirected) || word.starts_with("/dev/tcp/") {
                    current.push(word);
                }
            }
            Token::Operator(operator) if operator.starts_with(['<', '>']) => {
                // The descriptor in `2>&1` is a word of its own here.
                if current
                    .last()
                    .is_some_and(|last| last.len() == 1 && last.as_bytes()[0].is_ascii_digit())
                {
                    current.pop();
                }
                redirected = true;
            }
            Token::Operator(_) => {
                if !redirected {
                    add(std::mem::take(&mut current), depth, out);
                }
            }
        }
        for inner in lexer.inner.drain(..) {
            collect(&inner, depth + 1, out);
        }
        if out.len() >= COMMANDS_MAX {
            return;
        }
    }
    for inner in lexer.inner.drain(..) {
        collect(&inner, depth + 1, out);
    }
    add(current, depth, out);
}

/// Adds one simple command, without what only leads to it.
fn add(words: Vec<String>, depth: usize, out: &mut Vec<Vec<String>>) {
    let words = without_prefix(&words);
    let Some(program) = words.first() else {
        return;
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    if ["sh", "bash", "ash", "dash", "zsh", "ksh"].contains(&name) && depth <= DEPTH_MAX {
        let script = words.iter().position(|word| {
            word.starts_with('-') && !word.starts_with("--") && word.ends_with('c')
        });
        if let Some(script) = script.and_then(|at| words.get(at + 1)) {
            collect(script, depth + 1, out);
            return;
        }
    }
    out.push(words.to_vec());
}

/// Cuts keywords, assignments and wrappers off the front: `if ! timeout 5 curl x` is `curl x`.
fn without_prefix(words: &[String]) -> &[String] {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let name = word.rsplit('/').next().unwrap_or(word);
        let assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
        let keyword = [
            "if",
            "then",
            "else",
            "elif",
            "while",
            "until",
            "do",
            "!",
            "exec",
            "{",
            "(",
            "nohup",
            "time",
            "env",
            "command",
            "tini",
            "dumb-init",
            "--",
        ];
        if assignment || keyword.contains(&name) {
            at += 1;
        } else if name == "timeout" || name == "gosu" || name == "su-exec" {
            at += 1;
            while words.get(at).is_some_and(|word| word.starts_with('-')) {
                at += if words[at].contains('=') || words[at].len() > 2 {
                    1
                } else {
                    2
                };
            }
            at += 1;
        } else {
            break;
        }
    }
    words.get(at..).unwrap_or_default()
}

enum Token {
    Word(String),
    Operator(String),
}

struct Lexer<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    /// Scripts inside `$( )` and backquotes of the words read last.
    inner: Vec<String>,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.chars().peekable(),
            inner: Vec::new(),
        }
    }

    /// `script`: a line's end ends a command, and substitutions are taken apart.
    fn next_token(&mut self, script: bool) -> Option<Token> {
        loop {
            match *self.rest.peek()? {
                '\n' if script => {
                    self.rest.next();
                    return Some(Token::Operator(";".to_owned()));
                }
                '#' if script => while self.rest.next_if(|c| *c != '\n').is_some() {},
                c if c.is_whitespace() => {
                    self.rest.next();
                }
                '\\' => {
                    let mut ahead = self.rest.clone();
                    ahead.next();
                    if ahead.peek() != Some(&'\n') {
                        break;
                    }
                    self.rest.next();
                    self.rest.next();
                }
                c if is_meta(c, script) => return Some(self.operator(c)),
                _ => break,
            }
        }
        Some(Token::Word(self.word(script)))
    }

    fn operator(&mut self, first: char) -> Token {
        self.rest.next();
        let mut operator = String::from(first);
        while "&|<>;".contains(first) && operator.len() < 3 {
            match self
                .rest
                .next_if(|c| *c == first || (first == '>' && *c == '&'))
            {
                Some(more) => operator.push(more),
                None => break,
            }
        }
        Token::Operator(operator)
    }

    fn word(&mut self, script: bool) -> String {
        let mut word = String::new();
        while let Some(&c) = self.rest.peek() {
            if c.is_whitespace() || is_meta(c, script) {
                break;
            }
            self.rest.next();
            match c {
                '\'' => self.until(&mut word, '\''),
                '"' => self.double_quoted(&mut word, script),
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(escaped) => word.push(escaped),
                },
                '$' => self.dollar(&mut word, script),
                '`' if script => {
                    let mut inner = String::new();
                    self.until(&mut inner, '`');
                    self.inner.push(inner);
                    word.push_str("$()");
                }
                c => word.push(c),
            }
        }
        word
    }

    fn double_quoted(&mut self, word: &mut String, script: bool) {
        while let Some(c) = self.rest.next() {
            match c {
                '"' => return,
                '\\' => match self.rest.next() {
                    Some(c) if "\"\\$`".contains(c) => word.push(c),
                    Some('\n') | None => {}
                    Some(c) => word.extend(['\\', c]),
                },
                '$' => self.dollar(word, script),
                c => word.push(c),
            }
        }
    }

    /// What follows a `$`: `${x}` and `$x` stay, `$(x)` is set aside.
    fn dollar(&mut self, word: &mut String, script: bool) {
        match self.rest.peek() {
            Some('{') => {
                word.push('$');
                self.balanced(word, '{', '}');
            }
            Some('(') if script => {
                let mut inner = String::new();
                self.balanced(&mut inner, '(', ')');
                let inner = inner.strip_prefix('(').unwrap_or(&inner);
                self.inner
                    .push(inner.strip_suffix(')').unwrap_or(inner).to_owned());
                word.push_str("$()");
            }
            Some('(') => {
                word.push('$');
                self.balanced(word, '(', ')');
            }
            _ => word.push('$'),
        }
    }

    fn until(&mut self, out: &mut String, end: char) {
        for c in self.rest.by_ref() {
            if c == end {
                return;
            }
            out.push(c);
        }
    }

    fn balanced(&mut self, out: &mut String, open: char, close: char) {
        let mut depth = 0_usize;
        let mut quote = None;
        for c in self.rest.by_ref() {
            out.push(c);
            match quote {
                Some(end) if c == end => quote = None,
                Some(_) => {}
                None if c == '\'' || c == '"' => quote = Some(c),
                None if c == open => depth += 1,
                None if c == close => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                None => {}
            }
        }
    }
}

fn is_meta(c: char, script: bool) -> bool {
    "&|;<>".contains(c) || (script && (c == '(' || c == ')'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(text), expected, "{text:?}");
    }

    fn check_commands(text: &str, expected: &[&str]) {
        let found: Vec<_> = commands(text).iter().map(|words| words.join(" ")).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn splits_words() {
        check("", &[]);
        check("a b  c", &["a", "b", "c"]);
        check("a 'b c' \"d e\"", &["a", "b c", "d e"]);
        check("a\\ b", &["a b"]);
        check("a'b'c", &["abc"]);
        check("''", &[""]);
        check("a $PORT ${X:-a b}", &["a", "$PORT", "${X:-a b}"]);
        check("a && b || c; d", &["a", "&&", "b", "||", "c", ";", "d"]);
        check("a>b", &["a", ">", "b"]);
        check("a \\\n  b", &["a", "b"]);
        check("\"a \\\" b\"", &["a \" b"]);
        check("'open", &["open"]);
        check("x $(cat y)", &["x", "$(cat y)"]);
    }

    #[test]
    fn finds_simple_commands() {
        check_commands(
            "curl -f http://x || exit 1",
            &["curl -f http://x", "exit 1"],
        );
        check_commands("if ! curl x; then exit 1; fi", &["curl x", "exit 1", "fi"]);
        check_commands(
            "[ \"$(curl -s x)\" = 200 ]",
            &["curl -s x", "[ $() = 200 ]"],
        );
        check_commands("test `curl x` -eq 1", &["curl x", "test $() -eq 1"]);
        check_commands("bash -c 'a && b'", &["a", "b"]);
        check_commands("/bin/sh -ec \"a; b\"", &["a", "b"]);
        check_commands("timeout 5 a", &["a"]);
        check_commands("timeout -k 5 10s a", &["a"]);
        check_commands("A=1 B=2 a C=3", &["a C=3"]);
        check_commands("exec env A=1 a", &["a"]);
        check_commands("a > /dev/null 2>&1 || b", &["a", "b"]);
        check_commands("a # c\nb", &["a", "b"]);
        check_commands("(a; b)", &["a", "b"]);
        check_commands("exec 3<>/dev/tcp/h/80", &["/dev/tcp/h/80"]);
        check_commands("", &[]);
    }

    #[test]
    fn takes_words_apart() {
        let given = ["sh", "-c", "a && b"].map(str::to_owned);
        assert_eq!(commands_of(&given), [["a"], ["b"]]);
        let given = ["a", "&&", "b"].map(str::to_owned);
        assert_eq!(commands_of(&given).len(), 1);
    }

    #[test]
    fn depth_is_bounded() {
        assert!(commands(&"$(".repeat(10_000)).len() <= COMMANDS_MAX);
        assert!(commands(&"a;".repeat(10_000)).len() <= COMMANDS_MAX);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[\\n\"'`$(){}\\\\&|;<>]){0,60}") {
            let _ = (words(&text), commands(&text));
        }
    }
}
