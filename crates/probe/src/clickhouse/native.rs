//! ClickHouse's native protocol: greet, ask, read until there is a first row.

use std::io;

use assay_model::Status;
use tokio::io::{AsyncWriteExt, BufReader};

use super::asked::{Asked, describe};
use super::exception::Exception;
use super::packet::{self, First, Packet, Packets};
use crate::address::Address;
use crate::connect::Security;
use crate::failure::Failure;
use crate::store::{Talk, Wire};

/// Packets up to the first row or the end. Progress comes ten times a second, and a probe has a
/// deadline of seconds.
const PACKETS_MAX: usize = 10_000;

/// Why there was no answer.
enum Problem {
    Failure(Failure),
    Exception(Exception),
}

pub(super) async fn ask(talk: &mut Talk, asked: &Asked<'_>) -> Result<(), Failure> {
    match attempt(talk, asked, true).await {
        // A user that may only read already may not say so again.
        Err(Problem::Exception(exception)) if exception.is_about_settings() => {
            talk.came("a user that may change no settings; asking again without any");
            attempt(talk, asked, false).await
        }
        outcome => outcome,
    }
    .map_err(|problem| {
        let failure = match problem {
            Problem::Failure(failure) => failure,
            Problem::Exception(exception) => exception.failure(),
        };
        talk.came(&failure.1);
        failure
    })
}

async fn attempt(talk: &mut Talk, asked: &Asked<'_>, is_guarded: bool) -> Result<(), Problem> {
    let login = &asked.login;
    let is_secure = login.url.scheme() == "clickhouses"
        || login
            .parameter("secure")
            .is_some_and(|word| matches!(&*word, "1" | "true"));
    let security = if is_secure {
        let host = Address::of(&login.url).map_err(Problem::Failure)?.host;
        let security = Security::new(asked.trust, asked.tls, &host, &[]);
        Some(security.map_err(Problem::Failure)?)
    } else {
        None
    };
    let wire = talk
        .dial(&login.url, security)
        .await
        .map_err(Problem::Failure)?;
    let database = login
        .database
        .clone()
        .or_else(|| login.parameter("database"));
    let database = database.unwrap_or_default();
    talk.reached("asked", "no answer to the login");
    let (name, user) = (
        if database.is_empty() {
            "default"
        } else {
            &database
        },
        asked.user(),
    );
    talk.sent(&format!("hello user={user} database={name}"));
    let mut stream = Stream::new(wire);
    let hello = packet::hello(&database, user, asked.password());
    let version = match stream.exchange(talk, &hello).await? {
        Packet::Hello { version } => version,
        Packet::Exception(exception) => return Err(Problem::Exception(exception)),
        _ => return Err(out_of_order()),
    };
    talk.came(&format!("hello, {}", describe(&version)));
    talk.reached("logged in", "no answer to the query");
    let guard = if is_guarded { " [readonly=2]" } else { "" };
    talk.sent(&format!("{}{guard}", asked.query));
    let mut packet = stream
        .exchange(talk, &packet::query(asked.query, is_guarded))
        .await?;
    for _ in 0..PACKETS_MAX {
        let answer = match packet {
            Packet::Data(Some(First::Text(text))) => Some(text),
            Packet::Data(Some(First::Other(kind))) => Some(format!("a value of type {kind}")),
            Packet::EndOfStream => None,
            Packet::Exception(exception) => return Err(Problem::Exception(exception)),
            Packet::Data(None) | Packet::Chatter => {
                packet = stream.next(talk).await?;
                continue;
            }
            Packet::Hello { .. } => return Err(out_of_order()),
        };
        talk.replied(answer);
        talk.describe(describe(&version));
        return Ok(());
    }
    Err(Problem::Failure((
        Status::Unavailable,
        format!("no row among {PACKETS_MAX} packets"),
    )))
}

fn out_of_order() -> Problem {
    let detail = "the server sent a packet out of order".to_owned();
    Problem::Failure((Status::Unavailable, detail))
}

/// A connection that is asked one thing at a time.
struct Stream {
    packets: Packets<BufReader<Wire>>,
}

impl Stream {
    fn new(wire: Wire) -> Self {
        Self {
            packets: Packets::new(BufReader::new(wire)),
        }
    }

    async fn exchange(&mut self, talk: &Talk, bytes: &[u8]) -> Result<Packet, Problem> {
        let stream = self.packets.stream();
        let sent = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        sent.await.map_err(|error| broken(talk, &error))?;
        self.next(talk).await
    }

    async fn next(&mut self, talk: &Talk) -> Result<Packet, Problem> {
        self.packets
            .next()
            .await
            .map_err(|error| broken(talk, &error))
    }
}

fn broken(talk: &Talk, error: &io::Error) -> Problem {
    Problem::Failure(talk.broken(error, is_ours))
}

/// The first byte of an answer: a greeting or an error.
fn is_ours(first: u8) -> bool {
    matches!(first, 0 | 2)
}
