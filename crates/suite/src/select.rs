//! Choosing tests and putting them in order. Pure.

use assay_model::{Risk, Selected, Selection, Suite, TestCase};
use thiserror::Error;

/// A suite was asked for that cannot be chosen.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SelectError {
    /// No suite has this name.
    #[error("no suite is called {name:?}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// Those that exist.
        known: Vec<String>,
    },
    /// Nothing was named, and no suite is part of every run.
    #[error("no suite is part of every run")]
    NoDefault {
        /// Those that exist.
        known: Vec<String>,
    },
}

impl SelectError {
    /// The way out.
    pub fn hint(&self) -> String {
        let (Self::Unknown { known, .. } | Self::NoDefault { known }) = self;
        if known.is_empty() {
            "add a [suite.NAME] table to the configuration".to_owned()
        } else {
            format!("the configuration has {}", known.join(", "))
        }
    }
}

/// The suites called `named`; those that are part of every run when none is named.
///
/// # Errors
/// When a name is unknown, or nothing is left.
pub fn suites<'a>(all: &'a [Suite], named: &[String]) -> Result<Vec<&'a Suite>, SelectError> {
    let known = || {
        all.iter()
            .map(|suite| suite.name.clone())
            .collect::<Vec<_>>()
    };
    if let Some(name) = named
        .iter()
        .find(|name| !all.iter().any(|suite| suite.name == **name))
    {
        return Err(SelectError::Unknown {
            name: name.clone(),
            known: known(),
        });
    }
    let chosen: Vec<_> = all
        .iter()
        .filter(|suite| {
            if named.is_empty() {
                suite.default
            } else {
                named.contains(&suite.name)
            }
        })
        .collect();
    if chosen.is_empty() {
        return Err(SelectError::NoDefault { known: known() });
    }
    Ok(chosen)
}

/// Orders the listed `cases` of the chosen `suites` by priority, then category, then name, and
/// leaves out what says of itself that it is not to be run or what its suite does not want.
pub fn select(mut cases: Vec<TestCase>, suites: &[&Suite]) -> Selection {
    let listed = u32::try_from(cases.len()).unwrap_or(u32::MAX);
    cases.sort_by(|a, b| {
        (a.priority, &a.category, &a.name, &a.id).cmp(&(b.priority, &b.category, &b.name, &b.id))
    });
    let mut selection = Selection {
        listed,
        ..Selection::default()
    };
    for case in cases {
        match left_out(&case, suites) {
            Some(reason) => selection.left_out.push((case.id, reason)),
            None => {
                let place = u32::try_from(selection.tests.len() + 1).unwrap_or(u32::MAX);
                let reason = reason(&case);
                selection.tests.push(Selected {
                    case,
                    place,
                    reason,
                });
            }
        }
    }
    selection
}

fn left_out(case: &TestCase, suites: &[&Suite]) -> Option<String> {
    let Some(suite) = suites.iter().find(|suite| suite.name == case.suite) else {
        return Some(format!("suite {} is not chosen", case.suite));
    };
    let wanted = suite.only.is_empty()
        || suite
            .only
            .iter()
            .any(|part| case.id.as_str().contains(part.as_str()));
    if !wanted {
        return Some(format!(
            "matches none of only = [{}]",
            suite.only.join(", ")
        ));
    }
    case.ignored
        .then(|| "marked as ignored by the test itself".to_owned())
}

fn reason(case: &TestCase) -> String {
    let covers = if case.services.is_empty() {
        "covers no declared service".to_owned()
    } else {
        let names: Vec<_> = case
            .services
            .iter()
            .map(|service| service.as_str())
            .collect();
        format!("covers {}", names.join(", "))
    };
    let mut clauses = vec![case.priority.to_string(), covers];
    clauses.extend(case.risk.as_ref().and_then(risk));
    clauses.join(", ")
}

