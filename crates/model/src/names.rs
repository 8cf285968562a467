//! Names are types, so that a service can never be passed where a revision is meant.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a name as it is.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(&self.0)
            }
        }
    };
}

name! {
    /// One execution of the loop, such as `20261123-184455-7f3a`: start time in UTC and four
    /// hexadecimal digits, so that names sort by time.
    RunId
}
name! {
    /// A service or a dependency: a node of the service graph.
    ServiceName
}
name! {
    /// One deployed version of one service: the first twelve hexadecimal digits of a BLAKE3 hash
    /// over the service's name, the bundle's content, and the command and environment as configured.
    RevisionId
}
name! {
    /// One roll-out within a run. It is derived from the run and the order of requests, never
    /// from chance, so that an interrupted roll-out is found again under the same name.
    RolloutId
}
name! {
    /// `SUITE/ID`, where the id is the test runner's own.
    TestId
}
name! {
    /// One cause within a run: service, component and signature joined by `:`.
    CauseId
}

/// Importance of a test, `P1` (the business stops) to `P6`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Priority(u8);

impl Priority {
    /// The most important priority.
    pub const P1: Self = Self(1);

    /// `1..=6`, else `None`.
    pub fn new(level: u8) -> Option<Self> {
        (1..=6).contains(&level).then_some(Self(level))
    }

    /// 1 for `P1` to 6 for `P6`.
    pub fn level(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "P{}", self.0)
    }
}

impl From<Priority> for String {
    fn from(priority: Priority) -> Self {
        priority.to_string()
    }
}

impl TryFrom<String> for Priority {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.strip_prefix('P')
            .and_then(|level| level.parse().ok())
            .and_then(Self::new)
            .ok_or_else(|| format!("{text:?} is not a priority, P1 to P6"))
    }
}
