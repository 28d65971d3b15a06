//! What waits to be written to a connection: a head and small pieces in one buffer, a large piece as it came.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use pingora_core::protocols::Stream;
use tokio::io::AsyncWrite;

/// From this size on, a piece is written from where it is instead of being copied.
const LARGE: usize = 8 * 1024;
/// A buffer that holds this much takes no more before it is written.
const FULL: usize = 32 * 1024;

/// Bytes in the order in which they go out.
#[derive(Default)]
pub(super) struct Output {
    gathered: BytesMut,
    /// After what is gathered.
    large: Bytes,
    /// After the large piece.
    end: &'static [u8],
    /// Written to the stream, which may hold some of it back until it is flushed.
    unflushed: bool,
}

impl Output {
    pub(super) fn new(gathered: BytesMut) -> Self {
        Self { gathered, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gathered.is_empty() && self.large.is_empty() && self.end.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.large.is_empty() && self.end.is_empty() && self.gathered.len() < FULL
    }

    /// Adds a piece, with what stands before and after it. To be called while there is room.
    pub(super) fn add(&mut self, before: &[u8], piece: Bytes, after: &'static [u8]) {
        self.gathered.extend_from_slice(before);
        if piece.len() < LARGE {
            self.gathered.extend_from_slice(&piece);
            self.gathered.extend_from_slice(after);
        } else {
            (self.large, self.end) = (piece, after);
        }
    }

    /// Forgets what has not been written.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes all of it.
    pub(super) fn poll_write(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let written = ready!(self.poll_some(stream, cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.advance(written);
        }
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_some(&self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
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
