//! What a configuration says of the world around it, with the place where it says so.
//!
//! Reading the file is pure; whether a folder is really there is asked afterwards, by `check`.

use std::ops::Range;

/// Something that can be looked at outside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// What is claimed.
    pub(crate) kind: ClaimKind,
    /// The key: `service.api.source`.
    pub(crate) key: String,
    /// The value as it was resolved.
    pub(crate) value: String,
    /// Whether the value comes from a variable and must not be shown.
    pub(crate) hidden: bool,
    /// Where the value stands.
    pub(crate) span: Range<usize>,
}

/// What is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimKind {
    /// There is such a file or folder.
    Path,
    /// There is such a folder.
    Folder,
    /// There is such a file.
    File,
    /// Something writes to such a file, now or later.
    LogFile,
    /// There is such a program below the project's root.
    Program,
    /// A service or a dependency is reached here.
    Address,
    /// A process of assay's gets this value.
    Value,
    /// The service of the key calls this one.
    Call,
    /// A variable of this name holds a secret.
    Secret,
}

/// A string value, with `env:NAME` resolved.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) span: Range<usize>,
    /// The variable that it came from.
    pub(crate) variable: Option<String>,
}
