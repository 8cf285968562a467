//! Reading what a test program lists.

use std::collections::BTreeSet;

use assay_model::{Priority, Risk, ServiceName, Suite, TestCase, TestId};
use serde::Deserialize;
use thiserror::Error;

/// Where neither the test nor its suite says how much it matters.
const UNSAID_PRIORITY: u8 = 3;

/// A list that cannot be believed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ListingError {
    /// A test that is there twice: results could not be told apart.
    #[error("{name} is listed twice")]
    Twice {
        /// Its name.
        name: String,
    },
    /// A line that announces a test and cannot be read.
    #[error("line {line} is not a test: {reason}")]
    Malformed {
        /// 1-based.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The program said that it begins and not that it is done.
    #[error("it breaks off after {listed} tests")]
    Unfinished {
        /// Tests until then.
        listed: usize,
    },
    /// The program's own count is another one.
    #[error("{announced} tests are announced and {listed} listed")]
    Count {
        /// By its last line.
        announced: usize,
        /// Lines that were there.
        listed: usize,
    },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Test(Discovered),
    Suite { event: String, total: Option<usize> },
}

#[derive(Deserialize)]
struct Discovered {
    event: String,
    name: String,
    #[serde(default)]
    ignore: bool,
    category: Option<String>,
    priority: Option<Priority>,
    services: Option<Vec<ServiceName>>,
    risk: Option<Risk>,
}

/// What every line of the list has, in whatever order and with whatever spaces.
#[derive(Deserialize)]
struct Announcement {
    #[serde(rename = "type")]
    _kind: String,
    #[serde(rename = "event")]
    _event: String,
}

/// Reads the list of a program that knows `--format json`; `None` when there is no JSON in it.
pub(super) fn json(text: &str, suite: &Suite) -> Option<Result<Vec<TestCase>, ListingError>> {
    let announces = |line: &str| serde_json::from_str::<Announcement>(line).is_ok();
    // A line that breaks off is not noise of the program's own: it may have been a test.
    let broken = |line: &str| {
        line.trim_start().starts_with('{')
            && serde_json::from_str::<serde::de::IgnoredAny>(line).is_err()
    };
    text.lines().any(announces).then(|| {
        let lines: Vec<_> = text
            .lines()
            .enumerate()
            .filter(|(_, line)| announces(line) || broken(line))
            .collect();
        read_json(&lines, suite)
    })
}

fn read_json(lines: &[(usize, &str)], suite: &Suite) -> Result<Vec<TestCase>, ListingError> {
    let mut cases = Vec::new();
    let (mut begun, mut announced) = (false, None);
    for (place, line) in lines {
        let malformed = |reason: String| ListingError::Malformed {
            line: place + 1,
            reason,
        };
        match serde_json::from_str(line).map_err(|error| malformed(error.to_string()))? {
            Line::Test(test) if test.event == "discovered" => cases.push(case(test, suite)),
            Line::Test(test) => return Err(malformed(format!("event {:?}", test.event))),
            Line::Suite { event, total } if event == "completed" => {
                (begun, announced) = (false, total);
            }
            Line::Suite { event, .. } => begun |= event == "discovery",
        }
    }
    if begun {
        return Err(ListingError::Unfinished {
            listed: cases.len(),
        });
    }
    if let Some(announced) = announced.filter(|announced| *announced != cases.len()) {
        return Err(ListingError::Count {
            announced,
            listed: cases.len(),
        });
    }
    distinct(cases)
}

fn case(test: Discovered, suite: &Suite) -> TestCase {
    TestCase {
        priority: test.priority.unwrap_or_else(unsaid),
        services: test.services.unwrap_or_else(|| suite.covers.clone()),
        category: test.category,
        risk: test.risk,
        ignored: test.ignore,
        ..plain(&test.name, suite)
    }
}

/// Reads the lists of a program that only knows names: of all its tests, and of those that are
/// ignored.
pub(super) fn terse(
    all: &str,
    ignored: &str,
    suite: &Suite,
) -> Result<Vec<TestCase>, ListingError> {
    let ignored: BTreeSet<_> = names(ignored).collect();
    let cases = names(all)
        .map(|name| TestCase {
            ignored: ignored.contains(name),
            ..plain(name, suite)
        })
        .collect();
    distinct(cases)
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.trim_end().strip_suffix(": test"))
}

fn plain(name: &str, suite: &Suite) -> TestCase {
    TestCase {
        id: TestId::new(format!("{}/{name}", suite.name)),
        suite: suite.name.clone(),
        name: name.to_owned(),
        category: None,
        priority: unsaid(),
        services: suite.covers.clone(),
        risk: None,
        ignored: false,
    }
}

fn unsaid() -> Priority {
    Priority::new(UNSAID_PRIORITY).unwrap_or(Priority::P1)
}

fn distinct(cases: Vec<TestCase>) -> Result<Vec<TestCase>, ListingError> {
    let mut seen = BTreeSet::new();
    match cases.iter().find(|case| !seen.insert(&case.name)) {
        Some(twice) => Err(ListingError::Twice {
            name: twice.name.clone(),
        }),
        None => Ok(cases),
    }
}

