//! Writers, lists, and what is refused.

use std::fs;
use std::path::Path;

use assay_journal::{Journal, OpenError, ReadError, Redactor, RunError};
use assay_model::{Body, EndState, RunId, Secret};
use rusqlite::Connection;
use serde_json::json;

use crate::support::{act, append, at, open, sample};

#[test]
fn two_writers_cannot_share_a_run() {
    let (dir, run, _) = sample();
    let journal = open(dir.path());
    let (writer, events) = journal.reopen(&run).unwrap();
    assert_eq!(events.len(), 5);
    let second = open(dir.path()).reopen(&run);
    assert!(matches!(second, Err(RunError::Lock(_))));
    let clone = writer.clone();
    drop(writer);
    assert!(matches!(
        open(dir.path()).reopen(&run),
        Err(RunError::Lock(_))
    ));
    append(&clone, 5, vec![act(6)]);
    drop(clone);
    assert!(open(dir.path()).reopen(&run).is_ok());
    assert!(matches!(journal.begin(&run), Err(RunError::Exists { .. })));
}

#[test]
fn runs_are_listed_with_their_times_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    assert_eq!(journal.runs().unwrap(), []);
    let first = journal.begin(&RunId::new("a")).unwrap();
    let second = journal.begin(&RunId::new("b")).unwrap();
    append(&second, 3, vec![act(1)]);
    append(&first, 1, vec![act(1), act(2)]);
    let end = Body::RunFinished {
        end: EndState::Repaired,
        reason: "mended".to_owned(),
    };
    append(&first, 7, vec![end]);
    let runs = journal.runs().unwrap();
    let lines: Vec<_> = runs
        .iter()
        .map(|run| (run.run.as_str(), run.started, run.last, run.events, run.end))
        .collect();
    assert_eq!(
        lines,
        [
            ("a", Some(at(1)), Some(at(7)), 3, Some(EndState::Repaired)),
            ("b", Some(at(3)), Some(at(3)), 1, None),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_append_to_two_runs_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let runs = [RunId::new("a"), RunId::new("b")];
    let writers = [
        journal.begin(&runs[0]).unwrap(),
        journal.begin(&runs[1]).unwrap(),
    ];
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..32_u64 {
        let writer = writers[task as usize % 2].clone();
        tasks.spawn(async move {
            for n in 0..20 {
                let bodies = vec![act(task), act(n), act(n)];
                let events = writer.append(at(1), None, bodies).await.unwrap();
                // Those of one request stand together.
                assert!(events.windows(2).all(|two| two[1].prev == two[0].hash));
            }
        });
    }
    tasks.join_all().await;
    for (run, writer) in runs.iter().zip(&writers) {
        let found = journal.verify(run, None).unwrap();
        assert_eq!((found.events, found.problems), (16 * 20 * 3, vec![]));
        assert_eq!(found.head, Some(writer.head()));
    }
}

#[test]
fn secrets_never_reach_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = [Secret {
        name: "S".to_owned(),
        value: "hunter22".to_owned(),
    }];
    let journal = Journal::open(dir.path(), Redactor::new(&secrets)).unwrap();
    let run = RunId::new("a");
    let writer = journal.begin(&run).unwrap();
    let body = Body::ActFinished {
        key: "k".to_owned(),
        result: json!("got hunter22"),
    };
    let events = append(&writer, 1, vec![body]);
    assert_eq!(journal.events(&run).unwrap(), events);
    assert!(journal.verify(&run, None).unwrap().ok());
    for name in ["journal.db", "journal.db-wal"] {
        let bytes = fs::read(dir.path().join(name)).unwrap();
        assert!(
            !bytes.windows(8).any(|window| window == b"hunter22"),
            "{name}"
        );
    }
}

#[track_caller]
fn check_refused(prepare: impl FnOnce(&Path), expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    prepare(&dir.path().join("journal.db"));
    let before = fs::read(dir.path().join("journal.db")).unwrap_or_default();
    for refused in [
        Journal::open(dir.path(), Redactor::new(&[])).unwrap_err(),
        Journal::open_existing(dir.path()).unwrap_err(),
    ] {
        let message = refused.to_string();
        assert!(
            message.contains("journal.db") && message.contains(expected),
            "{message}"
        );
    }
    assert_eq!(
        fs::read(dir.path().join("journal.db")).unwrap_or_default(),
        before
    );
}

#[test]
fn a_file_that_is_no_journal_of_ours_is_refused_and_left_alone() {
    check_refused(
        |path| fs::write(path, "[project]\nname = 'x'\n".repeat(400)).unwrap(),
        "not a database",
    );
    check_refused(|path| fs::write(path, "short").unwrap(), "not a database");
    check_refused(|path| fs::create_dir(path).unwrap(), "cannot open");
    check_refused(
        |path| {
            Connection::open(path)
                .unwrap()
                .execute_batch("CREATE TABLE t (x)")
                .unwrap()
        },
        "another program",
    );
    check_refused(
        |path| {
            drop(open(path.parent().unwrap()));
            let other = Connection::open(path).unwrap();
            other.pragma_update(None, "user_version", 7).unwrap();
            other
                .query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
                .unwrap();
        },
        "has format 7; this assay reads formats up to 1",
    );
    let nowhere = Journal::open_existing(Path::new("/nonexistent")).unwrap_err();
    assert!(matches!(nowhere, OpenError::Missing { .. }));
}

#[test]
fn names_that_are_no_file_names_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    for name in ["", ".", "../x", "a/b", "a b", &"x".repeat(101)] {
        assert!(
            matches!(
                journal.begin(&RunId::new(name)),
                Err(RunError::BadName { .. })
            ),
            "{name}"
        );
    }
    let nowhere = journal.reopen(&RunId::new("nowhere"));
    assert!(matches!(
        nowhere,
        Err(RunError::Read(ReadError::Unknown { .. }))
    ));
}
