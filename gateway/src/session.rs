//! A client's request, and the way back to the client, over either version of HTTP.

pub(crate) mod http1;
mod http2;

use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pingora_core::protocols::http::ServerSession;
use pingora_error::{Error, Result};

use crate::head::{RequestHead, ResponseHead};
use crate::timer::Timer;

/// One request and its answer.
// It is on the heap already, with the rest of its request; what most clients speak takes no second place there.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Session {
    Http1(http1::Session),
    Http2(Box<http2::Session>),
}

impl Session {
    /// A request on a stream of an HTTP/2 connection, whose head is there; `None` when it is not.
    pub(crate) async fn over_http2(session: ServerSession) -> Option<Self> {
        Some(Self::Http2(Box::new(http2::Session::read(session).await?)))
    }

    /// The request's head.
    pub(crate) fn head(&self) -> &RequestHead {
        match self {
            Self::Http1(session) => session.head(),
            Self::Http2(session) => session.head(),
        }
    }

    pub(crate) fn head_mut(&mut self) -> &mut RequestHead {
        match self {
            Self::Http1(session) => session.head_mut(),
            Self::Http2(session) => session.head_mut(),
        }
    }

    /// The timer of the connection, for its request: one serves all of them.
    pub(crate) fn take_timer(&mut self) -> Timer {
        match self {
            Self::Http1(session) => std::mem::take(session.timer()),
            Self::Http2(_) => Timer::default(),
        }
    }

    /// Gives the timer back.
    pub(crate) fn put_timer(&mut self, timer: Timer) {
        match self {
            Self::Http1(session) => *session.timer() = timer,
            Self::Http2(_) => {}
        }
    }

    /// The client's address.
    pub(crate) fn client(&self) -> Option<SocketAddr> {
        match self {
            Self::Http1(session) => Some(session.client()),
            Self::Http2(session) => session.client(),
        }
    }

    /// Whether the request has a body.
    pub(crate) fn has_body(&mut self) -> bool {
        match self {
            Self::Http1(session) => session.has_body(),
            Self::Http2(session) => session.has_body(),
        }
    }

    /// Whether all of the body has been read.
    pub(crate) fn is_whole(&mut self) -> bool {
        match self {
            Self::Http1(session) => session.is_whole(),
            Self::Http2(session) => session.is_whole(),
        }
    }

    /// Sends what has gathered for the client, and reads the next bytes of the body; `None` at its end. When it is
    /// `taken` already, this waits for the client to leave, which is an error.
    ///
    /// # Errors
    /// The client has left, or does not speak HTTP.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>, taken: bool) -> Poll<Result<Option<Bytes>>> {
        match self {
            Self::Http1(session) => session.poll_body(cx, taken),
            Self::Http2(session) => session.poll_body(cx, taken),
        }
    }

    /// Sends what has gathered for the client, while its body is not read.
    ///
    /// # Errors
    /// The client has left.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Box<Error>> {
        match self {
            Self::Http1(session) => session.poll_send(cx),
            // It gathers nothing.
            Self::Http2(_) => Poll::Pending,
        }
    }

    /// From now on what is read of the body is kept, too, up to a limit.
    pub(crate) fn keep_body(&mut self) {
        match self {
            Self::Http1(session) => session.keep_body(),
            Self::Http2(session) => session.keep_body(),
        }
    }

    /// What was kept of the body; `None` where there was more than the limit or nothing.
    pub(crate) fn kept_body(&self) -> Option<Bytes> {
        match self {
            Self::Http1(session) => session.kept_body(),
            Self::Http2(session) => session.kept_body(),
        }
    }

    /// Whether the body was longer than what is kept.
    pub(crate) fn has_outgrown(&self) -> bool {
        match self {
            Self::Http1(session) => session.has_outgrown(),
            Self::Http2(session) => session.has_outgrown(),
        }
    }

    /// Writes the head of an answer; true when the client has all of it then. `ends` says that no body follows, which the
    /// client may know by the head, too.
    ///
    /// # Errors
    /// The client has left.
    pub(crate) async fn write_head(&mut self, head: Box<ResponseHead>, ends: bool) -> Result<bool> {
        match self {
            Self::Http1(session) => session.write_head(&head, ends).await,
            Self::Http2(session) => session.write_head(head, ends).await,
        }
    }

    /// Writes bytes of the answer's body; true when the client has all of the answer then. What has no end yet is sent when
    /// the client is waited for.
    ///
    /// A client that has got its length asks the next question, while an upstream that speaks HTTP/2 may say a little later
    /// that this was all.
    ///
    /// # Errors
    /// The client has left.
    pub(crate) async fn write_body(&mut self, bytes: Bytes, ends: bool) -> Result<bool> {
        match self {
            Self::Http1(session) => session.write_body(bytes, ends).await,
            Self::Http2(session) => session.write_body(bytes, ends).await,
        }
    }

    /// Ends the answer with trailers, which a client that speaks HTTP/1.1 does not get.
    ///
    /// # Errors
    /// The client has left.
    pub(crate) async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        match self {
            Self::Http1(session) => session.write_body(Bytes::new(), true).await.map(drop),
            Self::Http2(session) => session.write_trailers(trailers).await,
        }
    }

    /// Sends what has been written, before the answer breaks off.
    ///
    /// # Errors
    /// The client has left.
    pub(crate) async fn break_off(&mut self) -> Result<()> {
        match self {
            Self::Http1(session) => session.break_off().await,
            Self::Http2(session) => session.break_off().await,
        }
    }

    /// Reads the rest of the request, within reason: closing on unread bytes resets the connection, and a reset can
    /// overtake the answer.
    pub(crate) async fn linger(&mut self) {
        match self {
            Self::Http1(session) => session.linger().await,
            Self::Http2(session) => session.linger().await,
        }
    }

    /// The connection has no request after this one, and the client is told.
    pub(crate) fn close_after(&mut self) {
        match self {
            Self::Http1(session) => session.close_after(),
            // Its other streams go on.
            Self::Http2(_) => {}
        }
    }

    /// The status of the last head that was written.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Http1(session) => session.status(),
            Self::Http2(session) => session.status(),
        }
    }

    /// Whether the client asks for another protocol.
    pub(crate) fn asks_switch(&self) -> bool {
        match self {
            Self::Http1(session) => session.asks_switch(),
            Self::Http2(_) => false,
        }
    }

    /// Whether another protocol is spoken now.
    pub(crate) fn has_switched(&self) -> bool {
        match self {
            Self::Http1(session) => session.has_switched(),
            Self::Http2(_) => false,
        }
    }

    /// Bytes of the request's body that were read.
    pub(crate) fn received(&self) -> u64 {
        match self {
            Self::Http1(session) => session.received(),
            Self::Http2(session) => session.received(),
        }
    }

    /// Bytes of the answer's body that were written.
    pub(crate) fn sent(&self) -> u64 {
        match self {
            Self::Http1(session) => session.sent(),
            Self::Http2(session) => session.sent(),
        }
    }
}
