use proptest::prelude::*;

use super::*;

fn told(format: Format, ended: Ended, stdout: &str, stderr: &str) -> Found {
    reconcile(
        format,
        &Told {
            name: "a::b",
            ended,
            stdout,
            stderr,
        },
    )
}

const STARTED: &str = r#"{"type":"suite","event":"started","test_count":1}
{"type":"test","event":"started","name":"a::b"}
"#;

/// Lines of JSON in short: `+` begins, `ok`, `failed`, `ignored` for the test, `S:ok:1:0:0` for
/// the summary, anything else as it is.
fn json_lines(words: &str) -> String {
    let mut text = String::new();
    for word in words.split_whitespace() {
        let line = match word {
            "+" => STARTED.trim_end().to_owned(),
            "ok" | "failed" | "ignored" => {
                format!(
                    r#"{{"type":"test","name":"a::b","event":"{word}","assertions":2,"connects":["h:1"]}}"#
                )
            }
            "other" => r#"{"type":"test","name":"c","event":"ok"}"#.to_owned(),
            summary if summary.starts_with("S:") => {
                let parts: Vec<_> = summary.split(':').collect();
                format!(
                    r#"{{"type":"suite","event":"{}","passed":{},"failed":{},"ignored":{}}}"#,
                    parts[1], parts[2], parts[3], parts[4]
                )
            }
            raw => raw.to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[track_caller]
fn check(ended: Ended, words: &str, expected: Outcome) {
    let found = told(Format::Json, ended, &json_lines(words), "");
    assert_eq!(found.outcome, expected, "{words}: {:?}", found.message);
}

const ZERO: Ended = Ended::Exited(0);
const FAILED: Ended = Ended::Exited(101);

#[test]
fn accounts_that_agree() {
    check(ZERO, "+ ok S:ok:1:0:0", Outcome::Passed);
    check(FAILED, "+ failed S:failed:0:1:0", Outcome::Failed);
    check(Ended::Exited(1), "+ failed S:failed:0:1:0", Outcome::Failed);
    check(ZERO, "+ ignored S:ok:0:0:1", Outcome::Skipped);
    check(Ended::TimedOut, "+", Outcome::TimedOut);
}

#[test]
fn accounts_that_disagree_are_no_pass() {
    check(FAILED, "+ ok S:ok:1:0:0", Outcome::Errored);
    check(ZERO, "+ failed S:failed:0:1:0", Outcome::Errored);
    check(ZERO, "+ ok S:failed:0:1:0", Outcome::Errored);
    check(ZERO, "+ ok S:ok:0:0:0", Outcome::Errored);
    check(ZERO, "+ ok S:ok:2:0:0", Outcome::Errored);
    check(ZERO, "+ ok", Outcome::Errored);
    check(ZERO, "+ ok ok S:ok:1:0:0", Outcome::Errored);
    check(FAILED, "+ ok failed S:failed:0:1:0", Outcome::Errored);
    check(ZERO, "ok S:ok:1:0:0", Outcome::Errored);
    check(ZERO, "+ + ok S:ok:1:0:0", Outcome::Errored);
    check(ZERO, "+ ok S:failed:0:1:0 S:ok:1:0:0", Outcome::Errored);
    check(ZERO, "+ other ok S:ok:1:0:0", Outcome::Errored);
    check(Ended::Signalled(11), "+ ok S:ok:1:0:0", Outcome::Errored);
    check(
        Ended::Signalled(6),
        "+ failed S:failed:0:1:0",
        Outcome::Errored,
    );
}

#[test]
fn what_never_ran_is_not_run() {
    check(ZERO, "", Outcome::NotRun);
    check(
        ZERO,
        r#"{"type":"suite","event":"started","test_count":0} S:ok:0:0:0"#,
        Outcome::NotRun,
    );
    check(ZERO, "+ S:ok:1:0:0", Outcome::NotRun);
    check(Ended::Signalled(9), "+", Outcome::NotRun);
    check(Ended::Exited(3), "hello", Outcome::NotRun);
    check(
        ZERO,
        r#"{"type":"test","name":"a::b","event":"#,
        Outcome::NotRun,
    );
}

#[test]
fn a_test_may_print_before_the_event() {
    let text = format!("{STARTED}half a line{}", json_lines("ok S:ok:1:0:0"));
    assert_eq!(told(Format::Json, ZERO, &text, "").outcome, Outcome::Passed);
}

#[test]
fn order_and_spaces_of_fields_do_not_matter() {
    let text = r#"{ "event": "started", "test_count": 1, "type": "suite" }
{"event":"started","name":"a::b","type":"test"}
{ "name": "a::b", "event": "ok", "type": "test" }
{"event":"ok","passed":1,"failed":0,"ignored":0,"type":"suite"}
"#;
    assert_eq!(told(Format::Json, ZERO, text, "").outcome, Outcome::Passed);
}

#[test]
fn json_details() {
    let found = told(Format::Json, ZERO, &json_lines("+ ok S:ok:1:0:0"), "");
    assert_eq!(found.assertions, Some(2));
    assert_eq!(found.connects, Some(vec!["h:1".to_owned()]));
    let message = |line: &str| {
        let text = format!("{STARTED}{line}\n{}", json_lines("S:failed:0:1:0"));
        told(Format::Json, FAILED, &text, "").message
    };
    let named =
        message(r#"{"type":"test","name":"a::b","event":"failed","message":"\nboom\nmore"}"#);
    assert_eq!(named.as_deref(), Some("boom"));
    let panicked = message(
        r#"{"type":"test","name":"a::b","event":"failed","stdout":"thread 'a::b' panicked at x.rs:1:1:\nboom\n"}"#,
    );
    assert_eq!(panicked.as_deref(), Some("boom"));
}

#[track_caller]
fn check_plain(ended: Ended, stdout: &str, expected: Outcome) {
    let found = told(Format::Plain, ended, stdout, "");
    assert_eq!(found.outcome, expected, "{stdout}: {:?}", found.message);
}

const OK: &str =
    "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.00s";
const BAD: &str = "test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.00s";
const NONE: &str =
    "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.00s";

#[test]
fn plain_results() {
    check_plain(
        ZERO,
        &format!("\nrunning 1 test\ntest a::b ... ok\n\n{OK}\n"),
        Outcome::Passed,
    );
    check_plain(
        ZERO,
        &format!("running 1 test\nabctest a::b ... ok\n{OK}"),
        Outcome::Passed,
    );
    check_plain(
        ZERO,
        &format!("running 1 test\ntest a::b - should panic ... ok\n{OK}"),
        Outcome::Passed,
    );
    check_plain(
        FAILED,
        &format!("running 1 test\ntest a::b ... FAILED\n{BAD}"),
        Outcome::Failed,
    );
    check_plain(
        ZERO,
        "running 1 test\ntest a::b ... ignored, later\ntest result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
        Outcome::Skipped,
    );
    check_plain(ZERO, &format!("running 0 tests\n{NONE}"), Outcome::NotRun);
    check_plain(
        ZERO,
        &format!("running 1 test\ntest a::bc ... ok\n{OK}"),
        Outcome::NotRun,
    );
    check_plain(ZERO, "running 1 test\ntest a::b ... ok\n", Outcome::Errored);
    check_plain(
        FAILED,
        &format!("running 1 test\ntest a::b ... ok\n{OK}"),
        Outcome::Errored,
    );
    check_plain(
        ZERO,
        &format!("running 2 tests\ntest a::b ... ok\n{OK}"),
        Outcome::Errored,
    );
    check_plain(Ended::Signalled(6), "running 1 test\n", Outcome::NotRun);
    check_plain(ZERO, "", Outcome::NotRun);
}

#[test]
fn plain_messages() {
    let check = |stderr: &str, expected: Option<&str>| {
        let text = format!("running 1 test\ntest a::b ... FAILED\n{BAD}");
        let found = told(Format::Plain, FAILED, &text, stderr);
        assert_eq!(found.message.as_deref(), expected, "{stderr}");
    };
    check(
        "\nthread 'a::b' panicked at src/x.rs:3:5:\nleft is not right\nnote: run\n",
        Some("left is not right"),
    );
    check(
        "thread 'a::b' (4711) panicked at src/x.rs:3:5:\n",
        Some("thread 'a::b' (4711) panicked at src/x.rs:3:5:"),
    );
    check("Error: Os { code: 111 }\n", Some("Os { code: 111 }"));
    check("", None);
}

#[test]
fn doubts_are_told() {
    let found = told(Format::Json, Ended::Signalled(9), STARTED, "");
    assert_eq!(
        found.message.as_deref(),
        Some("the runner ended with signal 9 before the test had finished")
    );
    let found = told(Format::Json, FAILED, &json_lines("+ ok S:ok:1:0:0"), "");
    assert!(
        found
            .message
            .unwrap()
            .starts_with("the accounts disagree: the test passed")
    );
}

proptest! {
    /// Nothing short of every account agreeing is a pass.
    #[test]
    fn words_in_any_order_pass_only_when_whole(
        words in proptest::collection::vec(
            prop_oneof![
                Just("+"), Just("ok"), Just("failed"), Just("ignored"), Just("other"),
                Just("S:ok:1:0:0"), Just("S:failed:0:1:0"), Just("noise"), Just("{\"type\":\"test\""),
            ],
            0..6,
        ),
        code in 0..3,
    ) {
        let found = told(Format::Json, Ended::Exited(code), &json_lines(&words.join(" ")), "");
        let count = |word: &str| words.iter().filter(|each| **each == word).count();
        let results = count("ok") + count("failed") + count("ignored") + count("other");
        if found.outcome == Outcome::Passed {
            prop_assert_eq!((code, count("ok"), results), (0, 1, 1));
            prop_assert_eq!((count("+"), count("S:ok:1:0:0"), count("S:failed:0:1:0")), (1, 1, 0));
        }
    }

    #[test]
    fn no_output_breaks_it(stdout in "\\PC{0,300}", stderr in "\\PC{0,300}", json in any::<bool>()) {
        let format = if json { Format::Json } else { Format::Plain };
        let found = told(format, ZERO, &stdout, &stderr);
        prop_assert_ne!(found.outcome, Outcome::Passed);
    }
}
