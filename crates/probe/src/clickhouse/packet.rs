//! Packets of ClickHouse's native protocol, as far as a query with one answer needs them.
//!
//! Layouts are those of ClickHouse's documentation, "Native Protocol" and "Native Format". The
//! revision that we name decides which fields a server sends, and every server since 2018 still
//! speaks ours: it is the last before logs (54406) and columns with dictionaries (54405) would
//! have to be understood (`src/Core/ProtocolDefines.h` in ClickHouse's sources).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::exception::Exception;
use super::value::Layout;

/// The revision of the protocol that we name: with the patch number of the server's version.
const REVISION: u64 = 54401;

/// Revisions since which a server's greeting has more fields.
const REVISION_TIMEZONE: u64 = 54058;
const REVISION_DISPLAY_NAME: u64 = 54372;
const REVISION_PATCH: u64 = 54401;

/// Bytes of one text that is read. An error with its stack is a few thousand.
const TEXT_BYTES_MAX: u64 = 1024 * 1024;

/// Columns of an answer, at most: a table has a few hundred.
const COLUMNS_MAX: u64 = 10_000;

/// Errors inside of errors that are skipped.
const NESTED_MAX: usize = 16;

/// Bytes of a number in the variable encoding: seven bits each.
const VARUINT_BYTES_MAX: usize = 10;

/// What a server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    Hello {
        version: String,
    },
    /// The first value of the first column, if there was any row. What follows in the same
    /// packet is not read.
    Data(Option<First>),
    Exception(Exception),
    /// Numbers that nobody asked for.
    Chatter,
    EndOfStream,
}

/// A first value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum First {
    Text(String),
    /// Of a type that is not shown, by name.
    Other(String),
}

/// The greeting.
pub(super) fn hello(database: &str, user: &str, password: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    varuint(&mut bytes, 0);
    client_name(&mut bytes);
    text(&mut bytes, database);
    text(&mut bytes, user);
    text(&mut bytes, password);
    bytes
}

/// A query, and the end of the data that belongs to it. `is_guarded` asks for `readonly = 2`, as a `GET` over HTTP does.
pub(super) fn query(query: &str, is_guarded: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    varuint(&mut bytes, 1);
    // The id is the server's to choose.
    text(&mut bytes, "");
    // Who asks: a first query, without a user or an id of its own, from no address, over TCP.
    bytes.push(1);
    text(&mut bytes, "");
    text(&mut bytes, "");
    text(&mut bytes, "0.0.0.0:0");
    bytes.push(1);
    text(&mut bytes, "");
    text(&mut bytes, "");
    client_name(&mut bytes);
    // No quota, and the patch number of our version.
    text(&mut bytes, "");
    varuint(&mut bytes, 0);
    if is_guarded {
        text(&mut bytes, "readonly");
        varuint(&mut bytes, 2);
    }
    text(&mut bytes, "");
    // Up to the complete answer, not compressed.
    varuint(&mut bytes, 2);
    varuint(&mut bytes, 0);
    text(&mut bytes, query);
    // An empty block: no table, no overflow, no bucket, no columns, no rows.
    varuint(&mut bytes, 2);
    text(&mut bytes, "");
    bytes.extend([1, 0, 2]);
    bytes.extend((-1_i32).to_le_bytes());
    bytes.extend([0, 0, 0]);
    bytes
}

/// Name, version and revision of the client.
fn client_name(bytes: &mut Vec<u8>) {
    text(bytes, "assay");
    varuint(bytes, 1);
    varuint(bytes, 0);
    varuint(bytes, REVISION);
}

fn varuint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    varuint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

/// Reads packets.
pub(super) struct Packets<R> {
    stream: R,
}

