//! One request to an upstream and its answer, over a connection of either version.
//!
//! Nothing here waits by itself: an exchange is polled, sends what it has been given and tells what has come. So one
//! task carries both directions, and neither waits for the other.

mod event;
mod http1;
mod http2;

use std::task::{Context, Poll};

use bytes::Bytes;
use pingora_core::protocols::Stream;
use pingora_error::Result;

use crate::head::RequestHead;

pub(crate) use event::Event;

use crate::upstream::Slot;

/// An exchange that has begun.
pub(crate) enum Exchange {
    Http1(http1::Exchange),
    Http2(Box<http2::Exchange>),
}

impl Exchange {
    /// Begins an exchange over a connection that speaks HTTP/1.1; nothing is written yet.
    ///
    /// # Errors
    /// The head cannot be written.
    pub(crate) fn over_http1(stream: Stream, head: &RequestHead) -> Result<Self> {
        http1::Exchange::new(stream, head).map(Self::Http1)
    }

    /// Begins an exchange on an HTTP/2 connection. `ends` says that the request has no body.
    ///
    /// # Errors
    /// The connection takes no more requests.
    pub(crate) fn over_http2(slot: Slot, head: RequestHead, ends: bool) -> Result<Self> {
        Ok(Self::Http2(Box::new(http2::Exchange::new(slot, head, ends)?)))
    }

    /// Takes the next bytes of the request's body, which may be none, and whether they are the last.
    pub(crate) fn push(&mut self, bytes: Bytes, ends: bool) {
        match self {
            Self::Http1(exchange) => exchange.push(bytes, ends),
            Self::Http2(exchange) => exchange.push(bytes, ends),
        }
    }

    /// Whether [`Exchange::push`] may be called; if not, a poll tells when.
    pub(crate) fn has_room(&self) -> bool {
        match self {
            Self::Http1(exchange) => exchange.has_room(),
            Self::Http2(exchange) => exchange.has_room(),
        }
    }

    /// Sends, and tells what has come. `wants_room` asks to be told when there is room again.
    ///
    /// # Errors
    /// The upstream broke off, or does not speak HTTP.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, wants_room: bool) -> Poll<Result<Event>> {
        match self {
            Self::Http1(exchange) => exchange.poll(cx, wants_room),
            Self::Http2(exchange) => exchange.poll(cx, wants_room),
        }
    }
}
