//! Observers through their port: what each sees, and how it says that it cannot see.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may fail like the test"
)]

mod files;
mod journald;
mod kubernetes;
mod stage;
mod support;
