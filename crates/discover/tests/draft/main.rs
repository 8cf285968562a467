//! From clues to a configuration, as a person would read it.

mod build;
mod merging;
mod rendering;
mod rules;
mod started;
