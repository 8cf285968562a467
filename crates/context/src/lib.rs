//! assay-context
