//! What a repository says of its own services, as a draft of `assay.toml`.
//!
//! [`survey`] walks the tree once and hands each file that it knows by name to the reader of its
//! format; one file per format, each a function from text to [`Clues`]. [`Draft::from_clues`] is
//! pure: it joins what several files say of the same thing and keeps, for each guess, the file it
//! comes from and how sure it is. [`Draft::render`] writes the commented configuration;
//! [`merge()`] adds to an existing one what it lacks and changes nothing that a person wrote.

mod clue;
mod compose;
mod dockerfile;
mod dotenv;
mod dotnet;
mod draft;
mod health;
mod interpolate;
mod kubernetes;
mod lexer;
mod merge;
mod nginx;
mod openapi;
mod packages;
mod paths;
mod ports;
mod procfile;
mod render;
mod routes;
mod secret;
mod settings;
mod shell;
mod survey;
mod table;
mod tests_found;
mod yaml;

pub use clue::*;
pub use draft::{
    Draft, DraftDependency, DraftDeploy, DraftObserve, DraftProbe, DraftService, DraftSuite, Guess,
    Sureness,
};
pub use merge::{MergeError, Merged, merge};
pub use survey::{Survey, SurveyError, survey};
