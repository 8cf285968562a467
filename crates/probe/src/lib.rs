//! assay-probe
