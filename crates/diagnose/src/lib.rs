//! Step 3: symptoms → causes → whys.
//!
//! Data flows in one direction, and nothing here touches the outside world: [`Observed`] is the
//! narrow view of the facts that may be looked at. `scene` reads its logs and its graph;
//! `candidate` collects what the signatures (`signatures/*.toml`, through [`Catalogue`]), exits
//! and health documents point at; `symptom` collects what asks for an explanation; `cover`
//! chooses the fewest candidates that explain the most of it; `defect` follows each one, through
//! the manifest and the change of its `build`, to the
//! place that must change; `whys`, `refute` and `gate` tell it with evidence. [`WhyStage`] is
//! the one piece that meets the loop.
//!
//! Architecture invariant: diagnosis never sees what a run was asked to do or how the environment
//! was disturbed, and no service, module or path of any system is named here or in a signature.

mod build;
mod candidate;
mod catalogue;
mod cause;
mod config_line;
mod cover;
mod decoy;
mod defect;
mod diagnose;
mod diff;
mod gate;
mod graph;
mod log;
mod observed;
mod refute;
mod scene;
mod signature;
mod stage;
mod story;
mod symptom;
mod whys;
mod words;

pub use catalogue::Catalogue;
pub use diagnose::diagnose;
pub use log::{Frame, Level, Record, read as read_log};
pub use observed::{ConfigText, Observed};
pub use signature::{At, GateAdvice, Hit, Layer, RemedyKind, Signature, SignatureError};
pub use stage::WhyStage;
