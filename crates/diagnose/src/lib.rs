//! assay-diagnose
