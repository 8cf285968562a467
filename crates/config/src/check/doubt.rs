//! What is said about one claim.

use assay_model::ServiceName;

use crate::claim::Claim;
use crate::problem::{Problem, Severity};

/// The service or dependency whose table a key is in.
pub(crate) fn owner(claim: &Claim) -> Option<ServiceName> {
    let mut parts = claim.key.split('.');
    match (parts.next(), parts.next()) {
        (Some("service" | "dependency"), Some(name)) => Some(name.into()),
        _ => None,
    }
}

pub(crate) fn error(
    claim: &Claim,
    message: impl Into<String>,
    label: impl Into<String>,
    hint: Option<String>,
) -> Problem {
    Problem {
        severity: Severity::Error,
        message: message.into(),
        label: label.into(),
        span: claim.span.clone(),
        hint,
    }
}

pub(crate) fn warning(
    claim: &Claim,
    message: impl Into<String>,
    label: impl Into<String>,
    hint: Option<String>,
) -> Problem {
    Problem {
        severity: Severity::Warning,
        ..error(claim, message, label, hint)
    }
}
