//! Diagnosis on made-up towns: right answers, whatever the names are.

mod catalogue;
mod incidents;
mod renaming;
mod scenarios;
mod stage;
mod town;
mod wording;
mod zz;
