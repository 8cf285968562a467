//! A container's log as the engine streams it: frames of two streams, or plain bytes of a
//! terminal, each line with a leading timestamp.

use assay_model::{Timestamp, Window};
use assay_world::supervisor::LINE_BYTES_MAX;

use crate::look::holds;
use crate::tail::Tail;

/// Stream, three zeros, and the length in network order.
const HEADER_BYTES: usize = 8;

/// Of a line that has no end yet; the tail cuts it to what is kept.
const PARTIAL_BYTES_MAX: usize = 4 * LINE_BYTES_MAX;

/// Standard input, output and error.
const STREAMS: usize = 3;

/// Puts lines together again.
pub(super) struct Demux<'a> {
    window: &'a Window,
    /// A terminal has one stream and no frames.
    is_terminal: bool,
    header: Vec<u8>,
    /// Of the frame's content, still to come.
    left: usize,
    stream: usize,
    partial: [Vec<u8>; STREAMS],
    tail: Tail,
}

impl<'a> Demux<'a> {
    pub(super) fn new(window: &'a Window, is_terminal: bool) -> Self {
        Self {
            window,
            is_terminal,
            header: Vec::with_capacity(HEADER_BYTES),
            left: 0,
            stream: 1,
            partial: Default::default(),
            tail: Tail::default(),
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        if self.is_terminal {
            self.text(bytes);
            return;
        }
        while !bytes.is_empty() {
            if self.left == 0 {
                let size = (HEADER_BYTES - self.header.len()).min(bytes.len());
                self.header.extend_from_slice(&bytes[..size]);
                bytes = &bytes[size..];
                if let [stream, _, _, _, a, b, c, d] = self.header[..] {
                    self.stream = usize::from(stream).min(STREAMS - 1);
                    let left = u32::from_be_bytes([a, b, c, d]);
                    self.left = usize::try_from(left).unwrap_or(usize::MAX);
                    self.header.clear();
                }
                continue;
            }
            let size = self.left.min(bytes.len());
            let (text, rest) = bytes.split_at(size);
            self.left -= size;
            self.text(text);
            bytes = rest;
        }
    }

    fn text(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let partial = &mut self.partial[self.stream];
            let room = PARTIAL_BYTES_MAX
                .saturating_sub(partial.len())
                .min(piece.len());
            partial.extend_from_slice(&piece[..room]);
            if pieces.peek().is_some() {
                self.line();
            }
        }
    }

    fn line(&mut self) {
        let line = std::mem::take(&mut self.partial[self.stream]);
        let line = String::from_utf8_lossy(&line);
        let (at, text) = line.split_once(' ').unwrap_or((&line, ""));
        match at.parse::<Timestamp>() {
            Ok(at) if holds(self.window, at) => self.tail.push(at, text),
            Ok(_) => {}
            Err(_) => self.tail.push_bare(&line),
        }
    }

    /// The log, with a last line that had no end.
    pub(super) fn finish(mut self) -> Option<String> {
        for stream in 0..STREAMS {
            self.stream = stream;
            if !self.partial[stream].is_empty() {
                self.line();
            }
        }
        self.tail.into_text()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window() -> Window {
        Window {
            from: "2026-11-23T10:00:00Z".parse().unwrap(),
            to: "2026-11-23T11:00:00Z".parse().unwrap(),
        }
    }

    fn frame(stream: u8, text: &str) -> Vec<u8> {
        let mut bytes = vec![stream, 0, 0, 0];
        bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    #[track_caller]
    fn check(frames: &[(u8, &str)], expected: &str) {
        let bytes: Vec<u8> = frames
            .iter()
            .flat_map(|(stream, text)| frame(*stream, text))
            .collect();
        for size in [1, 7, 8, 9, 1_000] {
            let window = window();
            let mut demux = Demux::new(&window, false);
            for chunk in bytes.chunks(size) {
                demux.push(chunk);
            }
            assert_eq!(demux.finish().unwrap_or_default(), expected, "in {size}s");
        }
    }

    #[test]
    fn frames_become_lines() {
        check(&[], "");
        check(
            &[
                (1, "2026-11-23T10:00:01.5Z out\n"),
                (2, "2026-11-23T10:00:02Z err\n"),
                (1, "2026-11-23T09:00:00Z early\n"),
                (1, ""),
                (1, "2026-11-23T10:00:03Z no end"),
            ],
            "2026-11-23T10:00:01.500Z out\n\
             2026-11-23T10:00:02.000Z err\n\
             2026-11-23T10:00:03.000Z no end\n",
        );
    }

    #[test]
    fn two_streams_do_not_tear_each_others_lines() {
        check(
            &[
                (1, "2026-11-23T10:00:01Z fir"),
                (2, "2026-11-23T10:00:02Z err\n"),
                (1, "st\n"),
            ],
            "2026-11-23T10:00:02.000Z err\n2026-11-23T10:00:01.000Z first\n",
        );
    }

    #[test]
    fn a_terminal_has_no_frames() {
        let window = window();
        let mut demux = Demux::new(&window, true);
        demux.push(b"2026-11-23T10:00:01Z a\r\n2026-11-");
        demux.push(b"23T10:00:02Z b\r\n");
        assert_eq!(
            demux.finish().unwrap(),
            "2026-11-23T10:00:01.000Z a\n2026-11-23T10:00:02.000Z b\n"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let window = window();
            let mut demux = Demux::new(&window, false);
            demux.push(&bytes);
            let _log = demux.finish();
        }
    }
}
