//! How fast the journal appends and replays, beside plain SQLite.
//!
//! All three write the same payloads into a table of the same shape, in WAL mode with a full sync
//! of every commit, on the same disk.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use assay_journal::{Journal, Redactor};
use assay_model::{Attempt, Body, Exchange, Facts, Outcome, Purpose, RunId, Step, Timestamp};
use rusqlite::{Connection, params};

use crate::measure::folder;
use crate::table::{Measured, Table};

/// Tasks that append at once, each waiting for its own event to be durable.
const APPENDERS: u64 = 64;

/// Events that are appended in group commit, and in batches.
const EVENTS: u64 = 60_000;

/// Events that are appended with a commit each; enough for a rate, since every one costs a sync.
const EVENTS_ALONE: u64 = 2_000;

/// Events that are replayed.
const EVENTS_REPLAYED: u64 = 100_000;

/// Events in one request while the run that is replayed is written.
const EVENTS_REQUESTED: u64 = 1_000;

/// The middle one of so many rounds counts.
const ROUNDS: usize = 3;

/// Events a second that are required.
const RATE_MIN: f64 = 20_000.0;

/// Time in which the replay is required to end.
const REPLAY_MAX: Duration = Duration::from_secs(1);

const SCHEMA: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE event (run TEXT, seq INTEGER, at TEXT, step TEXT, kind TEXT, payload TEXT,
        PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID";

pub(crate) fn run() -> Measured {
    let grouped = middle(|| timed(EVENTS, append_in_groups))?;
    let batched = middle(|| timed(EVENTS, |dir| append_plainly(dir, EVENTS, APPENDERS)))?;
    let alone = middle(|| timed(EVENTS_ALONE, |dir| append_plainly(dir, EVENTS_ALONE, 1)))?;
    let (replay, fold) = replay()?;

    let mut table = Table::default();
    table.require(
        &format!("journal, {APPENDERS} appenders, group commit"),
        rate(grouped),
        &format!("at least {RATE_MIN} events/s"),
        grouped >= RATE_MIN,
    );
    table.note(
        "plain SQLite, one commit per event",
        rate(alone),
        format!("the journal is {:.1} times as fast", grouped / alone),
    );
    table.note(
        &format!("plain SQLite, {APPENDERS} events per commit"),
        rate(batched),
        format!(
            "the journal reaches {:.0} % of it",
            100.0 * grouped / batched
        ),
    );
    table.require(
        &format!("replay of {EVENTS_REPLAYED} events"),
        format!("{} ms", replay.as_millis()),
        &format!("less than {} ms", REPLAY_MAX.as_millis()),
        replay < REPLAY_MAX,
    );
    table.note(
        "  of which folded into facts",
        format!("{} ms", fold.as_millis()),
        "the rest reads, checks the chain and parses".to_owned(),
    );
    Ok(table)
}

fn rate(events_per_s: f64) -> String {
    format!("{events_per_s:.0} events/s")
}

/// The middle one of several rounds.
fn middle<T: PartialOrd>(
    mut round: impl FnMut() -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let mut figures = (0..ROUNDS)
        .map(|_| round())
        .collect::<Result<Vec<T>, _>>()?;
    figures.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    Ok(figures.swap_remove(ROUNDS / 2))
}

/// Events a second.
fn timed(
    events: u64,
    append: impl FnOnce(&Path) -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let dir = folder()?;
    let start = Instant::now();
    append(dir.path())?;
    Ok(events as f64 / start.elapsed().as_secs_f64())
}

/// An event of the most frequent kind, with the requests that a test typically makes.
fn event(n: u64) -> Body {
    let exchange = |path: &str, status| Exchange {
        service: "backend".into(),
        method: "GET".to_owned(),
        path: path.to_owned(),
        status,
        duration_ms: n % 90,
        revision: Some("3f9a11c0de42".to_owned()),
    };
    Body::AttemptFinished {
        attempt: Attempt {
            test: format!("e2e/chat::run_{:03}_emits_five_events_in_order", n % 500).into(),
            purpose: Purpose::First,
            outcome: Outcome::Passed,
            duration_ms: n % 1000,
            assertions: Some(7),
            exchanges: vec![exchange("/api/me", 200), exchange("/api/chat", 503)],
            connects: None,
            message: None,
            refused: false,
            control: None,
            output: None,
        },
    }
}

fn append_in_groups(dir: &Path) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let journal = Journal::open(dir, Redactor::new(&[]))?;
    let writer = journal.begin(&RunId::new("bench"))?;
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..APPENDERS {
            let writer = writer.clone();
            tasks.spawn(async move {
                for n in (task..EVENTS).step_by(APPENDERS as usize) {
                    let at = Timestamp::UNIX_EPOCH;
                    writer
                        .append(at, Some(Step::Execute), vec![event(n)])
                        .await?;
                }
                Ok::<(), assay_journal::AppendError>(())
            });
        }
        tasks
            .join_all()
            .await
            .into_iter()
            .collect::<Result<(), _>>()
    })?;
    Ok(())
}

/// The same payloads without a chain, in one thread, so many to a commit.
fn append_plainly(dir: &Path, events: u64, per_commit: u64) -> Result<(), Box<dyn Error>> {
    let mut database = Connection::open(dir.join("plain.db"))?;
    database.execute_batch(SCHEMA)?;
    let at = Timestamp::UNIX_EPOCH.to_string();
    for first in (0..events).step_by(per_commit as usize) {
        let transaction = database.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            for n in first..(first + per_commit).min(events) {
                let body = event(n);
                let payload = serde_json::to_string(&body)?;
                insert.execute(params![
                    "bench",
                    n as i64,
                    at,
                    "execute",
                    body.kind(),
                    payload
                ])?;
            }
        }
        transaction.commit()?;
    }
    Ok(())
}

/// The time from opening the journal to the facts of a long run, and the part of it that folds.
fn replay() -> Result<(Duration, Duration), Box<dyn Error>> {
    let dir = folder()?;
    let run = RunId::new("bench");
    write(dir.path(), &run)?;
    middle(|| {
        let start = Instant::now();
        let events = Journal::open_existing(dir.path())?.events(&run)?;
        let read = start.elapsed();
        let facts = Facts::fold(&events);
        let whole = start.elapsed();
        if events.len() as u64 != EVENTS_REPLAYED || facts.attempts.len() != 500 {
            return Err("the replay lost events".into());
        }
        Ok((whole, whole - read))
    })
}

fn write(dir: &Path, run: &RunId) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let writer = Journal::open(dir, Redactor::new(&[]))?.begin(run)?;
    for first in (0..EVENTS_REPLAYED).step_by(EVENTS_REQUESTED as usize) {
        let bodies = (first..first + EVENTS_REQUESTED).map(event).collect();
        runtime.block_on(writer.append(Timestamp::UNIX_EPOCH, Some(Step::Execute), bodies))?;
    }
    Ok(())
}
