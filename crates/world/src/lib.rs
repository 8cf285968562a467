//! assay-world
