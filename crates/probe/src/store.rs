//! What the probes of stores have in common: a conversation, and what came of it.

mod login;
mod wire;

use std::error::Error;
use std::io;

use assay_model::{Health, ProbeTarget, Status};
use tokio::time::error::Elapsed;
use url::Url;

use crate::address::Address;
use crate::connect::{self, Security, Start};
use crate::failure::{self, Failure};
use crate::timeline::{Timeline, judge_pace};
use crate::tls::Seen;

pub(crate) use login::Login;
pub(crate) use wire::{Heard, Wire};

/// Characters of one line of the transcript: enough for a query and for an error of a server.
const LINE_CHARS_MAX: usize = 200;

/// Characters of an answer in the line for a person.
const ANSWER_CHARS_MAX: usize = 60;

/// One conversation with a store.
pub(crate) struct Talk {
    kind: &'static str,
    /// As people call the store.
    name: &'static str,
    target: String,
    timeline: Timeline,
    lines: Vec<String>,
    seen: Option<Seen>,
    heard: Option<(Heard, Start)>,
    reply: Option<Reply>,
    about: Option<String>,
    concern: Option<String>,
    unverified_by: Option<&'static str>,
    http_status: Option<u16>,
}

/// What the query was answered with, and when.
struct Reply {
    answer: Option<String>,
    took_ms: u64,
}

impl Talk {
    /// Starts the clock.
    pub(crate) fn new(kind: &'static str, name: &'static str) -> Self {
        Self {
            kind,
            name,
            target: format!("{kind}://?"),
            timeline: Timeline::start("no address"),
            lines: Vec::new(),
            seen: None,
            heard: None,
            reply: None,
            about: None,
            concern: None,
            unverified_by: None,
            http_status: None,
        }
    }

    /// Connects to where `url` leads, with TLS from the first byte where `security` is given.
    pub(crate) async fn dial(
        &mut self,
        url: &Url,
        security: Option<(Security, Seen)>,
    ) -> Result<Wire, Failure> {
        let address = self.aim(url)?;
        self.connecting();
        let (security, seen) = security.unzip();
        if seen.is_some() {
            self.seen = seen;
        }
        let stream = connect::dial(&address, security.as_ref(), &mut self.timeline).await?;
        let start = stream.start();
        let wire = Wire::new(stream);
        self.heard = Some((wire.heard(), start));
        Ok(wire)
    }

    /// Says where `url` leads, without who asks.
    pub(crate) fn aim(&mut self, url: &Url) -> Result<Address, Failure> {
        let address = Address::of(url)?;
        self.target = format!("{}://{address}{}", url.scheme(), url.path());
        Ok(address)
    }

    /// Notes that a connection is asked for.
    pub(crate) fn connecting(&mut self) {
        self.lines.push(format!("CONNECT {}", self.target));
    }

    /// For whoever connects by other means.
    pub(crate) fn timeline(&mut self) -> &mut Timeline {
        &mut self.timeline
    }

    /// Where the certificate of a connection will be seen that is secured later.
    pub(crate) fn will_see(&mut self, seen: Seen) {
        self.seen = Some(seen);
    }

    /// Sets a mark, and says what is waited for from here on.
    pub(crate) fn reached(&mut self, mark: &'static str, missing: &'static str) {
        self.timeline.reached(mark, missing);
    }

    /// Notes what was asked. Never a password.
    pub(crate) fn sent(&mut self, line: &str) {
        self.lines
            .push(format!("> {}", one_line(line, LINE_CHARS_MAX)));
    }

    /// Notes what came.
    pub(crate) fn came(&mut self, line: &str) {
        self.lines
            .push(format!("< {}", one_line(line, LINE_CHARS_MAX)));
    }

    /// The query was answered, without any row where `answer` is `None`. What happens after is
    /// only asked to describe the server.
    pub(crate) fn replied(&mut self, answer: Option<String>) {
        self.came(answer.as_deref().unwrap_or("(no rows)"));
        self.timeline.reached("query answered", "no end");
        self.reply = Some(Reply {
            answer,
            took_ms: self.timeline.elapsed_ms(),
        });
    }

    /// What the server says of itself, in a few words.
    pub(crate) fn describe(&mut self, about: String) {
        self.came(&about);
        self.about = Some(about);
    }

    /// It serves, but not as it should.
    pub(crate) fn worry(&mut self, concern: &str) {
        self.concern = Some(concern.to_owned());
    }

    /// Should there be a certificate, it is not looked at, because of a setting in the URL.
    pub(crate) fn unverified(&mut self, setting: &'static str) {
        self.unverified_by = Some(setting);
    }

    /// The status of an HTTP answer.
    pub(crate) fn answered_with(&mut self, http_status: u16) {
        self.http_status = Some(http_status);
    }

