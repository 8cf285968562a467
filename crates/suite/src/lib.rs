//! assay-suite
