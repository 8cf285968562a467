//! assay-stability
