//! A request on a stream of an HTTP/2 connection (RFC 9113): the engine's, in the words of this crate.

use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pingora_core::protocols::http::{HttpTask, ServerSession};
use pingora_error::{Error, ErrorType, Result};

use super::http1::LINGER;
use crate::head::{RequestHead, ResponseHead};

/// One request and its answer.
pub(crate) struct Session {
    inner: ServerSession,
    head: RequestHead,
}

impl Session {
    pub(super) async fn read(mut session: ServerSession) -> Option<Self> {
        let there = session.read_request().await.is_ok_and(|read| read);
        // Silence is the proxy's to judge, which minds both sides.
        session.set_read_timeout(None);
        there.then(|| Self { head: session.req_header().clone().into(), inner: session })
    }

    pub(super) fn head(&self) -> &RequestHead {
        &self.head
    }

    pub(super) fn head_mut(&mut self) -> &mut RequestHead {
        &mut self.head
    }

    pub(super) fn client(&self) -> Option<SocketAddr> {
        self.inner.client_addr().and_then(|address| address.as_inet()).copied()
    }

    pub(super) fn has_body(&mut self) -> bool {
        !self.inner.is_body_empty()
    }

    pub(super) fn is_whole(&mut self) -> bool {
        self.inner.is_body_done()
    }

    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>, taken: bool) -> Poll<Result<Option<Bytes>>> {
        pin!(self.inner.read_body_or_idle(taken)).poll(cx)
    }

    pub(super) fn keep_body(&mut self) {
        self.inner.enable_retry_buffering();
    }

    pub(super) fn kept_body(&self) -> Option<Bytes> {
        self.inner.get_retry_buffer()
    }

    pub(super) fn has_outgrown(&self) -> bool {
        self.inner.retry_buffer_truncated()
    }

    pub(super) async fn write_head(&mut self, head: Box<ResponseHead>, ends: bool) -> Result<bool> {
        self.inner.response_duplex_vec(vec![HttpTask::Header(Box::new((*head).into()), ends)]).await?;
        Ok(ends)
    }

    pub(super) async fn write_body(&mut self, bytes: Bytes, ends: bool) -> Result<bool> {
        self.inner.write_response_body(bytes, ends).await?;
        Ok(ends)
    }

    pub(super) async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.inner.write_response_trailers(trailers).await?;
        self.inner.finish_body().await
    }

    /// The engine sends what it holds when it is told of a failure after something else.
    pub(super) async fn break_off(&mut self) -> Result<()> {
        let broken = HttpTask::Failed(Error::new(ErrorType::ConnectionClosed));
        self.inner.response_duplex_vec(vec![HttpTask::Body(None, false), broken]).await.map(drop)
    }

    pub(super) async fn linger(&mut self) {
        self.inner.set_total_drain_timeout(Some(LINGER));
        drop(self.inner.drain_request_body().await);
    }

    pub(super) fn status(&self) -> Option<StatusCode> {
        self.inner.response_written().map(|head| head.status)
    }

    pub(super) fn received(&self) -> u64 {
        count(self.inner.body_bytes_read())
    }

    pub(super) fn sent(&self) -> u64 {
        count(self.inner.body_bytes_sent())
    }

    /// Ends the stream.
    pub(crate) async fn finish(self) {
        drop(self.inner.finish().await);
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
