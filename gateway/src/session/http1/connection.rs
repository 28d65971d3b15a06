//! A client's connection that speaks HTTP/1.1, or has not said yet what it speaks.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::request::{self, Refused};
use crate::head::RequestHead;
use crate::http1::{Output, poll_read};
use crate::timer::Timer;

/// The first bytes of an HTTP/2 connection (RFC 9113 section 3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long the rest of a request is read after its answer.
pub(in crate::session) const LINGER: Duration = Duration::from_secs(2);

/// A connection. Between two requests it holds no buffer.
pub(crate) struct Connection {
    tcp: TcpStream,
    client: SocketAddr,
    /// Read, and not taken yet.
    input: BytesMut,
    output: Output,
    timer: Timer,
}

impl Connection {
    pub(crate) fn new(tcp: TcpStream, client: SocketAddr) -> Self {
        Self { tcp, client, input: BytesMut::new(), output: Output::default(), timer: Timer::default() }
    }

    pub(super) fn client(&self) -> SocketAddr {
        self.client
    }

    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    pub(super) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    pub(super) fn timer(&mut self) -> &mut Timer {
        &mut self.timer
    }

    /// Waits for the first bytes of the next request, for as long as a client may be idle; false when there are none.
    pub(crate) async fn next_request(&mut self, limit: Duration) -> bool {
        if !self.input.is_empty() {
            return true;
        }
        // Between two requests no buffer is held.
        (self.input, self.output) = (BytesMut::new(), Output::default());
        let until = Instant::now() + limit;
        poll_fn(|cx| match self.poll_read(cx) {
            Poll::Ready(read) => Poll::Ready(read.is_ok_and(|read| read > 0)),
            Poll::Pending => self.timer.poll_until(until, cx).map(|()| false),
        })
        .await
    }

    /// Reads until it is clear which version the client speaks; true for HTTP/2 by prior knowledge.
    ///
    /// # Errors
    /// The connection broke, or ended before it began.
    pub(crate) async fn sniff(&mut self) -> io::Result<bool> {
        while self.input.len() < H2_PREFACE.len() && H2_PREFACE.starts_with(&self.input) {
            if poll_fn(|cx| self.poll_read(cx)).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.input.starts_with(H2_PREFACE))
    }

    /// The socket, and what was read from it.
    pub(crate) fn into_parts(self) -> (TcpStream, BytesMut) {
        (self.tcp, self.input)
    }

    /// Reads the head of a request that has begun; `limit` is for all of it. `None` when there is none, which the client
    /// has been told.
    pub(crate) async fn read_head(&mut self, limit: Duration) -> Option<Box<RequestHead>> {
        let refused = match request::take(&mut self.input) {
            Ok(Some(head)) => return Some(head),
            Ok(None) => match timeout(limit, self.rest_of_head()).await {
                Ok(Ok(head)) => return head,
                Ok(Err(refused)) => refused,
                Err(_) => Refused::TooSlow,
            },
            Err(refused) => refused,
        };
        drop(timeout(LINGER, self.refuse(refused)).await);
        None
    }

    async fn rest_of_head(&mut self) -> Result<Option<Box<RequestHead>>, Refused> {
        loop {
            let before = self.input.len();
            match poll_fn(|cx| self.poll_read(cx)).await {
                Ok(0) | Err(_) => return Ok(None),
                Ok(_) => {}
            }
            // A head that comes byte by byte is looked through once, and not once for each.
            if request::may_end(&self.input, before) {
                let head = request::take(&mut self.input)?;
                if head.is_some() {
                    return Ok(head);
                }
            }
        }
    }

    /// Sends what has been written, as far as the socket takes it.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_write(&mut self.tcp, cx)
    }

    /// Whether more may be written; sends what is in the way.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.output.has_room() {
            true => Poll::Ready(Ok(())),
            false => {
                ready!(self.poll_send(cx))?;
                Poll::Ready(Ok(()))
            }
        }
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        poll_read(&mut self.tcp, &mut self.input, cx)
    }

    /// Says that nothing more is sent.
    pub(super) async fn close(&mut self) {
        drop(self.tcp.shutdown().await);
    }

    /// Says why, and closes the connection while the client may be sending: what it sends is read, since closing on unread
    /// bytes resets the connection, and a reset can overtake the answer.
    async fn refuse(&mut self, refused: Refused) {
        drop(self.tcp.write_all(refused.answer()).await);
        self.close().await;
        while poll_fn(|cx| self.poll_read(cx)).await.is_ok_and(|read| read > 0) {
            self.input.clear();
        }
    }
}
