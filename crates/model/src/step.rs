//! The steps of the loop.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The steps of the loop. `engine::decide` alone knows their order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Bring a requested roll-out to its end.
    Deploy,
    /// 0: what is up?
    Ready,
    /// 1: which tests?
    Select,
    /// 2: what passes, and is each pass proven?
    Execute,
    /// Collect logs, exits and restarts for step 3.
    Observe,
    /// 3: what is broken, and why?
    Why,
    /// 3.6: what is the smallest safe action?
    Remedy,
    /// Run reproductions on bad and good revisions.
    Reproduce,
    /// 4: does the code keep its own architecture?
    Audit,
    /// 5: did the change break anything?
    Stability,
    /// 6: who needs to know?
    Publish,
}

impl Step {
    /// The word used in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Ready => "ready",
            Self::Select => "select",
            Self::Execute => "execute",
            Self::Observe => "observe",
            Self::Why => "why",
            Self::Remedy => "remedy",
            Self::Reproduce => "reproduce",
            Self::Audit => "audit",
            Self::Stability => "stability",
            Self::Publish => "publish",
        }
    }
}
