//! A Redis probe: connect, authenticate, and run one command that reads.

mod command;
mod reply;

use std::pin::pin;
use std::time::Duration;

use assay_model::{Health, ProbeTarget, QueryProbe};
use futures_util::future::{Either, select};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError, Value};

use crate::address;
use crate::connect::Security;
use crate::failure::Failure;
use crate::store::{Login, Talk};
use crate::tls::Trust;

/// Schemes and their usual port.
const PORTS: [(&str, u16); 2] = [("redis", 6379), ("rediss", 6379)];

/// Asks once.
pub(crate) async fn once(
    target: &ProbeTarget,
    spec: &QueryProbe,
    trust: &Trust,
) -> (Health, Vec<u8>) {
    let mut talk = Talk::new("redis", "Redis");
    let limit = Duration::from_millis(target.probe.timeout_ms);
    let outcome = tokio::time::timeout(limit, ask(&mut talk, target, spec, trust)).await;
    talk.conclude(target, spec.answer.as_deref(), outcome)
}

async fn ask(
    talk: &mut Talk,
    target: &ProbeTarget,
    spec: &QueryProbe,
    trust: &Trust,
) -> Result<(), Failure> {
    let login = Login::parse(&target.url, &PORTS)?;
    let host = talk.aim(&login.url)?.host;
    let words = command::read_only(&spec.query)?;
    let database = database(&login)?;
    let security = match login.url.scheme() {
        "redis" => None,
        "rediss" => Some(Security::new(trust, &target.probe.tls, &host, &[])?),
        _ => {
            return Err(address::unusable(
                "the URL of Redis starts with redis:// or rediss://",
            ));
        }
    };
    let wire = talk.dial(&login.url, security).await?;
    // The deadline of the probe is the only one. Who asks is said below, command by command, so
    // that each answer is known for what it answers.
    let settings = AsyncConnectionConfig::new().set_response_timeout(None);
    let info = RedisConnectionInfo::default().set_skip_set_lib_name();
    let (client, driver) = MultiplexedConnection::new_with_config(&info, wire, settings)
        .await
        .map_err(|error| explain(talk, &error))?;
    let session = Session { client, talk };
    let driver = pin!(driver);
    let asking = pin!(session.converse(&login, database, &words, spec.answer.as_deref()));
    match select(asking, driver).await {
        Either::Left((outcome, _)) => outcome,
        // Whoever asked is told that there is nobody to answer any more.
        Either::Right(((), asking)) => asking.await,
    }
}

struct Session<'a> {
    client: MultiplexedConnection,
    talk: &'a mut Talk,
}

impl Session<'_> {
    async fn converse(
        mut self,
        login: &Login,
        database: u32,
        words: &[&str],
        expected: Option<&str>,
    ) -> Result<(), Failure> {
        self.authenticate(login).await?;
        if database != 0 {
            self.talk.reached("authenticated", "no answer to SELECT");
            self.talk.sent(&format!("SELECT {database}"));
            let answer = self.ask(&["SELECT", &database.to_string()]).await;
            answer.map_err(|error| explain(self.talk, &error))?;
        }
        self.talk.reached("logged in", "no answer to the command");
        self.talk.sent(&words.join(" "));
        let answer = self.ask(words).await;
        let answer = answer.map_err(|error| explain(self.talk, &error))?;
        self.talk.replied(reply::text(&answer, expected));
        if words
            .first()
            .is_some_and(|word| word.eq_ignore_ascii_case("PING"))
        {
            self.describe().await;
        }
        Ok(())
    }

    async fn authenticate(&mut self, login: &Login) -> Result<(), Failure> {
        let Some(password) = &login.password else {
            return Ok(());
        };
        self.talk.reached("asked", "no answer to the login");
        self.talk.sent("AUTH (user and password of the URL)");
        let user = login.user.as_deref();
        let mut answer = match user {
            Some(user) => self.ask(&["AUTH", user, password]).await,
            None => self.ask(&["AUTH", password]).await,
        };
        // Servers before version 6 know no users but this one, and no way to name it.
        if let (Some("default"), Err(error)) = (user, &answer)
            && reply::is_wrong_count(error.code(), error.detail())
        {
            answer = self.ask(&["AUTH", password]).await;
        }
        match answer {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.code() {
                Some(code) => note(
                    self.talk,
                    reply::refused_login(code, error.detail().unwrap_or_default()),
                ),
                None => explain(self.talk, &error),
            }),
        }
    }

    /// Version and role, where we may ask.
    async fn describe(&mut self) {
        let Ok(answer) = self.ask(&["INFO"]).await else {
            return;
        };
        let info = reply::text(&answer, None).unwrap_or_default();
        let about = reply::About::read(&info);
        self.talk.describe(about.describe());
        if about.is_cut_off {
            self.talk.worry("a replica cut off from its master");
        }
    }

    async fn ask(&mut self, words: &[&str]) -> Result<Value, RedisError> {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.query_async(&mut self.client).await
    }
}

/// The number in the path, or `?db=`.
fn database(login: &Login) -> Result<u32, Failure> {
    let named = login.database.clone().or_else(|| login.parameter("db"));
    match named.as_deref() {
        None => Ok(0),
        Some(number) => number
            .parse()
            .map_err(|_| address::unusable("the path of a URL of Redis is a database's number")),
    }
}

fn explain(talk: &mut Talk, error: &RedisError) -> Failure {
    let failure = match error.code() {
        Some(code) => reply::refused(code, error.detail().unwrap_or_default()),
        None => talk.broken(error, is_ours),
    };
    note(talk, failure)
}

fn note(talk: &mut Talk, failure: Failure) -> Failure {
    talk.came(&failure.1);
    failure
}

/// The first byte of an answer: a type of the protocol, version 2 or 3.
fn is_ours(first: u8) -> bool {
    b"+-:$*_#,(!=%~>|".contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<u32, &str>) {
        let login = Login::parse(url, &PORTS)
            .map_err(|(_, detail)| detail)
            .unwrap();
        match (database(&login), expected) {
            (Ok(number), Ok(expected)) => assert_eq!(number, expected, "{url}"),
            (Err((_, detail)), Err(part)) => assert!(detail.contains(part), "{url}: {detail}"),
            (got, expected) => panic!("{url}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn databases_have_numbers() {
        check("redis://h", Ok(0));
        check("redis://h/", Ok(0));
        check("redis://h/3", Ok(3));
        check("redis://h?db=4", Ok(4));
        check("redis://h/-1", Err("database's number"));
        check("redis://h/shop", Err("database's number"));
    }
}
