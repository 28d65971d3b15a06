//! How bytes of a connection are read: without a buffer for each that waits, and large pieces without a copy.

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

/// As much as one TLS record at most brings, four times.
const READ: usize = 64 * 1024;
/// From this size on, what was read is handed on in the buffer that it was read into.
const LARGE: usize = 16 * 1024;

thread_local! {
    static BUFFER: RefCell<BytesMut> = RefCell::default();
}

/// Reads what there is into the buffer of this thread, and adds it to `input`: in its own size where it is small, so that
/// who waits for the next event of a stream holds little. Of a large body the buffer goes along, and comes back when the
/// piece has been sent.
pub(crate) fn poll_read(
    stream: &mut (impl AsyncRead + Unpin + ?Sized),
    input: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.reserve(READ);
        let read = ready!(pin!(stream.read_buf(buffer)).poll(cx))?;
        match (input.is_empty(), read < LARGE) {
            (true, true) => *input = BytesMut::from(&buffer[..]),
            (true, false) => *input = buffer.split(),
            (false, _) => input.extend_from_slice(buffer),
        }
        buffer.clear();
        Poll::Ready(Ok(read))
    })
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn pieces_come_as_they_are_read() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * READ + 5).collect();
        for already in [&b""[..], b"before"] {
            let mut stream = &bytes[..];
            let (mut all, mut kept) = (Vec::new(), Vec::new());
            loop {
                let mut input = BytesMut::from(already);
                let read = poll_fn(|cx| poll_read(&mut stream, &mut input, cx)).await.unwrap();
                assert_eq!(input.len(), already.len() + read);
                if read == 0 {
                    break;
                }
                all.extend_from_slice(&input[already.len()..]);
                // As a body does that waits for its upstream: the buffer cannot be used again.
                kept.push(input);
            }
            assert!(all == bytes);
            let again: usize = kept.iter().map(|piece| piece.len() - already.len()).sum();
            assert_eq!(again, bytes.len());
        }
    }
}
