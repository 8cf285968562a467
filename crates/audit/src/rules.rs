//! The rules, in the order of reports.

mod boundary;
mod syntax_error;
mod undefined_call;
mod unresolved_import;

use crate::Rule;

/// Every rule.
pub const RULES: &[Rule] = &[
    syntax_error::RULE,
    unresolved_import::RULE,
    boundary::RULE,
    undefined_call::RULE,
];
