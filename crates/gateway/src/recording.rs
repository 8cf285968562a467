//! What a session remembers of each exchange, in bounded memory.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use assay_model::{Exchange, ServiceName};
use assay_world::clock::Stopwatch;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// Exchanges of one session: far past any test that a person would read, at most a few
/// megabytes. Those that come after are counted.
pub const EXCHANGES_MAX: usize = 10_000;

/// Of one path; the rest of a longer one says nothing about which route it was.
const PATH_BYTES_MAX: usize = 1_024;

/// The exchanges of one session, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    begun: u64,
    exchanges: Vec<(u64, Exchange)>,
    dropped: u64,
}

impl Recording {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A push cannot leave the list half-changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An exchange begins. It is recorded when what comes back is dropped, with the status that
    /// it has by then.
    pub(crate) fn begin(
        self: &Arc<Self>,
        service: &ServiceName,
        method: &str,
        path: &str,
    ) -> Pending {
        let mut inner = self.lock();
        inner.begun += 1;
        let end = path.floor_char_boundary(PATH_BYTES_MAX);
        let exchange = Exchange {
            service: service.clone(),
            method: method.to_owned(),
            path: path[..end].to_owned(),
            status: 0,
            duration_ms: 0,
            revision: None,
        };
        Pending {
            recording: self.clone(),
            place: inner.begun,
            watch: Stopwatch::start(),
            exchange,
        }
    }

    /// All that have ended, in the order in which they began.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        let mut exchanges = std::mem::take(&mut self.lock().exchanges);
        exchanges.sort_by_key(|(place, _)| *place);
        exchanges
            .into_iter()
            .map(|(_, exchange)| exchange)
            .collect()
    }

    /// How many were too many.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }
}

/// An exchange that has not ended.
#[derive(Debug)]
pub(crate) struct Pending {
    recording: Arc<Recording>,
    place: u64,
    watch: Stopwatch,
    /// As it will be recorded, but for its duration.
    pub(crate) exchange: Exchange,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.exchange.duration_ms = self.watch.elapsed_ms();
        let mut inner = self.recording.lock();
        if inner.exchanges.len() < EXCHANGES_MAX {
            inner.exchanges.push((self.place, self.exchange.clone()));
        } else {
            inner.dropped += 1;
        }
    }
}

/// A body that ends its exchange when it has been passed on, or is given up.
pub(crate) struct Recorded<B> {
    body: B,
    pending: Option<Pending>,
}

impl<B> Recorded<B> {
    pub(crate) fn new(body: B, pending: Pending) -> Self {
        Self {
            body,
            pending: Some(pending),
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Recorded<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(None) => self.pending = None,
            Poll::Ready(Some(Err(_))) => {
                // Cut in the middle: that is no answer, whatever its head said.
                if let Some(mut pending) = self.pending.take() {
                    pending.exchange.status = 0;
                }
            }
            Poll::Ready(Some(Ok(_))) if self.body.is_end_stream() => self.pending = None,
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_come_in_the_order_in_which_they_began_and_are_bounded() {
        let recording = Arc::new(Recording::default());
        let first = recording.begin(&"api".into(), "GET", "/first");
        for _ in 1..EXCHANGES_MAX {
            drop(recording.begin(&"api".into(), "GET", &"ü".repeat(PATH_BYTES_MAX)));
        }
        drop(first);
        assert_eq!(recording.dropped(), 0);
        drop(recording.begin(&"api".into(), "GET", "/late"));
        assert_eq!(recording.dropped(), 1);
        let all = recording.take();
        assert_eq!((all.len(), all[0].path.as_str()), (EXCHANGES_MAX, "/first"));
        assert_eq!(all[1].path.len(), PATH_BYTES_MAX);
    }
}
