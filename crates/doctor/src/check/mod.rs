//! The looking itself, by what is looked at. Each gives what it saw and never fails.

pub(crate) mod engine;
pub(crate) mod host;
pub(crate) mod journal;
pub(crate) mod network;
pub(crate) mod program;
