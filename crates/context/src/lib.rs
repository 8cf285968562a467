//! What a build really ships, and what it should have shipped.
//!
//! [`bundle()`] walks a source folder through its ignore file (an [`IgnoreFile`], whose lines
//! are [`Glob`]s) and gives a manifest: every file that ships with the hash of its content, and
//! every file that does not with the line that decided. [`copy`] puts exactly the shipped files
//! somewhere else. [`read`] adds the facts of the code, and [`reach`] follows the imports from
//! the entry module: what is reached and ships, and the frontier of what is reached and does
//! not, each with the reason.

mod bundle;
mod copy;
mod glob;
mod ignore_file;
mod reach;

pub use bundle::{
    Built, ContextError, DEPTH_LEVELS_MAX, EXCLUDED_FILES_MAX, IGNORE_FILE, SHIPPED_BYTES_MAX,
    SHIPPED_FILES_MAX, Shipment, bundle, hash, read,
};
pub use copy::{CopyError, copy};
pub use glob::Glob;
pub use ignore_file::{Decision, IgnoreFile, Line};
pub use reach::{Absence, Importer, MissingModule, Reach, frontier, reach};
