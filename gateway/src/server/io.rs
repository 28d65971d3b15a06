//! The stream under a client's connection: what pingora reads from and writes to.
//!
//! pingora's own stream holds a response with a known length back until it is complete, lets a head drip in for
//! ever, and keeps a 64 KiB read buffer for each connection. This one gathers writes (so that head, chunk size and
//! chunk leave together) and sends them before it waits for the client, which is the moment at which pingora has
//! nothing more to write; it bounds the time and size of each head; and it buffers no reads.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::head::{HEAD_LIMIT, HeadScanner, Scanned};

/// Writes gather up to this size; the size of a TLS record and of a large SSE event.
const GATHER: usize = 16 * 1024;

/// How much is read at once where a request begins; the heads of the OpenAI SDKs are about 1 KiB.
const AHEAD: usize = 4 * 1024;

/// The first bytes of an HTTP/2 connection (RFC 9113 section 3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
const MALFORMED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
const TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// A client's connection.
pub(crate) struct DownstreamIo {
    tcp: TcpStream,
    digest: Arc<SocketDigest>,
    /// Bytes read while looking for the preface, not handed on yet.
    prefix: Vec<u8>,
    gathered: Vec<u8>,
    /// How many of the gathered bytes are sent.
    sent: usize,
    http2: bool,
    head: Option<Head>,
}

/// The head that is being read, and its limits.
struct Head {
    scanner: HeadScanner,
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl DownstreamIo {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        let digest = Arc::new(SocketDigest::from_raw_fd(tcp.as_raw_fd()));
        Self { tcp, digest, prefix: Vec::new(), gathered: Vec::new(), sent: 0, http2: false, head: None }
    }

    /// Reads until it is clear which version the client speaks; true for HTTP/2 by prior knowledge.
    ///
    /// # Errors
    /// The connection broke, or ended before it began.
    pub(crate) async fn sniff(&mut self) -> io::Result<bool> {
        while self.prefix.len() < H2_PREFACE.len() && H2_PREFACE.starts_with(&self.prefix) {
            if self.read_ahead().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.http2 = self.prefix.starts_with(H2_PREFACE);
        Ok(self.http2)
    }

    /// Waits for the first bytes of the next request; false when the client is gone.
    pub(crate) async fn next_request(&mut self) -> bool {
        // An idle connection holds no buffer.
        self.gathered = Vec::new();
        !self.prefix.is_empty() || self.read_ahead().await.is_ok_and(|read| read > 0)
    }

    /// Waits until something can be read and takes it, commonly a whole head. Makes no buffer before that.
    async fn read_ahead(&mut self) -> io::Result<usize> {
        loop {
            self.tcp.readable().await?;
            // Not `try_read`, which leaves a socket that has given all it had marked as readable: the next to ask
            // would ask the system in vain.
            if let Poll::Ready(read) = poll_fn(|cx| Poll::Ready(self.poll_ahead(cx))).await {
                return read;
            }
        }
    }

    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let before = self.prefix.len();
        let mut room = [0; AHEAD];
        let mut buf = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut buf))?;
        self.prefix.extend_from_slice(buf.filled());
        Poll::Ready(Ok(self.prefix.len() - before))
    }

    /// Starts the limits of the next head.
    pub(crate) fn begin_head(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        self.head = Some(Head { scanner: HeadScanner::default(), deadline, timer: None });
    }

    /// Sends what is gathered, as far as the socket takes it.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.gathered.len() {
            let written = ready!(Pin::new(&mut self.tcp).poll_write(cx, &self.gathered[self.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        self.gathered.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.tcp).poll_read(cx, buf);
        }
        let taken = self.prefix.len().min(buf.remaining());
        buf.put_slice(&self.prefix[..taken]);
        if taken == self.prefix.len() {
            self.prefix = Vec::new();
        } else {
            self.prefix.drain(..taken);
        }
        Poll::Ready(Ok(()))
    }

    /// Looks at bytes of a head that were just read.
    fn scan(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(head) = &mut self.head else { return Ok(()) };
        match head.scanner.feed(bytes) {
            Scanned::Going => Ok(()),
            Scanned::Ended => {
                self.head = None;
                Ok(())
            }
            Scanned::Malformed => self.refuse(MALFORMED, "a first line that is not METHOD TARGET VERSION"),
            Scanned::TooLarge => self.refuse(TOO_LARGE, &format!("a head of more than {HEAD_LIMIT} bytes")),
        }
    }

    /// Says why on the wire (best effort: nothing else has been written at this point) and fails the read.
    fn refuse(&mut self, answer: &[u8], why: &str) -> io::Result<()> {
        self.head = None;
        drop(self.tcp.try_write(answer));
        Err(io::Error::new(io::ErrorKind::InvalidData, why))
    }
}

impl Head {
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline))).as_mut().poll(cx)
    }
}

impl AsyncRead for DownstreamIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Poll::Ready(Err(error)) = this.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        let before = buf.filled().len();
        match this.poll_bytes(cx, buf) {
            Poll::Ready(Ok(())) => Poll::Ready(this.scan(&buf.filled()[before..])),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => match this.head.as_mut().map(|head| head.poll_deadline(cx)) {
                Some(Poll::Ready(())) => Poll::Ready(this.refuse(TIMED_OUT, "a head that took too long")),
                _ => Poll::Pending,
            },
        }
    }
}

impl AsyncWrite for DownstreamIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.gathered.len() + bytes.len() > GATHER {
            ready!(this.poll_send(cx))?;
        }
        if bytes.len() >= GATHER {
            return Pin::new(&mut this.tcp).poll_write(cx, bytes);
        }
        this.gathered.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.tcp).poll_shutdown(cx)
    }
}

#[async_trait]
impl Shutdown for DownstreamIo {
    async fn shutdown(&mut self) {
        drop(AsyncWriteExt::shutdown(self).await);
    }
}

impl UniqueID for DownstreamIo {
    fn id(&self) -> UniqueIDType {
        self.tcp.as_raw_fd()
    }
}

impl Ssl for DownstreamIo {
    /// How pingora is told the version on a connection without TLS.
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.http2.then_some(ALPN::H2)
    }
}

impl GetTimingDigest for DownstreamIo {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for DownstreamIo {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for DownstreamIo {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.digest))
    }
}

impl Peek for DownstreamIo {}

impl fmt::Debug for DownstreamIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownstreamIo").field("fd", &self.tcp.as_raw_fd()).finish_non_exhaustive()
    }
}
