//! What a running test has in hand: the addresses, its assertions, its notes.

use std::cell::{Cell, RefCell};
use std::fmt::{Debug, Display};

/// Notes of one test, in bytes; what comes later is left out.
const NOTES_BYTES_MAX: usize = 256 * 1024;

/// Why a test failed: one line that names method, path and what came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(pub(crate) String);

pub(crate) type Outcome = Result<(), Failure>;

/// The three services under test, by the variable that holds the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Auth,
    Backend,
    Frontend,
}

impl Target {
    fn variable(self) -> &'static str {
        match self {
            Self::Auth => "AUTH_URL",
            Self::Backend => "BACKEND_URL",
            Self::Frontend => "FRONTEND_URL",
        }
    }
}

/// One test while it runs.
#[derive(Debug, Default)]
pub(crate) struct Test {
    assertions: Cell<u32>,
    connects: RefCell<Vec<String>>,
    notes: RefCell<String>,
}

/// What is known of a test after it ran.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) assertions: u32,
    pub(crate) connects: Vec<String>,
    pub(crate) notes: String,
}

impl Test {
    /// The base URL of a service, from the environment.
    pub(crate) fn url(&self, target: Target) -> Result<String, Failure> {
        let variable = target.variable();
        match std::env::var(variable) {
            Ok(url) if !url.is_empty() => Ok(url.trim_end_matches('/').to_owned()),
            _ => Err(Failure(format!("{variable} is not set"))),
        }
    }

    /// Asserts that `got` is `expected`; `what` is said first when it is not.
    pub(crate) fn equal<T>(&self, what: impl Display, got: T, expected: T) -> Outcome
    where
        T: PartialEq + Debug,
    {
        self.count();
        if got == expected {
            return Ok(());
        }
        Err(Failure(format!(
            "{what}: expected {expected:?}, got {got:?}"
        )))
    }

    /// Asserts a condition.
    pub(crate) fn holds(&self, what: impl Display, condition: bool) -> Outcome {
        self.count();
        if condition {
            Ok(())
        } else {
            Err(Failure(format!("{what}: does not hold")))
        }
    }

    /// Counts an assertion that was made elsewhere.
    pub(crate) fn count(&self) {
        self.assertions.set(self.assertions.get() + 1);
    }

    pub(crate) fn note(&self, line: impl Display) {
        let mut notes = self.notes.borrow_mut();
        let line = format!("{line}\n");
        if notes.len() + line.len() <= NOTES_BYTES_MAX {
            notes.push_str(&line);
        }
    }

    /// Remembers an address that the test is about to connect to.
    pub(crate) fn connects(&self, address: String) {
        let mut connects = self.connects.borrow_mut();
        if !connects.contains(&address) {
            connects.push(address);
        }
    }

    pub(crate) fn record(self) -> Record {
        let mut connects = self.connects.into_inner();
        connects.sort();
        Record {
            assertions: self.assertions.get(),
            connects,
            notes: self.notes.into_inner(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assertions_are_counted_whether_they_hold_or_not() {
        let test = Test::default();
        assert_eq!(test.equal("a", 1, 1), Ok(()));
        assert_eq!(
            test.equal("a", 1, 2),
            Err(Failure("a: expected 2, got 1".into()))
        );
        assert_eq!(
            test.holds("b", false),
            Err(Failure("b: does not hold".into()))
        );
        test.connects("y:1".into());
        test.connects("x:1".into());
        test.connects("y:1".into());
        let record = test.record();
        assert_eq!(record.assertions, 3);
        assert_eq!(record.connects, ["x:1", "y:1"]);
    }
}
