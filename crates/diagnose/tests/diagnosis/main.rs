//! Diagnosis on made-up towns: right answers, whatever the names are.
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that is not what it should be fails its test"
)]

mod catalogue;
mod incidents;
mod renaming;
mod scenarios;
mod stage;
mod town;
mod wording;
