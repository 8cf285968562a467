//! Finding the close frame in one direction of a WebSocket.

/// A header is two bytes, up to eight of length, and four of mask (RFC 6455, section 5.2).
const HEADER_BYTES_MAX: usize = 14;

/// A close frame's opcode.
const CLOSE: u8 = 0x8;

/// Said of a close frame that holds no code (RFC 6455, section 7.4.1).
pub(crate) const NO_CODE: u16 = 1005;

/// Follows frames by their headers, in pieces of any size, and remembers the first close code.
#[derive(Debug, Default)]
pub(crate) struct CloseFinder {
    header: [u8; HEADER_BYTES_MAX],
    header_len: usize,
    /// The frame whose payload is passing.
    frame: Option<Frame>,
    code: Option<u16>,
}

#[derive(Debug)]
struct Frame {
    close: bool,
    mask: [u8; 4],
    left: u64,
    /// The first two bytes of the payload, as far as they have come.
    head: [u8; 2],
    head_len: usize,
}

impl CloseFinder {
    /// The code that the first close frame holds; [`NO_CODE`] where it holds none.
    pub(crate) fn code(&self) -> Option<u16> {
        self.code
    }

    /// The next bytes of the stream.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        // What follows a close frame means nothing any more.
        while self.code.is_none() && !bytes.is_empty() {
            match &mut self.frame {
                None => {
                    self.header[self.header_len] = bytes[0];
                    self.header_len += 1;
                    bytes = &bytes[1..];
                    self.frame = Frame::read(&self.header[..self.header_len]);
                }
                Some(frame) => bytes = frame.take(bytes),
            }
            self.end_frame();
        }
    }

    fn end_frame(&mut self) {
        if let Some(frame) = &self.frame
            && frame.left == 0
        {
            if frame.close {
                let code = u16::from_be_bytes(frame.head);
                self.code = Some(if frame.head_len == 2 { code } else { NO_CODE });
            }
            self.frame = None;
            self.header_len = 0;
        }
    }
}

impl Frame {
    /// The frame, once its header is complete.
    fn read(header: &[u8]) -> Option<Self> {
        let [first, second, rest @ ..] = header else {
            return None;
        };
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let masked = second & 0x80 != 0;
        if rest.len() < extended + if masked { 4 } else { 0 } {
            return None;
        }
        let (length, mask) = rest.split_at(extended);
        let left = match length {
            [] => u64::from(second & 0x7f),
            length => length
                .iter()
                .fold(0, |sum, &byte| (sum << 8) | u64::from(byte)),
        };
        let mask = mask.try_into().unwrap_or_default();
        Some(Self {
            close: first & 0x0f == CLOSE,
            mask,
            left,
            head: [0; 2],
            head_len: 0,
        })
    }

    /// Takes its payload, and gives back what follows it.
    fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let n = bytes
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let (payload, rest) = bytes.split_at(n);
        for &byte in payload.iter().take(2 - self.head_len) {
            self.head[self.head_len] = byte ^ self.mask[self.head_len];
            self.head_len += 1;
        }
        self.left -= n as u64;
        rest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: u8 = 0x81;
    const PING: u8 = 0x89;
    const CLOSING: u8 = 0x88;

    fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        let bit = if mask.is_some() { 0x80 } else { 0 };
        match payload.len() {
            n @ 0..126 => bytes.push(bit | n as u8),
            n @ 126..65536 => {
                bytes.push(bit | 126);
                bytes.extend((n as u16).to_be_bytes());
            }
            n => {
                bytes.push(bit | 127);
                bytes.extend((n as u64).to_be_bytes());
            }
        }
        bytes.extend(mask.iter().flatten());
        let mask = mask.unwrap_or_default();
        bytes.extend(
            payload
                .iter()
                .enumerate()
                .map(|(n, byte)| byte ^ mask[n % 4]),
        );
        bytes
    }

    #[track_caller]
    fn check(frames: &[Vec<u8>], expected: Option<u16>) {
        let stream = frames.concat();
        for size in [1, 2, 3, 7, stream.len().max(1)] {
            let mut finder = CloseFinder::default();
            stream.chunks(size).for_each(|chunk| finder.push(chunk));
            assert_eq!(finder.code(), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn close_codes_are_found() {
        let internal = 1011u16.to_be_bytes();
        check(&[frame(CLOSING, None, &internal)], Some(1011));
        check(&[frame(CLOSING, Some([1, 2, 3, 4]), &internal)], Some(1011));
        check(
            &[frame(TEXT, None, b"hello"), frame(CLOSING, None, &internal)],
            Some(1011),
        );
        check(
            &[frame(CLOSING, None, &[&internal[..], b"why"].concat())],
            Some(1011),
        );
        check(&[frame(CLOSING, None, &[])], Some(NO_CODE));
        check(&[frame(CLOSING, Some([9; 4]), &[])], Some(NO_CODE));
    }

    #[test]
    fn what_looks_like_a_close_frame_inside_a_message_is_none() {
        let inner = frame(CLOSING, None, &1011u16.to_be_bytes());
        check(&[frame(TEXT, None, &inner)], None);
        check(&[frame(PING, None, &inner), frame(TEXT, None, &[])], None);
        check(&[frame(TEXT, None, &inner.repeat(50))], None);
        check(&[frame(TEXT, None, &inner.repeat(20_000))], None);
        check(&[frame(TEXT, None, &inner.repeat(50)), inner], Some(1011));
    }

    #[test]
    fn an_unfinished_close_frame_is_none() {
        check(&[vec![CLOSING, 2, 3]], None);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_mean_the_same(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            size in 1usize..50,
        ) {
            let (mut whole, mut pieces) = (CloseFinder::default(), CloseFinder::default());
            whole.push(&bytes);
            bytes.chunks(size).for_each(|chunk| pieces.push(chunk));
            prop_assert_eq!(whole.code(), pieces.code());
        }

        #[test]
        fn messages_before_the_close_do_not_matter(
            messages in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..300), 0..5),
            code in 1000u16..5000,
        ) {
            let mut finder = CloseFinder::default();
            for message in &messages {
                finder.push(&frame(TEXT, None, message));
            }
            prop_assert_eq!(finder.code(), None);
            finder.push(&frame(CLOSING, Some([7, 0, 255, 1]), &code.to_be_bytes()));
            prop_assert_eq!(finder.code(), Some(code));
        }
    }
}
