//! HTTP/1.1 as far as both ends need it: bytes that have arrived, and where a body ends.

use std::io;

use httparse::{Header, Status};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Headers of a message at most.
pub(crate) const HEADERS: usize = 64;

/// What has arrived and was not used yet.
pub(crate) struct Inbox {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

/// What is left of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Sized(u64),
    Chunked(Chunk),
    UntilClose,
}

/// What comes next in a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunk {
    Size,
    Data(u64),
    DataEnd,
    Trailer,
}

/// What is next in a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Data(&'a [u8]),
    /// More has to arrive first.
    Starved,
    End,
}

impl Inbox {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { bytes: vec![0; capacity].into(), start: 0, end: 0 }
    }

    pub(crate) fn held(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Drops what was used, from the front.
    pub(crate) fn drop_front(&mut self, length: usize) {
        self.start += length;
        if self.start == self.end {
            // The front of the buffer is what the processor's cache holds.
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads once; 0 when nothing will follow.
    pub(crate) async fn fill(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        if self.end == self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.bytes.len() {
            return Err(malformed("a head or a line that has no end"));
        }
        let read = from.read(&mut self.bytes[self.end..]).await?;
        self.end += read;
        Ok(read)
    }
}

impl Body {
    /// By its headers; `otherwise` if they say nothing.
    pub(crate) fn of(headers: &[Header<'_>], otherwise: Self) -> io::Result<Self> {
        if value(headers, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked")) {
            return Ok(Self::Chunked(Chunk::Size));
        }
        let Some(length) = value(headers, "content-length") else { return Ok(otherwise) };
        let length = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
        length.map(Self::Sized).ok_or_else(|| malformed("a content-length that is no number"))
    }

    /// The next piece of what has arrived, and how many of the arrived bytes are thereby used.
    pub(crate) fn next<'a>(&mut self, arrived: &'a [u8]) -> io::Result<(Piece<'a>, usize)> {
        match self {
            Self::Sized(0) => Ok((Piece::End, 0)),
            Self::Sized(left) => Ok(data(left, arrived)),
            Self::Chunked(chunk) => chunk.next(arrived),
            Self::UntilClose if arrived.is_empty() => Ok((Piece::Starved, 0)),
            Self::UntilClose => Ok((Piece::Data(arrived), arrived.len())),
        }
    }
}

impl Chunk {
    fn next<'a>(&mut self, arrived: &'a [u8]) -> io::Result<(Piece<'a>, usize)> {
        let mut used = 0;
        loop {
            let rest = &arrived[used..];
            match self {
                Self::Size => match httparse::parse_chunk_size(rest) {
                    Ok(Status::Complete((length, size))) => {
                        used += length;
                        *self = if size == 0 { Self::Trailer } else { Self::Data(size) };
                    }
                    Ok(Status::Partial) => return Ok((Piece::Starved, used)),
                    Err(_) => return Err(malformed("a chunk without a size")),
                },
                Self::Data(left) => {
                    let (piece, length) = data(left, rest);
                    if *left == 0 {
                        *self = Self::DataEnd;
                    }
                    return Ok((piece, used + length));
                }
                Self::DataEnd => match rest {
                    [b'\r', b'\n', ..] => {
                        used += 2;
                        *self = Self::Size;
                    }
                    [] | [b'\r'] => return Ok((Piece::Starved, used)),
                    _ => return Err(malformed("a chunk longer than its size")),
                },
                Self::Trailer => match memchr::memchr(b'\n', rest) {
                    Some(end) => {
                        used += end + 1;
                        if rest[..end] == *b"\r" {
                            return Ok((Piece::End, used));
                        }
                    }
                    None => return Ok((Piece::Starved, used)),
                },
            }
        }
    }
}

fn data<'a>(left: &mut u64, arrived: &'a [u8]) -> (Piece<'a>, usize) {
    let length = arrived.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= length as u64;
    match length {
        0 => (Piece::Starved, 0),
        _ => (Piece::Data(&arrived[..length]), length),
    }
}

/// The first header of this name.
pub(crate) fn value<'h>(headers: &[Header<'h>], name: &str) -> Option<&'h [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// Whether the connection ends with this message.
pub(crate) fn closes(headers: &[Header<'_>]) -> bool {
    value(headers, "connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"))
}

pub(crate) fn malformed(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side_by_side::thread::single_threaded;

    const CHUNKED: &[u8] = b"5;name=value\r\nhello\r\n0a\r\n, 0123456\n\r\n0\r\nx-trailer: 1\r\n\r\nnext";

    /// The body of what arrives in parts of this length, and what follows it.
    fn read(mut body: Body, bytes: &[u8], part: usize) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let (mut all, mut used, mut arrived) = (Vec::new(), 0, 0);
        loop {
            let (piece, length) = body.next(&bytes[used..arrived])?;
            used += length;
            match piece {
                Piece::Data(data) => all.extend_from_slice(data),
                Piece::Starved if arrived == bytes.len() => return Err(malformed("cut")),
                Piece::Starved => arrived = (arrived + part).min(bytes.len()),
                Piece::End => return Ok((all, bytes[used..].to_vec())),
            }
        }
    }

    #[test]
    fn a_body_is_the_same_in_whatever_parts_it_arrives() {
        for part in 1..=CHUNKED.len() {
            let whole = (b"hello, 0123456\n".to_vec(), b"next".to_vec());
            assert_eq!(read(Body::Chunked(Chunk::Size), CHUNKED, part).unwrap(), whole, "parts of {part}");
            assert_eq!(read(Body::Sized(3), b"abcd", part).unwrap(), (b"abc".to_vec(), b"d".to_vec()));
        }
    }

    #[test]
    fn a_cut_or_broken_body_is_an_error() {
        for bytes in [&b"5\r\nhell"[..], b"5\r\nhello!\r\n0\r\n\r\n", b"x\r\n", b"5\r\nhello\r\n", b"0\r\n"] {
            let read = read(Body::Chunked(Chunk::Size), bytes, bytes.len());
            assert!(read.is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
        assert!(read(Body::Sized(5), b"hell", 4).is_err());
    }

    #[test]
    fn headers_tell_where_a_body_ends() {
        let of =
            |name, value: &'static str| Body::of(&[Header { name, value: value.as_bytes() }], Body::UntilClose).ok();
        assert_eq!(of("Content-Length", "12"), Some(Body::Sized(12)));
        assert_eq!(of("content-length", "twelve"), None);
        assert_eq!(of("Transfer-Encoding", "Chunked"), Some(Body::Chunked(Chunk::Size)));
        assert_eq!(of("server", "x"), Some(Body::UntilClose));
    }

    #[test]
    fn an_inbox_that_is_full_of_one_head_says_so() {
        let filled = single_threaded(async {
            let (mut inbox, mut from) = (Inbox::with_capacity(4), &b"abcdefgh"[..]);
            assert_eq!(inbox.fill(&mut from).await.unwrap(), 4);
            inbox.drop_front(3);
            assert_eq!(inbox.fill(&mut from).await.unwrap(), 3);
            assert_eq!(inbox.held(), b"defg");
            inbox.fill(&mut from).await
        });
        assert_eq!(filled.unwrap().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
