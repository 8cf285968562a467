//! What the reader of a language finds.

/// A route that answers GET: the token of its path, and the path with its prefixes.
pub(super) struct Route {
    pub(super) at: usize,
    pub(super) path: String,
    /// Whether it is of a router that another file may mount under a prefix.
    pub(super) adrift: bool,
}
