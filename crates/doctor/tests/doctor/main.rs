//! The doctor against programs, sockets and folders that misbehave for real.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod machine;
mod needs;
mod project;
mod servers;
mod tools;
