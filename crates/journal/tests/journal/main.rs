//! The journal as its users see it.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod damage;
mod flips;
mod support;
mod usage;
