//! The tests, one file for each thing that they are about.

mod account;
mod auth;
mod catalogue;
mod chat;
mod frontend;
mod health;
mod sample;
mod threads;
mod tokens;

use super::case::Case;

/// The suite.
pub(crate) fn all() -> Vec<Case> {
    [
        auth::cases(),
        tokens::cases(),
        account::cases(),
        threads::cases(),
        catalogue::cases(),
        chat::cases(),
        frontend::cases(),
        health::cases(),
    ]
    .concat()
}

/// Tests that pass and prove nothing.
pub(crate) fn sample() -> Vec<Case> {
    sample::cases()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_everything_is_declared() {
        let cases = [all(), sample()].concat();
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), cases.len());
        for case in &cases {
            assert!(!case.services.is_empty(), "{}", case.name);
            assert!(case.risk.money_per_hour > 0.0, "{}", case.name);
            assert!(
                ["P1", "P2", "P3", "P4", "P5", "P6"].contains(&case.priority),
                "{}",
                case.name
            );
        }
        assert!(all().len() >= 30);
        assert!(all().iter().all(|case| !case.ignored));
    }
}
