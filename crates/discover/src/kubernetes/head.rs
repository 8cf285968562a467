//! What every object of Kubernetes has.

use crate::Origin;

/// What every object has.
pub(super) struct Head {
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) namespace: Option<String>,
}
