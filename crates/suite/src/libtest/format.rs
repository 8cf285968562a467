//! How a test program tells what it does.

/// One of the two forms that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `--format json`.
    Json,
    /// `test NAME ... ok`.
    Plain,
}
