//! A connection that reads only so much, and remembers how it began.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connect::Tapped;

/// Bytes of all that a store says in one conversation. The first row of a readiness query is a
/// few bytes, a dozen rows that nobody looks at a few thousand; a whole table is a mistake.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// A connection to a store.
pub(crate) struct Wire {
    stream: Tapped,
    heard: Heard,
    left: usize,
}

/// The first byte that came over a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<OnceLock<u8>>);

impl Heard {
    /// `None` as long as nothing came.
    pub(crate) fn first(&self) -> Option<u8> {
        self.0.get().copied()
    }
}

impl Wire {
    pub(crate) fn new(stream: Tapped) -> Self {
        Self {
            stream,
            heard: Heard::default(),
            left: BYTES_MAX,
        }
    }

    /// Filled as the answer comes.
    pub(crate) fn heard(&self) -> Heard {
        self.heard.clone()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let fresh = &buffer.filled()[before..];
        if let Some(first) = fresh.first() {
            self.heard.0.get_or_init(|| *first);
        }
        match self.left.checked_sub(fresh.len()) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::other(format!(
                "the answer is longer than {BYTES_MAX} bytes"
            )))),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
