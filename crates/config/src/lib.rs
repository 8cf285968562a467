//! `assay.toml` → [`assay_model::Project`], checked and with defaults filled in.
//!
//! [`load`] reads the file and hands its text to [`parse`], which knows nothing of files: the
//! environment is a function, so that every rule can be tested with plain text. The text becomes
//! a TOML document that keeps the place of every key and value; one reader per section walks
//! its part through `Table` and `Field`, which check types, bounds and references and collect
//! every [`Problem`] instead of stopping at the first. A project is returned only when there is
//! none. [`Problems`] shows itself with file, line and caret.
//!
//! Values that come from the environment never appear in a message.

mod audit;
mod check;
mod claim;
mod json_path;
mod load;
mod observe;
mod probe;
mod problem;
mod project;
mod reader;
mod schema;
mod secret;
mod service;
mod suite;
mod table;
mod template;
mod url;
mod values;

pub use check::{Checked, check};
pub use load::{ConfigError, load};
pub use problem::{Problem, Problems, Severity};
pub use project::parse;
pub use schema::SCHEMA;
