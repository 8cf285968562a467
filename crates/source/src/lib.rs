//! Facts from code: what a file imports, defines, calls and serves.
//!
//! Text goes into [`facts`], which hands it to the adapter of its [`Language`] (one file per
//! language, each on top of that language's real parser) and gets [`FileFacts`] back.
//! [`SourceTree`] holds the facts of many files under their relative paths and knows, per
//! language, which file an import means. Code that cannot be parsed is a fact too: a
//! [`SyntaxError`] with its place.
//!
//! Only [`tree`] touches files; everything above it is pure.

mod facts;
mod language;
mod path;
mod read;
mod rhai;
mod tree;

pub use facts::{Call, Definition, FileFacts, Import, Route, SyntaxError, Unread};
pub use language::Language;
pub use path::{Target, normalise};
pub use read::{FILE_BYTES_MAX, facts};
pub use tree::{SourceTree, tree};
