//! golden-path
