//! A PostgreSQL probe: connect, authenticate, and run a query in a transaction that cannot write.

mod meaning;
mod secure;
mod settings;

use std::pin::pin;
use std::time::Duration;

use assay_model::{Health, ProbeTarget, QueryProbe, Status};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use tokio_postgres::{Client, Connection, Error, SimpleQueryMessage};

use self::meaning::Meant;
use self::secure::{Secure, Secured};
use self::settings::{Guard, Settings};
use crate::address;
use crate::failure::{self, Failure};
use crate::store::{Talk, Wire};
use crate::tls::{self, Trust};

/// What is waited for while a server has not let us in.
const NO_LOGIN: &str = "no answer to the login";

/// How long the server may take to notice that we leave. Without a goodbye it logs a broken
/// connection for every probe.
const GOODBYE: Duration = Duration::from_millis(250);

/// Asks once.
pub(crate) async fn once(
    target: &ProbeTarget,
    spec: &QueryProbe,
    trust: &Trust,
) -> (Health, Vec<u8>) {
    let mut talk = Talk::new("postgres", "PostgreSQL");
    let limit = Duration::from_millis(target.probe.timeout_ms);
    let asking = ask(&mut talk, target, &spec.query, trust);
    let outcome = tokio::time::timeout(limit, asking).await;
    talk.conclude(target, spec.answer.as_deref(), outcome)
}

async fn ask(
    talk: &mut Talk,
    target: &ProbeTarget,
    query: &str,
    trust: &Trust,
) -> Result<(), Failure> {
    if query.trim_end().trim_end_matches(';').contains(';') {
        // A second statement could end the read-only transaction before it writes.
        return Err(address::unusable("the query is more than one statement"));
    }
    let settings = Settings::parse(&target.url, &target.probe)?;
    let (client, connection, guard) = match open(talk, &settings, Guard::Startup, trust).await? {
        Ok((client, connection)) => (client, connection, Guard::Startup),
        Err(error) if meaning::is_about_options(&error) => {
            talk.came("startup options refused; connecting again without them");
            match open(talk, &settings, Guard::Transaction, trust).await? {
                Ok((client, connection)) => (client, connection, Guard::Transaction),
                Err(error) => return Err(explain(talk, &settings, &error)),
            }
        }
        Err(error) => return Err(explain(talk, &settings, &error)),
    };
    let mut connection = pin!(connection);
    let version = connection.parameter("server_version").map(str::to_owned);
    let is_standby = connection
        .parameter("in_hot_standby")
        .map(|word| word == "on");
    talk.reached("logged in", "no answer to the query");
    talk.came(&format!(
        "logged in; server_version {}",
        version.as_deref().unwrap_or("unknown")
    ));
    let (result, is_open) = {
        let known = (version, is_standby);
        let talking = pin!(converse(talk, &client, &settings, guard, query, known));
        match select(talking, &mut connection).await {
            Either::Left((result, _)) => (result, true),
            // What the server said last is still on its way to the one who asked.
            Either::Right((ended, talking)) => match talking.await {
                Err(error) if error.is_closed() => (Err(ended.err().unwrap_or(error)), false),
                result => (result, false),
            },
        }
    };
    drop(client);
    let outcome = result.map_err(|error| explain(talk, &settings, &error));
    if is_open {
        // How the server takes it changes nothing any more.
        let _left = tokio::time::timeout(GOODBYE, connection).await;
    }
    outcome
}

type Opened = (Client, Connection<Wire, Secured>);

async fn open(
    talk: &mut Talk,
    settings: &Settings,
    guard: Guard,
    trust: &Trust,
) -> Result<Result<Opened, Error>, Failure> {
    let (config, seen) = trust.client(&settings.tls, &[])?;
    let name = tls::server_name(&settings.tls, &settings.host)?;
    let wire = talk.dial(&settings.url, None).await?;
    talk.will_see(seen);
    talk.reached("asked", NO_LOGIN);
    talk.sent(&settings.describe(guard));
    let asked = settings.config(guard);
    Ok(asked.connect_raw(wire, Secure::new(config, name)).await)
}

async fn converse(
    talk: &mut Talk,
    client: &Client,
    settings: &Settings,
    guard: Guard,
    query: &str,
    (version, is_standby): (Option<String>, Option<bool>),
) -> Result<(), Error> {
    client.batch_execute(&settings.begin(guard)).await?;
    talk.sent(query);
    let answer = first(client, query).await?;
    talk.replied(answer);
    let is_standby = match is_standby {
        Some(is_standby) => Some(is_standby),
        // Servers before version 14 do not say; not every relative of PostgreSQL knows the word.
        None => {
            let answer = first(client, "select pg_is_in_recovery()").await;
            answer.ok().flatten().map(|word| word == "t")
        }
    };
    talk.describe(describe(version.as_deref(), is_standby));
    if settings.is_unverified {
        talk.unverified("sslmode");
    }
    let _rolled_back = client.batch_execute("rollback").await;
    Ok(())
}

/// The first column of the first row, of whichever statement has one.
async fn first(client: &Client, query: &str) -> Result<Option<String>, Error> {
    let mut messages = pin!(client.simple_query_raw(query).await?);
    let mut answer = None;
    while let Some(message) = messages.next().await {
        if let SimpleQueryMessage::Row(row) = message?
            && answer.is_none()
        {
            let value = row.try_get(0).ok().flatten();
            answer = Some(value.unwrap_or("NULL").to_owned());
        }
    }
    Ok(answer)
}

fn describe(version: Option<&str>, is_standby: Option<bool>) -> String {
    let version = version.and_then(|version| version.split_whitespace().next());
    let role = match is_standby {
        Some(true) => ", standby",
        Some(false) => ", primary",
        None => "",
    };
    format!(
        "PostgreSQL {}{role}",
        version.unwrap_or("of unknown version")
    )
}

fn explain(talk: &mut Talk, settings: &Settings, error: &Error) -> Failure {
    let failure = match meaning::of(error) {
        Meant::Failure(failure) => failure,
        Meant::Cancelled => failure::timed_out("no answer to the query", settings.timeout_ms),
        Meant::NoTls => (
            Status::TlsFailed,
            format!(
                "the server offers no TLS, and sslmode={} asks for it",
                settings.mode
            ),
        ),
        Meant::Broken => talk.broken(error, is_ours),
    };
    talk.came(&failure.1);
    failure
}

/// The first byte of an answer: to the request for TLS, to the login, or an error.
fn is_ours(first: u8) -> bool {
    matches!(first, b'S' | b'N' | b'R' | b'E' | b'v')
}