    /// Why an exchange broke: by what came, where that is not what such a store begins with
    /// (`is_ours` of its first byte), and by the error otherwise.
    pub(crate) fn broken(
        &self,
        error: &(dyn Error + 'static),
        is_ours: impl Fn(u8) -> bool,
    ) -> Failure {
        let foreign = format!("the answer is not {}'s", self.name);
        match &self.heard {
            Some((heard, start)) => match heard.first() {
                Some(first) if !is_ours(first) => start.explain(&foreign),
                None if is_end(error) => (
                    Status::Unreachable,
                    "connection closed without an answer".to_owned(),
                ),
                Some(_) if is_nonsense(error) => start.explain(&foreign),
                _ => failure::classify(error),
            },
            None => failure::classify(error),
        }
    }

    /// The judgement, and the transcript.
    pub(crate) fn conclude(
        mut self,
        target: &ProbeTarget,
        expected: Option<&str>,
        outcome: Result<Result<(), Failure>, Elapsed>,
    ) -> (Health, Vec<u8>) {
        let probe = &target.probe;
        let (latency_ms, (mut status, mut detail)) = match (self.reply.take(), outcome) {
            (Some(reply), _) => (reply.took_ms, judge(&reply, expected, probe.degraded_ms)),
            (None, Ok(Err(failure))) => (self.timeline.elapsed_ms(), failure),
            (None, Ok(Ok(()))) => (
                self.timeline.elapsed_ms(),
                (Status::Unavailable, "no answer to the query".to_owned()),
            ),
            (None, Err(_)) => (
                self.timeline.elapsed_ms(),
                self.timeline.timed_out(probe.timeout_ms),
            ),
        };
        if let Some(about) = &self.about {
            detail.push_str(&format!(" ({about})"));
        }
        if let Some(concern) = self.concern.take().filter(|_| status.serves()) {
            status = Status::Degraded;
            detail.push_str(&format!("; {concern}"));
        }
        let certificate = self.seen.and_then(|seen| seen.certificate());
        if let (Some(setting), Some(_)) = (self.unverified_by, &certificate) {
            detail.push_str(&format!(
                "; certificate not verified, as {setting} does not ask for it"
            ));
        }
        if self.lines.is_empty() {
            self.lines.push(self.target.clone());
        }
        self.lines.push(format!("[{}: {detail}]", status.word()));
        let mut exchange = self.lines.join("\n");
        exchange.push('\n');
        exchange.push_str(&self.timeline.render());
        let mut health = Health::new(target.service.clone(), self.kind, self.target, status);
        health.latency_ms = latency_ms;
        health.detail = detail;
        health.http_status = self.http_status;
        health.certificate = certificate;
        (health, exchange.into_bytes())
    }
}

fn judge(reply: &Reply, expected: Option<&str>, degraded_ms: u64) -> Failure {
    let shown = |text: &str| format!("`{}`", one_line(text, ANSWER_CHARS_MAX));
    let got = match &reply.answer {
        Some(answer) => shown(answer),
        None => "no rows".to_owned(),
    };
    match expected {
        Some(expected) if reply.answer.as_deref() != Some(expected) => (
            Status::Unavailable,
            format!("expected {}, got {got}", shown(expected)),
        ),
        _ => judge_pace(&format!("answered {got}"), reply.took_ms, degraded_ms),
    }
}

/// `text` in one line of at most `chars_max` characters.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The first line that says something, as far as it fits.
pub(crate) fn first_line(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty());
    one_line(line.unwrap_or_default(), LINE_CHARS_MAX)
}

/// The error of the connection itself, however deep it lies.
fn of_io<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut looked = Some(error);
    while let Some(error) = looked {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        looked = error.source();
    }
    None
}

/// The other side ended the connection. Clients have words of their own for one that ended
/// between two messages.
fn is_end(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, UnexpectedEof};
    of_io(error).is_none_or(|error| {
        matches!(
            error.kind(),
            BrokenPipe | ConnectionReset | NotConnected | UnexpectedEof
        )
    })
}

/// What came could not be read. Where TLS has a word to say of it, that one is better.
fn is_nonsense(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput};
    of_io(error).is_some_and(|error| {
        let is_tls = error
            .get_ref()
            .is_some_and(|inner| inner.is::<rustls::Error>());
        !is_tls && matches!(error.kind(), InvalidData | InvalidInput)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: Option<&str>, took_ms: u64, expected: Option<&str>, wanted: (Status, &str)) {
        let answer = answer.map(str::to_owned);
        let (status, detail) = judge(&Reply { answer, took_ms }, expected, 100);
        assert_eq!((status, &*detail), wanted);
    }

    #[test]
    fn answers_are_compared() {
        use Status::{Degraded, Healthy, Unavailable};
        let slow = "answered `1` in 101 ms, slower than 100 ms";
        check(Some("1"), 5, None, (Healthy, "answered `1` in 5 ms"));
        check(Some("1"), 5, Some("1"), (Healthy, "answered `1` in 5 ms"));
        check(Some("1"), 101, Some("1"), (Degraded, slow));
        check(
            Some("2"),
            101,
            Some("1"),
            (Unavailable, "expected `1`, got `2`"),
        );
        check(None, 5, None, (Healthy, "answered no rows in 5 ms"));
        check(None, 5, Some(""), (Unavailable, "expected ``, got no rows"));
        check(Some(""), 5, Some(""), (Healthy, "answered `` in 5 ms"));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(one_line("é\né", 3), "é é");
        assert_eq!(one_line("éééé", 3), "ééé…");
        assert_eq!(first_line("\n a b\nc"), "a b");
    }
}
