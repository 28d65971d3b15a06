//! What waits to be written to a connection: a head and small pieces in one buffer, a large piece as it came.

use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

/// From this size on, a piece is written from where it is instead of being copied.
const LARGE: usize = 8 * 1024;
/// A buffer that holds this much takes no more before it is written.
const FULL: usize = 32 * 1024;

/// Bytes in the order in which they go out.
#[derive(Default)]
pub(crate) struct Output {
    gathered: BytesMut,
    /// After what is gathered.
    large: Bytes,
    /// After the large piece.
    end: &'static [u8],
    /// Written to the stream, which may hold some of it back until it is flushed.
    unflushed: bool,
}

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.gathered.is_empty() && self.large.is_empty() && self.end.is_empty()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.large.is_empty() && self.end.is_empty() && self.gathered.len() < FULL
    }

    /// Where a head is written to. To be called while there is room.
    pub(crate) fn head(&mut self) -> &mut BytesMut {
        &mut self.gathered
    }

    /// Adds a piece of a body as it is. To be called while there is room.
    pub(crate) fn add(&mut self, piece: Bytes) {
        self.add_before(piece, b"");
    }

    /// Adds a piece of a body as a chunk (RFC 9112 section 7.1), and the last chunk where the body `ends`. To be called
    /// while there is room.
    pub(crate) fn add_chunk(&mut self, piece: Bytes, ends: bool) {
        match (piece.len(), ends) {
            (0, false) => {}
            (0, true) => self.gathered.extend_from_slice(b"0\r\n\r\n"),
            (length, _) => {
                let (mut line, mut rest) = ([0; 20], 20);
                let mut free = &mut line[..];
                // Sixteen digits and a line end fit.
                if write!(free, "{length:x}\r\n").is_ok() {
                    rest = free.len();
                }
                self.gathered.extend_from_slice(&line[..20 - rest]);
                self.add_before(piece, if ends { b"\r\n0\r\n\r\n" } else { b"\r\n" });
            }
        }
    }

    fn add_before(&mut self, piece: Bytes, after: &'static [u8]) {
        if piece.len() < LARGE {
            self.gathered.extend_from_slice(&piece);
            self.gathered.extend_from_slice(after);
        } else {
            (self.large, self.end) = (piece, after);
        }
    }

    /// Forgets what has not been written.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes all of it.
    pub(crate) fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin + ?Sized),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let written = ready!(self.poll_some(stream, cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.advance(written);
        }
        if self.unflushed {
            ready!(Pin::new(&mut *stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_some(
        &self,
        stream: &mut (impl AsyncWrite + Unpin + ?Sized),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.large.is_empty() && self.end.is_empty() {
            return Pin::new(stream).poll_write(cx, &self.gathered);
        }
        let parts = [IoSlice::new(&self.gathered), IoSlice::new(&self.large), IoSlice::new(self.end)];
        let first = parts.iter().position(|part| !part.is_empty()).unwrap_or_default();
        Pin::new(stream).poll_write_vectored(cx, &parts[first..])
    }

    fn advance(&mut self, written: usize) {
        let gathered = written.min(self.gathered.len());
        self.gathered.advance(gathered);
        let large = (written - gathered).min(self.large.len());
        self.large.advance(large);
        self.end = &self.end[written - gathered - large..];
    }
}
