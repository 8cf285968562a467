//! One byte is changed, anywhere.

use std::fs;
use std::path::Path;

use assay_journal::{Journal, Problem};
use assay_model::RunId;
use proptest::prelude::*;
use rusqlite::Connection;

use crate::support::{act, append, keep, observed, open, verify};

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
        assert!(!dir.path().join("journal.db-wal").exists());

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
