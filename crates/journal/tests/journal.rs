//! The journal as its users see it.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::path::Path;

use assay_journal::{
    Journal, OpenError, Problem, ReadError, Redactor, RunError, RunWriter, Vault, Verification,
};
use assay_model::{Body, EndState, Event, EvidenceRef, RunId, Secret, Source, Step, Timestamp};
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;

fn open(dir: &Path) -> Journal {
    Journal::open(dir, Redactor::new(&[])).unwrap()
}

fn act(n: u64) -> Body {
    Body::ActFinished {
        key: format!("act-{n}"),
        result: json!({ "n": n, "text": "wörd \u{1F980}" }),
    }
}

fn observed(evidence: &EvidenceRef) -> Body {
    Body::ActFinished {
        key: "keep".to_owned(),
        result: json!([{ "at": "x", "kept": evidence }]),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn append(writer: &RunWriter, second: i64, bodies: Vec<Body>) -> Vec<Event> {
    block(writer.append(at(second), Some(Step::Ready), bodies)).unwrap()
}

fn keep(dir: &Path, bytes: &[u8]) -> EvidenceRef {
    let stored = Vault::open(dir, Redactor::new(&[])).put(bytes).unwrap();
    let source = Source::Derived {
        what: "test".to_owned(),
    };
    EvidenceRef {
        hash: stored.hash,
        bytes: stored.bytes,
        source,
        at: at(0),
    }
}

/// A run of five events and one blob.
fn sample() -> (tempfile::TempDir, RunId, EvidenceRef) {
    let dir = tempfile::tempdir().unwrap();
    let run = RunId::new("20261123-184455-7f3a");
    let journal = open(dir.path());
    let writer = journal.begin(&run).unwrap();
    let evidence = keep(dir.path(), b"exited with code 3");
    append(&writer, 1, vec![act(1), act(2)]);
    append(&writer, 2, vec![observed(&evidence), act(4), act(5)]);
    (dir, run, evidence)
}

fn verify(dir: &Path, run: &RunId) -> Verification {
    Journal::open_existing(dir)
        .unwrap()
        .verify(run, None)
        .unwrap()
}

/// Runs SQL behind the journal's back; the first problem must then be the expected one, and the
/// run must not be readable or resumable.
#[track_caller]
fn check_sql(sql: &str, expected: &str) {
    let (dir, run, _) = sample();
    Connection::open(dir.path().join("journal.db"))
        .unwrap()
        .execute_batch(sql)
        .unwrap();
    let found = verify(dir.path(), &run);
    let first = found
        .problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(first.starts_with(expected), "{sql}: {:?}", found.problems);
    let events = Journal::open_existing(dir.path()).unwrap().events(&run);
    assert!(
        matches!(events, Err(ReadError::Damaged { .. })),
        "{sql}: {events:?}"
    );
    let resumed = open(dir.path()).reopen(&run);
    assert!(
        matches!(resumed, Err(RunError::Read(ReadError::Damaged { .. }))),
        "{sql}"
    );
}

#[test]
fn an_untouched_run_verifies() {
    let (dir, run, _) = sample();
    let found = verify(dir.path(), &run);
    assert_eq!(
        (found.events, found.blobs, &found.problems[..]),
        (5, 1, &[][..])
    );
    let journal = Journal::open_existing(dir.path()).unwrap();
    assert_eq!(journal.head(&run).unwrap(), found.head);
    let events = journal.events(&run).unwrap();
    assert_eq!(events[0].prev, "0".repeat(64));
    assert_eq!(events[1].prev, events[0].hash);
    assert_eq!(
        events.iter().map(|event| event.seq).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
    assert!(journal.verify(&run, Some(&events[2].hash)).unwrap().ok());
    assert!(
        journal
            .verify(&run, Some(&events[2].hash[..12]))
            .unwrap()
            .ok()
    );
    assert!(!journal.verify(&run, Some("")).unwrap().ok());
}

#[test]
fn whatever_is_changed_is_named() {
    let event_3 = "event 3 of run 20261123-184455-7f3a was changed";
    check_sql(
        "UPDATE event SET at = '1970-01-01T00:00:03Z' WHERE seq = 3",
        event_3,
    );
    check_sql("UPDATE event SET step = NULL WHERE seq = 3", event_3);
    check_sql("UPDATE event SET step = 'why' WHERE seq = 3", event_3);
    check_sql(
        "UPDATE event SET kind = 'act_started' WHERE seq = 3",
        event_3,
    );
    check_sql(
        "UPDATE event SET payload = payload || ' ' WHERE seq = 3",
        event_3,
    );
    check_sql(
        "UPDATE event SET prev = zeroblob(32) WHERE seq = 3",
        event_3,
    );
    check_sql(
        "UPDATE event SET hash = zeroblob(32) WHERE seq = 3",
        event_3,
    );
    check_sql("UPDATE event SET hash = zeroblob(3) WHERE seq = 3", event_3);
    check_sql(
        "UPDATE event SET payload = CAST(x'ff' AS TEXT) WHERE seq = 3",
        event_3,
    );
    check_sql(
        "UPDATE event SET seq = 9 WHERE seq = 3",
        "events 3 to 3 of run",
    );
    check_sql("UPDATE event SET seq = -3 WHERE seq = 3", "event 1 of run");
    check_sql(
        "UPDATE event SET run = 'other' WHERE seq = 3",
        "events 3 to 3 of run",
    );
    check_sql("DELETE FROM event WHERE seq = 3", "events 3 to 3 of run");
    check_sql("DELETE FROM event WHERE seq >= 3", "events 3 to 5 of run");
    check_sql("DELETE FROM event WHERE seq = 5", "events 5 to 5 of run");
    check_sql("DELETE FROM event", "events 1 to 5 of run");
    check_sql(
        "UPDATE event SET seq = 30 WHERE seq = 3; UPDATE event SET seq = 3 WHERE seq = 4;
         UPDATE event SET seq = 4 WHERE seq = 30",
        event_3,
    );
}

#[test]
fn an_event_that_is_replaced_by_another_sound_one_breaks_the_chain() {
    let (dir, run, _) = sample();
    let other = tempfile::tempdir().unwrap();
    let journal = open(other.path());
    let writer = journal.begin(&run).unwrap();
    append(&writer, 1, vec![act(1), act(99)]);
    let database = Connection::open(dir.path().join("journal.db")).unwrap();
    let path = other.path().join("journal.db");
    database
        .execute("ATTACH ?1 AS other", [path.to_str()])
        .unwrap();
    let replaced = "REPLACE INTO main.event SELECT * FROM other.event WHERE seq = 2";
    assert_eq!(database.execute(replaced, []).unwrap(), 1);
    drop(database);
    let problems = verify(dir.path(), &run).problems;
    assert!(
        matches!(&problems[..], [Problem::ChainBroken { seq: 3, .. }]),
        "{problems:?}"
    );
}

#[test]
fn a_head_record_that_a_crash_left_behind_is_no_damage_and_catches_up() {
    let (dir, run, _) = sample();
    let head = dir.path().join("heads").join(run.as_str());
    let behind = fs::read(&head).unwrap();
    let journal = open(dir.path());
    let (writer, _) = journal.reopen(&run).unwrap();
    append(&writer, 9, vec![act(6)]);
    drop(writer);
    let level = fs::read(&head).unwrap();
    fs::write(&head, behind).unwrap();
    assert!(verify(dir.path(), &run).ok());
    let (_writer, events) = journal.reopen(&run).unwrap();
    assert_eq!(events.len(), 6);
    assert_eq!(fs::read(&head).unwrap(), level);
}

#[test]
fn a_blob_that_is_changed_or_gone_is_named() {
    let (dir, run, evidence) = sample();
    let blob = dir
        .path()
        .join("vault")
        .join(&evidence.hash[..2])
        .join(format!("{}.zst", evidence.hash));
    let good = fs::read(&blob).unwrap();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x20;
        fs::write(&blob, bad).unwrap();
        let problems = verify(dir.path(), &run).problems;
        assert!(
            matches!(&problems[..], [Problem::BlobChanged { seq: 3, hash, .. }] if *hash == evidence.hash),
            "byte {place}: {problems:?}"
        );
    }
    fs::remove_file(&blob).unwrap();
    let problems = verify(dir.path(), &run).problems;
    assert!(
        matches!(&problems[..], [Problem::BlobMissing { seq: 3, .. }]),
        "{problems:?}"
    );
}

#[test]
fn a_head_record_that_is_changed_or_gone_is_named() {
    let (dir, run, _) = sample();
    let head = dir.path().join("heads").join(run.as_str());
    let good = fs::read(&head).unwrap();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 1;
        fs::write(&head, bad).unwrap();
        let problems = verify(dir.path(), &run).problems;
        assert!(
            matches!(&problems[..], [Problem::HeadUnreadable { .. }]),
            "byte {place}: {problems:?}"
        );
    }
    fs::remove_file(&head).unwrap();
    assert!(matches!(
        &verify(dir.path(), &run).problems[..],
        [Problem::HeadMissing { .. }]
    ));
}

#[test]
fn a_head_that_was_written_down_elsewhere_must_be_in_the_run() {
    let (dir, run, _) = sample();
    let journal = Journal::open_existing(dir.path()).unwrap();
    let found = journal.verify(&run, Some(&"a".repeat(64))).unwrap();
    assert!(matches!(
        &found.problems[..],
        [Problem::ExpectedMissing { .. }]
    ));
    let nowhere = journal.verify(&RunId::new("nowhere"), None);
    assert!(matches!(nowhere, Err(ReadError::Unknown { .. })));
    let outside = journal.verify(&RunId::new("../heads/x"), None);
    assert!(matches!(outside, Err(ReadError::Unknown { .. })));
}

#[test]
fn a_write_ahead_log_that_is_gone_or_cut_off_is_noticed() {
    for cut in [true, false] {
        let (dir, run, _) = sample();
        let journal = open(dir.path());
        let (writer, _) = journal.reopen(&run).unwrap();
        append(&writer, 9, vec![act(6)]);
        // A copy, as if the machine had died here, with the newest events only in the log.
        let copy = tempfile::tempdir().unwrap();
        copy_tree(dir.path(), copy.path());
        let log = copy.path().join("journal.db-wal");
        let length = fs::metadata(&log).unwrap().len();
        assert!(length > 0, "the log is empty, so this shows nothing");
        assert!(verify(copy.path(), &run).ok());
        for name in ["journal.db-wal", "journal.db-shm"] {
            fs::remove_file(copy.path().join(name)).unwrap();
        }
        if cut {
            let bytes = fs::read(dir.path().join("journal.db-wal")).unwrap();
            fs::write(&log, &bytes[..bytes.len() - 100]).unwrap();
        }
        match Journal::open_existing(copy.path()) {
            Ok(journal) => {
                let found = journal.verify(&run, None).unwrap();
                let missing = |problem: &Problem| matches!(problem, Problem::EventsMissing { .. });
                assert!(found.problems.iter().any(missing), "{:?}", found.problems);
            }
            Err(error) => assert!(error.to_string().contains("journal.db"), "{error}"),
        }
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

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

fn wait_for(mut condition: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed().as_secs() < 20, "it never came true");
        std::thread::yield_now();
    }
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

/// Where one byte is changed.
#[derive(Clone, Debug)]
enum Place {
    Column(&'static str, usize),
    Head(usize),
    Blob(usize),
    Database(usize),
}

fn place() -> impl Strategy<Value = Place> {
    let column = proptest::sample::select(vec!["at", "step", "kind", "payload", "prev", "hash"]);
    prop_oneof![
        4 => (column, any::<usize>()).prop_map(|(name, byte)| Place::Column(name, byte)),
        1 => any::<usize>().prop_map(Place::Head),
        1 => any::<usize>().prop_map(Place::Blob),
        2 => any::<usize>().prop_map(Place::Database),
    ]
}

fn flip(bytes: &mut [u8], byte: usize, mask: u8) {
    let place = byte % bytes.len();
    bytes[place] ^= mask;
}

fn flip_file(path: &Path, byte: usize, mask: u8) {
    let mut bytes = fs::read(path).unwrap();
    flip(&mut bytes, byte, mask);
    fs::write(path, bytes).unwrap();
}

fn flip_column(dir: &Path, name: &str, seq: i64, byte: usize, mask: u8) {
    let database = Connection::open(dir.join("journal.db")).unwrap();
    let query = format!("SELECT CAST({name} AS BLOB) FROM event WHERE seq = ?1");
    let mut bytes: Vec<u8> = database.query_row(&query, [seq], |row| row.get(0)).unwrap();
    flip(&mut bytes, byte, mask);
    let as_type = if matches!(name, "prev" | "hash") {
        "BLOB"
    } else {
        "TEXT"
    };
    let update = format!("UPDATE event SET {name} = CAST(?1 AS {as_type}) WHERE seq = ?2");
    database
        .execute(&update, rusqlite::params![bytes, seq])
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn one_changed_byte_is_found_and_named(
        batches in proptest::collection::vec(1..6_u64, 1..8),
        place in place(),
        event in any::<u64>(),
        bit in 0..8_u32,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let run = RunId::new("r");
        let journal = open(dir.path());
        let writer = journal.begin(&run).unwrap();
        let evidence = keep(dir.path(), b"evidence");
        append(&writer, 0, vec![observed(&evidence)]);
        for (second, &size) in batches.iter().enumerate() {
            append(&writer, second as i64, (0..size).map(act).collect());
        }
        let events = 1 + batches.iter().sum::<u64>();
        let intact = journal.events(&run).unwrap();
        prop_assert_eq!(intact.len() as u64, events);
        prop_assert!(verify(dir.path(), &run).ok());
        drop((writer, journal));
        let database = dir.path().join("journal.db");
        wait_for(|| !dir.path().join("journal.db-wal").exists());

        let mask = 1_u8 << bit;
        let seq = event % events + 1;
        match &place {
            Place::Column(name, byte) => flip_column(dir.path(), name, seq as i64, *byte, mask),
            Place::Head(byte) => flip_file(&dir.path().join("heads/r"), *byte, mask),
            Place::Blob(byte) => {
                let name = format!("vault/{}/{}.zst", &evidence.hash[..2], evidence.hash);
                flip_file(&dir.path().join(name), *byte, mask);
            }
            Place::Database(byte) => flip_file(&database, *byte, mask),
        }
        let found = Journal::open_existing(dir.path()).map(|journal| journal.verify(&run, None));
        match (place, found) {
            (Place::Column(..), Ok(Ok(found))) => {
                let named = Problem::EventChanged { run, seq };
                prop_assert!(found.problems.contains(&named), "{:?}", found.problems);
            }
            (Place::Head(_), Ok(Ok(found))) => {
                let named = matches!(&found.problems[..], [Problem::HeadUnreadable { .. }]);
                prop_assert!(named, "{:?}", found.problems);
            }
            (Place::Blob(_), Ok(Ok(found))) => {
                let named = matches!(&found.problems[..],
                    [Problem::BlobChanged { hash, .. }] if *hash == evidence.hash);
                prop_assert!(named, "{:?}", found.problems);
            }
            // Not every byte of the file belongs to an event; those that do must show.
            (Place::Database(_), Ok(Ok(found))) if found.ok() => {
                let journal = Journal::open_existing(dir.path()).unwrap();
                prop_assert_eq!(journal.events(&run).unwrap(), intact);
            }
            (Place::Database(_), _) => {}
            (place, found) => prop_assert!(false, "{place:?}: {found:?}"),
        }
    }
}
