//! What is read together.

/// Reads a file inside of the repository; `None` where there is none that can be read.
pub(crate) type Files<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Files that are one application to compose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Project {
    /// What relative paths are seen from.
    pub(super) folder: String,
    /// The base, then what is laid over it.
    pub(super) files: Vec<String>,
    /// Files of variables that an `include` names.
    pub(super) env_files: Vec<String>,
}
