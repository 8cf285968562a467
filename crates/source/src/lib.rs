//! assay-source
