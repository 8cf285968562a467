//! A stretch of time.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A span of time; both ends belong to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// First moment.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub from: Timestamp,
    /// Last moment.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub to: Timestamp,
}