fn risk(risk: &Risk) -> Option<String> {
    match (risk.money_per_hour, &risk.impact) {
        (Some(money), _) => Some(format!("risk {money}/h")),
        (None, Some(impact)) => Some(format!("risk: {impact}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use assay_model::{Priority, ServiceName, SuiteKind, TestId};

    use super::*;

    fn suite(name: &str, default: bool, only: &[&str]) -> Suite {
        Suite {
            name: name.to_owned(),
            runner: "libtest".to_owned(),
            command: vec!["tests".to_owned()],
            paths: Vec::new(),
            kind: SuiteKind::E2e,
            env: Default::default(),
            covers: Vec::new(),
            default,
            workers: 1,
            timeout_ms: 1_000,
            only: only.iter().map(|part| (*part).to_owned()).collect(),
        }
    }

    fn case(priority: u8, category: &str, name: &str) -> TestCase {
        TestCase {
            id: TestId::new(format!("e2e/{name}")),
            suite: "e2e".to_owned(),
            name: name.to_owned(),
            category: Some(category.to_owned()),
            priority: Priority::new(priority).unwrap(),
            services: vec![ServiceName::from("api")],
            risk: None,
            ignored: false,
        }
    }

    fn order(cases: Vec<TestCase>, suite: &Suite) -> Vec<String> {
        select(cases, &[suite])
            .tests
            .into_iter()
            .map(|test| test.case.name)
            .collect()
    }

    #[test]
    fn priority_then_category_then_name() {
        let cases = vec![
            case(2, "a", "x"),
            case(1, "b", "z"),
            case(1, "b", "y"),
            case(1, "a", "w"),
        ];
        assert_eq!(order(cases, &suite("e2e", true, &[])), ["w", "y", "z", "x"]);
    }

    #[test]
    fn ignored_and_unwanted_tests_are_left_out_with_a_reason() {
        let mut ignored = case(1, "a", "auth::ignored");
        ignored.ignored = true;
        let cases = vec![
            ignored,
            case(1, "a", "auth::kept"),
            case(1, "a", "chat::other"),
        ];
        let suite = suite("e2e", true, &["auth"]);
        let selection = select(cases, &[&suite]);
        assert_eq!(selection.listed, 3);
        assert_eq!(selection.tests.len(), 1);
        assert_eq!(selection.tests[0].place, 1);
        let reasons: Vec<_> = selection
            .left_out
            .iter()
            .map(|(id, why)| format!("{id}: {why}"))
            .collect();
        assert_eq!(
            reasons,
            [
                "e2e/auth::ignored: marked as ignored by the test itself",
                "e2e/chat::other: matches none of only = [auth]",
            ]
        );
    }

    #[test]
    fn every_test_carries_its_reason() {
        let mut risky = case(1, "a", "x");
        risky.risk = Some(Risk {
            money_per_hour: Some(4200.0),
            impact: Some("no".to_owned()),
        });
        assert_eq!(reason(&risky), "P1, covers api, risk 4200/h");
        risky.risk = Some(Risk {
            money_per_hour: None,
            impact: Some("nobody pays".to_owned()),
        });
        risky.services.clear();
        assert_eq!(
            reason(&risky),
            "P1, covers no declared service, risk: nobody pays"
        );
    }

    fn check_suites(named: &[&str], expected: Result<&[&str], &str>) {
        let all = [suite("e2e", true, &[]), suite("sample", false, &[])];
        let named: Vec<_> = named.iter().map(|name| (*name).to_owned()).collect();
        let found = suites(&all, &named)
            .map(|found| {
                found
                    .iter()
                    .map(|suite| suite.name.clone())
                    .collect::<Vec<_>>()
            })
            .map_err(|error| format!("{error}; {}", error.hint()));
        let expected = expected
            .map(|names| names.iter().map(|name| (*name).to_owned()).collect())
            .map_err(str::to_owned);
        assert_eq!(found, expected);
    }

    #[test]
    fn default_suites_unless_named() {
        check_suites(&[], Ok(&["e2e"]));
        check_suites(&["sample"], Ok(&["sample"]));
        check_suites(&["sample", "e2e"], Ok(&["e2e", "sample"]));
        check_suites(
            &["sampel"],
            Err("no suite is called \"sampel\"; the configuration has e2e, sample"),
        );
        let off = [suite("sample", false, &[])];
        assert!(matches!(
            suites(&off, &[]),
            Err(SelectError::NoDefault { .. })
        ));
    }
}
