//! assay-publish
