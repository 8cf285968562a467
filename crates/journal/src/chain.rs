//! What ties one event to the one before it.

use assay_model::{Event, RunId, Step};
use blake3::{Hash, Hasher};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};

/// Stands for the event before the first one.
pub(crate) const ROOT: Hash = Hash::from_bytes([0; 32]);

/// Set before every hashed event, so that a later form can never be taken for this one.
const DOMAIN: &[u8] = b"assay event 1\0";

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Sequence number of the last event; 0 before the first.
    pub seq: u64,
    /// Its hash, 64 lower-case hexadecimal digits.
    pub hash: String,
}

/// A head as it is computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
}

impl Tip {
    pub(crate) const START: Self = Self { seq: 0, hash: ROOT };

    pub(crate) fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: hex(&self.hash),
        }
    }
}

pub(crate) fn hex(hash: &Hash) -> String {
    hash.to_hex().to_string()
}

/// The columns of one stored event, as they stand in the database.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) run: &'a [u8],
    pub(crate) seq: i64,
    pub(crate) at: &'a [u8],
    pub(crate) step: Option<&'a [u8]>,
    pub(crate) kind: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) prev: &'a [u8],
    pub(crate) hash: &'a [u8],
}

/// In the order in which [`Columns::of`] expects them.
pub(crate) const COLUMNS: &str = "run, seq, at, step, kind, payload, prev, hash";

impl<'a> Columns<'a> {
    /// The columns of a row; an error names one whose type is not the stored one.
    pub(crate) fn of(row: &'a Row<'_>) -> Result<Self, String> {
        let column = |at: usize| row.get_ref(at).map_err(|error| error.to_string());
        let text = |at: usize, name: &str| match column(at)? {
            ValueRef::Text(bytes) => Ok(bytes),
            _ => Err(format!("{name} is not text")),
        };
        let blob = |at: usize, name: &str| match column(at)? {
            ValueRef::Blob(bytes) => Ok(bytes),
            _ => Err(format!("{name} is not a blob")),
        };
        let ValueRef::Integer(seq) = column(1)? else {
            return Err("seq is not an integer".to_owned());
        };
        let step = match column(3)? {
            ValueRef::Null => None,
            _ => Some(text(3, "step")?),
        };
        Ok(Self {
            run: text(0, "run")?,
            seq,
            at: text(2, "at")?,
            step,
            kind: text(4, "kind")?,
            payload: text(5, "payload")?,
            prev: blob(6, "prev")?,
            hash: blob(7, "hash")?,
        })
    }

    /// BLAKE3 over every other column. Each one is preceded by its length, so that no two events
    /// have the same encoding.
    pub(crate) fn digest(&self) -> Hash {
        let mut hasher = Hasher::new();
        let mut field = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(DOMAIN);
        field(self.run);
        field(&self.seq.to_le_bytes());
        field(self.at);
        match self.step {
            None => field(&[0]),
            Some(step) => {
                field(&[1]);
                field(step);
            }
        }
        field(self.kind);
        field(self.payload);
        field(self.prev);
        hasher.finalize()
    }

    /// The event; an error says what cannot be read.
    pub(crate) fn event(&self) -> Result<Event, String> {
        let at = text(self.at, "at")?;
        Ok(Event {
            run: RunId::new(text(self.run, "run")?),
            seq: u64::try_from(self.seq).map_err(|_| "seq is negative".to_owned())?,
            at: at.parse().map_err(|error| format!("at {at:?}: {error}"))?,
            step: self
                .step
                .map(|step| text(step, "step").and_then(step_named))
                .transpose()?,
            body: serde_json::from_slice(self.payload)
                .map_err(|error| format!("payload: {error}"))?,
            prev: hex(&hash(self.prev, "prev")?),
            hash: hex(&hash(self.hash, "hash")?),
        })
    }
}

fn text<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str, String> {
    std::str::from_utf8(bytes).map_err(|error| format!("{name}: {error}"))
}

fn hash(bytes: &[u8], name: &str) -> Result<Hash, String> {
    Hash::from_slice(bytes).map_err(|_| format!("{name} is {} bytes long, not 32", bytes.len()))
}

/// The step whose [`Step::word`] this is.
fn step_named(word: &str) -> Result<Step, String> {
    let word: StrDeserializer<'_, WordError> = word.into_deserializer();
    Step::deserialize(word).map_err(|error| format!("step: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: Columns<'static> = Columns {
        run: b"r",
        seq: 1,
        at: b"1970-01-01T00:00:00Z",
        step: None,
        kind: b"k",
        payload: b"{}",
        prev: &[0; 32],
        hash: &[0; 32],
    };

    #[track_caller]
    fn check_differs(other: Columns<'_>) {
        assert_ne!(EVENT.digest(), other.digest());
    }

    #[test]
    fn every_column_is_hashed() {
        check_differs(Columns { run: b"s", ..EVENT });
        check_differs(Columns { seq: 2, ..EVENT });
        check_differs(Columns {
            at: b"1970-01-01T00:00:01Z",
            ..EVENT
        });
        check_differs(Columns {
            step: Some(b""),
            ..EVENT
        });
        check_differs(Columns {
            kind: b"l",
            ..EVENT
        });
        check_differs(Columns {
            payload: b"{ }",
            ..EVENT
        });
        check_differs(Columns {
            prev: &[1; 32],
            ..EVENT
        });
    }

    #[test]
    fn bytes_cannot_move_from_one_column_to_the_next() {
        check_differs(Columns {
            kind: b"k{",
            payload: b"}",
            ..EVENT
        });
        let with_step = Columns {
            step: Some(b"k"),
            ..EVENT
        };
        assert_ne!(
            with_step.digest(),
            Columns {
                kind: b"kk",
                ..EVENT
            }
            .digest()
        );
    }

    #[test]
    fn steps_are_stored_under_their_words() {
        for step in [
            Step::Deploy,
            Step::Ready,
            Step::Select,
            Step::Execute,
            Step::Observe,
            Step::Why,
            Step::Remedy,
            Step::Reproduce,
            Step::Audit,
            Step::Stability,
            Step::Publish,
        ] {
            assert_eq!(step_named(step.word()), Ok(step));
        }
        assert!(step_named("dance").is_err());
    }
}