impl<R: AsyncRead + Unpin> Packets<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream }
    }

    /// To write on.
    pub(super) fn stream(&mut self) -> &mut R {
        &mut self.stream
    }

    pub(super) async fn next(&mut self) -> io::Result<Packet> {
        match self.varuint().await? {
            0 => self.hello().await,
            1 => Ok(Packet::Data(self.data().await?)),
            2 => Ok(Packet::Exception(self.exception().await?)),
            // Progress: rows, bytes, rows in all.
            3 => self.skip_varuints(3).await,
            4 => Ok(Packet::Chatter),
            5 => Ok(Packet::EndOfStream),
            6 => self.profile().await,
            kind => Err(invalid(format!("a packet of unknown type {kind}"))),
        }
    }

    async fn hello(&mut self) -> io::Result<Packet> {
        self.text().await?;
        let (major, minor) = (self.varuint().await?, self.varuint().await?);
        // An older server does not know what we would understand.
        let revision = self.varuint().await?.min(REVISION);
        if revision >= REVISION_TIMEZONE {
            self.text().await?;
        }
        if revision >= REVISION_DISPLAY_NAME {
            self.text().await?;
        }
        let version = if revision >= REVISION_PATCH {
            format!("{major}.{minor}.{}", self.varuint().await?)
        } else {
            format!("{major}.{minor}")
        };
        Ok(Packet::Hello { version })
    }

    async fn data(&mut self) -> io::Result<Option<First>> {
        self.text().await?;
        self.block_info().await?;
        let (columns, rows) = (self.varuint().await?, self.varuint().await?);
        if columns > COLUMNS_MAX {
            return Err(invalid(format!("a block of {columns} columns")));
        }
        for _ in 0..columns {
            self.text().await?;
            let kind = self.text().await?;
            if rows > 0 {
                return self.first(kind, rows).await.map(Some);
            }
        }
        Ok(None)
    }

    async fn first(&mut self, kind: String, rows: u64) -> io::Result<First> {
        let Some(layout) = Layout::of(&kind) else {
            return Ok(First::Other(kind));
        };
        let layout = match layout {
            Layout::Nullable(inner) => {
                let is_null = self.stream.read_u8().await? != 0;
                let mut rest = (&mut self.stream).take(rows - 1);
                tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
                if is_null {
                    return Ok(First::Text("NULL".to_owned()));
                }
                *inner
            }
            layout => layout,
        };
        let length = match layout.width() {
            Some(width) => width as u64,
            None => self.varuint().await?,
        };
        let bytes = self.bytes(length).await?;
        Ok(First::Text(layout.show(&bytes)))
    }

    /// Fields with their numbers, up to number 0.
    async fn block_info(&mut self) -> io::Result<()> {
        loop {
            match self.varuint().await? {
                0 => return Ok(()),
                1 => drop(self.stream.read_u8().await?),
                2 => drop(self.stream.read_i32_le().await?),
                field => return Err(invalid(format!("a block with an unknown field {field}"))),
            }
        }
    }

    async fn exception(&mut self) -> io::Result<Exception> {
        let mut first = None;
        for _ in 0..NESTED_MAX {
            let code = self.stream.read_i32_le().await?;
            self.text().await?;
            let message = self.text().await?;
            self.text().await?;
            let has_nested = self.stream.read_u8().await? != 0;
            let exception = first.get_or_insert(Exception { code, message });
            if !has_nested {
                return Ok(exception.clone());
            }
        }
        Err(invalid(format!(
            "more than {NESTED_MAX} errors in one another"
        )))
    }

    /// Rows, blocks, bytes, whether a limit applied, rows before it, and whether those are known.
    async fn profile(&mut self) -> io::Result<Packet> {
        self.skip_varuints(3).await?;
        self.stream.read_u8().await?;
        self.varuint().await?;
        self.stream.read_u8().await?;
        Ok(Packet::Chatter)
    }

    async fn skip_varuints(&mut self, count: usize) -> io::Result<Packet> {
        for _ in 0..count {
            self.varuint().await?;
        }
        Ok(Packet::Chatter)
    }

    async fn varuint(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for place in 0..VARUINT_BYTES_MAX {
            let byte = self.stream.read_u8().await?;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(invalid("a number without an end".to_owned()))
    }

    async fn text(&mut self) -> io::Result<String> {
        let length = self.varuint().await?;
        let bytes = self.bytes(length).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn bytes(&mut self, length: u64) -> io::Result<Vec<u8>> {
        if length > TEXT_BYTES_MAX {
            return Err(invalid(format!("a text of {length} bytes")));
        }
        let mut bytes = Vec::new();
        let read = (&mut self.stream)
            .take(length)
            .read_to_end(&mut bytes)
            .await?;
        if (read as u64) < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Packet> {
        let reading = async { Packets::new(bytes).next().await };
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(reading)
    }

    fn check(bytes: &[u8], expected: Result<Packet, io::ErrorKind>) {
        assert_eq!(
            read(bytes).map_err(|error| error.kind()),
            expected,
            "{bytes:?}"
        );
    }

    fn block(columns: u8, rows: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![1, 0, 1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, columns, rows];
        bytes.extend(rest);
        bytes
    }

    fn first(text: &str) -> Result<Packet, io::ErrorKind> {
        Ok(Packet::Data(Some(First::Text(text.to_owned()))))
    }

    #[test]
    fn greetings_of_all_ages() {
        let version = |version: &str| {
            let version = version.to_owned();
            Ok(Packet::Hello { version })
        };
        // 54412, as 18.16 sends it.
        let new = [
            &[0, 1, b'C', 18, 16, 0x8c, 0xa9, 3][..],
            &[1, b'Z', 1, b'n', 1],
        ]
        .concat();
        check(&new, version("18.16.1"));
        // 54000 knows none of the later fields.
        check(&[0, 1, b'C', 1, 2, 0xf0, 0xa5, 3], version("1.2"));
        check(&new[..9], Err(io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn first_values() {
        check(&block(1, 1, b"\x011\x05UInt8\x07"), first("7"));
        check(&block(0, 0, b""), Ok(Packet::Data(None)));
        check(&block(1, 0, b"\x011\x05UInt8"), Ok(Packet::Data(None)));
        check(&block(1, 1, b"\x01s\x06String\x02ok"), first("ok"));
        check(
            &block(1, 2, b"\x01n\x0fNullable(UInt8)\x00\x01\x05\x00"),
            first("5"),
        );
        check(
            &block(1, 2, b"\x01n\x0fNullable(UInt8)\x01\x00\x00\x05"),
            first("NULL"),
        );
        let other = First::Other("DateTime".to_owned());
        check(
            &block(1, 1, b"\x01d\x08DateTime"),
            Ok(Packet::Data(Some(other))),
        );
        check(
            &block(1, 1, b"\x01s\x06String\x05ok"),
            Err(io::ErrorKind::UnexpectedEof),
        );
    }

    #[test]
    fn errors_progress_and_the_end() {
        let nested = b"\x02\x3c\0\0\0\x01E\x02no\0\x01\x01\0\0\0\x01E\x03why\0\0";
        let message = "no".to_owned();
        check(
            nested,
            Ok(Packet::Exception(Exception { code: 60, message })),
        );
        check(&[3, 1, 2, 0x80, 1], Ok(Packet::Chatter));
        check(&[6, 1, 1, 1, 0, 0, 0], Ok(Packet::Chatter));
        check(&[5], Ok(Packet::EndOfStream));
        check(b"HTTP/1.1 400", Err(io::ErrorKind::InvalidData));
        check(&[0xff; 12], Err(io::ErrorKind::InvalidData));
        check(b"", Err(io::ErrorKind::UnexpectedEof));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_packet_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _packet = read(&bytes);
        }

        #[test]
        fn any_block_is_read(rest in proptest::collection::vec(any::<u8>(), 0..40), columns in 0_u8..4, rows in 0_u8..4) {
            let _packet = read(&block(columns, rows, &rest));
        }

        #[test]
        fn numbers_and_texts_survive(number in any::<u64>(), said in ".{0,20}") {
            let mut bytes = vec![0];
            text(&mut bytes, &said);
            varuint(&mut bytes, number);
            bytes.extend([2, 0]);
            let version = format!("{number}.2");
            prop_assert_eq!(read(&bytes).unwrap(), Packet::Hello { version });
        }
    }
}
