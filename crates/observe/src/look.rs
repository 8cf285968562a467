//! One look: what is asked of an adapter, how long it has, and what it gives back.

use std::error::Error;
use std::io;
use std::time::Duration;

use assay_model::{
    Blind, Detail, InstanceObservation, InstanceState, RevisionId, Sighting, Timestamp, Window,
};
use assay_world::clock::Stopwatch;
use tokio::sync::oneshot;

/// What an adapter has for one look, in ms: a person waits for `ready`, and a runtime that needs
/// longer to say how it is has trouble of its own.
pub(crate) const DEADLINE_MS: u64 = 5_000;

/// What the programs and requests of one look have together, in ms: so much less than the
/// deadline that an adapter can still say which of them hung, and give what the others found.
const CALLS_MS: u64 = 4_500;

/// Instances of one service that are looked at, the latest ones; earlier ones were replaced long
/// before.
pub(crate) const INSTANCES_MAX: usize = 16;

/// Events of one instance that are kept, the latest ones: a crash loop repeats itself.
pub(crate) const EVENTS_MAX: usize = 200;

/// What is asked of an adapter.
pub(crate) struct Look {
    /// From when to when.
    pub(crate) window: Window,
    detail: Detail,
    watch: Stopwatch,
}

impl Look {
    /// A look that begins now.
    pub(crate) fn begin(window: &Window, detail: Detail) -> Self {
        Self {
            window: window.clone(),
            detail,
            watch: Stopwatch::start(),
        }
    }

    /// What is left for calls to others.
    pub(crate) fn left(&self) -> Duration {
        Duration::from_millis(CALLS_MS).saturating_sub(self.watch.elapsed())
    }

    /// Logs and events are asked for.
    pub(crate) fn wants_everything(&self) -> bool {
        self.detail == Detail::Everything
    }

    /// `at` belongs to the window.
    pub(crate) fn holds(&self, at: Timestamp) -> bool {
        holds(&self.window, at)
    }
}

/// `at` belongs to `window`.
pub(crate) fn holds(window: &Window, at: Timestamp) -> bool {
    window.from <= at && at <= window.to
}

/// What an adapter saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The revision that gets the traffic, where it knows.
    pub(crate) serving: Option<RevisionId>,
    /// In the order of their first start.
    pub(crate) instances: Vec<Sighting>,
    /// Parts that it could not look at.
    pub(crate) blind: Vec<Blind>,
}

/// Why an adapter could not look, with the way out.
pub(crate) trait CannotSee: Error {
    /// The way out, where one is known.
    fn hint(&self) -> Option<String>;
}

/// The error and its causes in one line.
pub(crate) fn blind(observer: &str, error: &(impl CannotSee + 'static)) -> Blind {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        reason.push_str(": ");
        reason.push_str(&error.to_string());
        source = error.source();
    }
    Blind {
        observer: observer.to_owned(),
        reason: one_line(&reason),
        hint: error.hint(),
    }
}

/// Of a text that is shown in one line.
const LINE_CHARS_MAX: usize = 400;

/// `text` without line breaks, and not longer than a person reads.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let joined = words.join(" ");
    match joined.char_indices().nth(LINE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &joined[..end]),
        None => joined,
    }
}

/// The revision of an image by its digest: as many digits as assay's own revisions have.
pub(crate) fn revision_of_image(image: &str) -> RevisionId {
    const DIGITS: usize = 12;
    let digest = image.rsplit_once("sha256:").map_or(image, |(_, hex)| hex);
    if digest.is_empty() {
        return unknown_revision();
    }
    RevisionId::new(digest.chars().take(DIGITS).collect::<String>())
}

/// For observers that see no revision: none, which is not the name of one.
pub(crate) fn unknown_revision() -> RevisionId {
    RevisionId::from("")
}

/// An instance of which only a log can be seen.
pub(crate) fn log_only(observer: &str, id: &str) -> InstanceObservation {
    InstanceObservation {
        id: id.to_owned(),
        observer: observer.to_owned(),
        revision: unknown_revision(),
        state: InstanceState::Unknown,
        starts: 0,
        exits: Vec::new(),
        log: None,
        exits_evidence: None,
        events: Vec::new(),
    }
}

/// Runs what may block on a thread of its own. A thread that hangs in a dead file system is left
/// behind and holds nothing up, not even the end of this program.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    std::thread::Builder::new()
        .name("observe".to_owned())
        // Nobody waits any more where the deadline has passed.
        .spawn(move || done.send(work()).ok())?;
    result
        .await
        .map_err(|_| io::Error::other("the reader ended without a result"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(image: &str, expected: &str) {
        assert_eq!(revision_of_image(image).as_str(), expected);
    }

    #[test]
    fn a_digest_gives_twelve_digits() {
        check(
            "sha256:e8c6dae1c3872eb18b7d8a4384199ee2c9da",
            "e8c6dae1c387",
        );
        check(
            "docker.io/shop/api@sha256:0123456789abcdef0123",
            "0123456789ab",
        );
        check(
            "docker-pullable://shop/api@sha256:0123456789abcdef0123",
            "0123456789ab",
        );
        check("", "");
        check("sha256:", "");
    }

    #[test]
    fn one_line_is_one_and_not_too_long() {
        assert_eq!(one_line(" a\n\tb  c\r\n"), "a b c");
        assert_eq!(
            one_line(&"é".repeat(1_000)).chars().count(),
            LINE_CHARS_MAX + 1
        );
    }
}
