//! assay-journal
