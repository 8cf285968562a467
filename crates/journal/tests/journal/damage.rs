//! Whatever is changed behind the journal's back is found and named.

use std::fs;
use std::path::Path;

use assay_journal::{Journal, Problem, ReadError, RunError};
use assay_model::RunId;
use rusqlite::Connection;

use crate::support::{act, append, open, sample, verify};

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