#[cfg(test)]
mod tests {
    use assay_model::SuiteKind;
    use proptest::prelude::*;

    use super::*;

    fn suite() -> Suite {
        Suite {
            name: "e2e".to_owned(),
            runner: "libtest".to_owned(),
            command: Vec::new(),
            paths: Vec::new(),
            kind: SuiteKind::E2e,
            env: Default::default(),
            covers: vec!["api".into()],
            default: true,
            workers: 1,
            timeout_ms: 1,
            only: Vec::new(),
        }
    }

    fn shown(cases: Vec<TestCase>) -> String {
        let line = |case: TestCase| {
            let services: Vec<_> = case.services.iter().map(|name| name.as_str()).collect();
            let mut line = format!("{} {} {}", case.id, case.priority, services.join("+"));
            line.extend(case.category.map(|category| format!(" {category}")));
            line.extend(
                case.risk
                    .and_then(|risk| risk.impact)
                    .map(|impact| format!(" {impact}")),
            );
            line.push_str(if case.ignored { " ignored" } else { "" });
            line
        };
        cases.into_iter().map(line).collect::<Vec<_>>().join("; ")
    }

    #[track_caller]
    fn check_json(text: &str, expected: &str) {
        let found = match json(text, &suite()) {
            None => "no json".to_owned(),
            Some(Ok(cases)) => shown(cases),
            Some(Err(error)) => format!("error: {error}"),
        };
        assert!(found.starts_with(expected), "{found}");
    }

    #[test]
    fn json_lists() {
        check_json(
            r#"{"type":"suite","event":"discovery"}
{"type":"test","event":"discovered","name":"auth::login","ignore":false,"category":"auth","priority":"P1","services":["auth"],"risk":{"money_per_hour":4200,"impact":"no"}}
{"type":"test","event":"discovered","name":"b","ignore":true}
{"type":"suite","event":"completed","tests":2,"benchmarks":0,"total":2,"ignored":1}"#,
            "e2e/auth::login P1 auth auth no; e2e/b P3 api ignored",
        );
        check_json(
            "warming up\n{\"type\":\"test\",\"event\":\"discovered\",\"name\":\"a\"}\n",
            "e2e/a",
        );
        check_json("a: test\nb: test\n", "no json");
        check_json("", "no json");
        check_json(
            "{\"type\":\"suite\",\"event\":\"completed\",\"total\":0}",
            "",
        );
    }

    #[test]
    fn lists_that_cannot_be_believed() {
        let test = |name: &str| {
            format!("{{\"type\":\"test\",\"event\":\"discovered\",\"name\":\"{name}\"}}\n")
        };
        check_json(&(test("a") + &test("a")), "error: a is listed twice");
        check_json(
            &(test("a") + "{\"type\":\"suite\",\"event\":\"completed\",\"total\":2}"),
            "error: 2 tests are announced and 1 listed",
        );
        check_json(
            "{\"type\":\"test\",\"event\":\"discovered\",\"name\":\"a\",\"priority\":\"P9\"}",
            "error: line 1 is not a test: \"P9\" is not a priority",
        );
        check_json(
            &(test("a") + "{\"type\":\"test\",\"event\":"),
            "error: line 2 is not a test",
        );
        check_json(
            &("{\"event\":\"discovery\",\"type\":\"suite\"}\n".to_owned() + &test("a")),
            "error: it breaks off after 1 tests",
        );
    }

    #[test]
    fn order_and_spaces_of_fields_do_not_matter() {
        check_json(
            "{ \"name\": \"a\", \"event\": \"discovered\", \"type\": \"test\" }\n",
            "e2e/a P3 api",
        );
        // Other JSON is the program's own business.
        check_json(
            "{\"level\":\"info\"}\n{\"event\":\"discovered\",\"type\":\"test\",\"name\":\"a\"}\n",
            "e2e/a P3 api",
        );
        check_json("{\"level\":\"info\"}\n", "no json");
    }

    #[test]
    fn terse_lists() {
        let check = |all: &str, ignored: &str, expected: &str| {
            assert_eq!(shown(terse(all, ignored, &suite()).unwrap()), expected);
        };
        check(
            "a::b: test\nc: test\nd: benchmark\n",
            "c: test\n",
            "e2e/a::b P3 api; e2e/c P3 api ignored",
        );
        check("a: test\r\n\n1 test, 0 benchmarks\n", "", "e2e/a P3 api");
        check("", "", "");
        assert!(terse("a: test\na: test\n", "", &suite()).is_err());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parsers(text in "\\PC{0,200}(\n\\{\"type\":\\PC{0,80}){0,3}") {
            json(&text, &suite());
            terse(&text, &text, &suite()).ok();
        }

        #[test]
        fn every_listed_name_comes_back(names in proptest::collection::btree_set("[a-z_:]{1,20}", 1..20)) {
            let text: String = names.iter().map(|name| format!("{name}: test\n")).collect();
            let found: BTreeSet<_> =
                terse(&text, "", &suite()).unwrap().into_iter().map(|case| case.name).collect();
            prop_assert_eq!(found, names);
        }
    }
}
