//! The nouns: what is known of one file.

use serde::{Deserialize, Serialize};

use crate::language::Language;

/// What is known of one file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Path as it was given, with `/` between folders.
    pub path: String,
    /// The language that it was read as.
    pub language: Language,
    /// Modules that it names.
    pub imports: Vec<Import>,
    /// Functions that it defines; closures are not definitions.
    pub definitions: Vec<Definition>,
    /// Calls of named functions and methods; operators are not calls.
    pub calls: Vec<Call>,
    /// Routes that it serves.
    pub routes: Vec<Route>,
    /// Constructs that only a run could tell.
    pub unread: Vec<Unread>,
    /// Why nothing else is known of it.
    pub error: Option<SyntaxError>,
}

impl FileFacts {
    /// A file of which nothing is known yet.
    pub fn empty(path: &str, language: Language) -> Self {
        Self {
            path: path.to_owned(),
            language,
            imports: Vec::new(),
            definitions: Vec::new(),
            calls: Vec::new(),
            routes: Vec::new(),
            unread: Vec::new(),
            error: None,
        }
    }

    /// What other modules may use.
    pub fn exports(&self) -> impl Iterator<Item = &Definition> {
        self.definitions
            .iter()
            .filter(|definition| definition.exported)
    }
}

/// One import of one module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The module as it is written.
    pub module: String,
    /// The name that it goes by in this file.
    pub alias: Option<String>,
    /// 1-based.
    pub line: u64,
    /// 1-based.
    pub column: u64,
    /// It happens as soon as the file is loaded, not only when one of its functions is called.
    pub eager: bool,
}

/// One function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// How many parameters it takes.
    pub arity: u32,
    /// 1-based line on which its body opens.
    pub line: u64,
    /// Other modules may use it.
    pub exported: bool,
}

/// One call of a named function or method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The function's own name.
    pub name: String,
    /// How many arguments it is given, the receiver of a method not counted.
    pub arity: u32,
    /// Names before it, outermost first: `["a", "b"]` for `a::b::call()`.
    pub qualifier: Vec<String>,
    /// It is called on a value.
    pub method: bool,
    /// 1-based.
    pub line: u64,
    /// 1-based.
    pub column: u64,
    /// It happens as soon as the file is loaded.
    pub eager: bool,
    /// Arguments that are literal strings, with their 0-based places.
    pub strings: Vec<(u32, String)>,
}

/// One route that a service answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// `GET`, or `WS` for a WebSocket.
    pub method: String,
    /// Path, starting with `/`.
    pub path: String,
    /// The function that answers, where it has a name.
    pub handler: Option<String>,
    /// 1-based.
    pub line: u64,
}

/// A construct that only a run could tell: an import of a computed name, say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// What it is.
    pub what: String,
    /// 1-based.
    pub line: u64,
}

/// Why a file could not be read as code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntaxError {
    /// 1-based.
    pub line: u64,
    /// 1-based.
    pub column: u64,
    /// What the parser says.
    pub message: String,
}
