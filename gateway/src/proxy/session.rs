//! A client's session with a deadline.
//!
//! pingora has no limit for a request as a whole: its timeouts start anew with each read. It does poll the client's
//! side of a request all the while, so a session that fails that poll when the time is up ends the request, whatever
//! the upstream is doing. This wraps the session that pingora made, for either version, and gives it back when it is
//! dropped, because keep-alive belongs to the original.
//!
//! The trait is hidden from pingora's documentation and may change with any release: the version is pinned, and
//! nothing else of ours names it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::header::TRANSFER_ENCODING;
use http::{HeaderMap, Version};
use pingora_core::protocols::Digest;
use pingora_core::protocols::http::custom::CustomMessageWrite;
use pingora_core::protocols::http::custom::server::Session as CustomSession;
use pingora_core::protocols::http::{HttpTask, ServerSession};
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use tokio::time::{Instant, Sleep, sleep_until};

/// The error of a request whose time is up.
pub(crate) const TIME_IS_UP: ErrorType = ErrorType::Custom("request timeout");

type MessageReader = Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>;

/// The end of a request's time, and the way back to its session. Shared between the context and the wrapped session.
#[derive(Clone, Default)]
pub(crate) struct Deadline(Arc<Shared>);

#[derive(Default)]
struct Shared {
    at: Mutex<Option<Instant>>,
    original: Mutex<Option<Box<ServerSession>>>,
}

impl Deadline {
    /// Sets or moves the end; `None` takes it away.
    pub(crate) fn set(&self, at: Option<Instant>) {
        *self.0.at.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    pub(crate) fn at(&self) -> Option<Instant> {
        *self.0.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `session` under this deadline.
    pub(crate) fn wrap(&self, session: &mut Box<ServerSession>) {
        let original = std::mem::replace(session, placeholder());
        let timed = TimedSession { inner: Some(original), clock: Clock { deadline: self.clone(), timer: None } };
        **session = ServerSession::new_custom(Box::new(timed));
    }

    /// Puts the original session back; does nothing when it is in place.
    pub(crate) fn unwrap(&self, session: &mut Box<ServerSession>) {
        if session.is_custom() {
            drop(std::mem::replace(session, placeholder()));
            let original = self.0.original.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(original) = original {
                *session = original;
            }
        }
    }
}

/// Stands in a session's place for the moment of an exchange; nobody asks it anything.
fn placeholder() -> Box<ServerSession> {
    Box::new(ServerSession::new_custom(Box::new(())))
}

struct TimedSession {
    /// Taken when this is dropped, and only then.
    inner: Option<Box<ServerSession>>,
    clock: Clock,
}

/// A timer that is registered once for a deadline, however often it is asked.
struct Clock {
    deadline: Deadline,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    async fn elapsed(&mut self) {
        let Some(at) = self.deadline.at() else { return std::future::pending().await };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().await;
    }

    async fn limit<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            // The time first: work that is always ready must not outrun it.
            biased;
            () = self.elapsed() => Error::e_explain(TIME_IS_UP, "the request took longer than its route allows"),
            result = work => result,
        }
    }
}

impl Drop for TimedSession {
    fn drop(&mut self) {
        *self.clock.deadline.0.original.lock().unwrap_or_else(PoisonError::into_inner) = self.inner.take();
    }
}

impl TimedSession {
    // `inner` is empty only while `drop` runs; a placeholder in its place would be a second state to explain.
    #[allow(clippy::expect_used)]
    fn inner(&self) -> &ServerSession {
        self.inner.as_ref().expect("present until dropped")
    }

    #[allow(clippy::expect_used)]
    fn inner_mut(&mut self) -> &mut ServerSession {
        self.inner.as_mut().expect("present until dropped")
    }

    /// HTTP/1.0 knows no chunks (RFC 9112 section 6.1), which the engine writes to everyone: for such a client the end
    /// of the connection is the end of the body. Only here is the head as it will be sent.
    fn suit(&self, head: &mut ResponseHeader) {
        if self.inner().req_header().version == Version::HTTP_10 {
            head.remove_header(&TRANSFER_ENCODING);
        }
    }

    #[allow(clippy::expect_used)]
    fn split(&mut self) -> (&mut ServerSession, &mut Clock) {
        (self.inner.as_mut().expect("present until dropped"), &mut self.clock)
    }
}

#[async_trait]
impl CustomSession for TimedSession {
    fn req_header(&self) -> &RequestHeader {
        self.inner().req_header()
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        self.inner_mut().req_header_mut()
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        let (inner, clock) = self.split();
        clock.limit(inner.read_request_body()).await
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        let (inner, clock) = self.split();
        clock.limit(inner.drain_request_body()).await
    }

    async fn write_response_header(&mut self, mut resp: Box<ResponseHeader>, _end: bool) -> Result<()> {
        self.suit(&mut resp);
        let (inner, clock) = self.split();
        clock.limit(inner.write_response_header(resp)).await
    }

    async fn write_response_header_ref(&mut self, resp: &ResponseHeader, _end: bool) -> Result<()> {
        let (inner, clock) = self.split();
        clock.limit(inner.write_response_header_ref(resp)).await
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        let (inner, clock) = self.split();
        clock.limit(inner.write_response_body(data, end)).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        let (inner, clock) = self.split();
        clock.limit(inner.write_response_trailers(trailers)).await
    }

    async fn response_duplex_vec(&mut self, mut tasks: Vec<HttpTask>) -> Result<bool> {
        for task in &mut tasks {
            if let HttpTask::Header(head, _) = task {
                self.suit(head);
            }
        }
        let (inner, clock) = self.split();
        clock.limit(inner.response_duplex_vec(tasks)).await
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.inner_mut().set_read_timeout(timeout);
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.inner().get_read_timeout()
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.inner_mut().set_write_timeout(timeout);
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.inner().get_write_timeout()
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.inner_mut().set_total_drain_timeout(timeout);
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.inner().get_total_drain_timeout()
    }

    fn request_summary(&self) -> String {
        self.inner().request_summary()
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.inner().response_written()
    }

    async fn shutdown(&mut self, _code: u32, _ctx: &str) {
        self.inner_mut().shutdown().await;
    }

    fn is_body_done(&mut self) -> bool {
        self.inner_mut().is_body_done()
    }

    async fn finish(&mut self) -> Result<()> {
        let (inner, clock) = self.split();
        clock.limit(inner.finish_body()).await
    }

    fn is_body_empty(&mut self) -> bool {
        self.inner_mut().is_body_empty()
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        let (inner, clock) = self.split();
        clock.limit(inner.read_body_or_idle(no_body_expected)).await
    }

    fn body_bytes_sent(&self) -> usize {
        self.inner().body_bytes_sent()
    }

    fn body_bytes_read(&self) -> usize {
        self.inner().body_bytes_read()
    }

    fn digest(&self) -> Option<&Digest> {
        self.inner().digest()
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        self.inner_mut().digest_mut()
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.inner().client_addr()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        self.inner().server_addr()
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        self.inner().to_h1_raw()
    }

    fn enable_retry_buffering(&mut self) {
        self.inner_mut().enable_retry_buffering();
    }

    fn retry_buffer_truncated(&self) -> bool {
        self.inner().retry_buffer_truncated()
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        self.inner().get_retry_buffer()
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(&mut self) -> Option<MessageReader> {
        None
    }

    fn restore_custom_message_reader(&mut self, _reader: MessageReader) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(&mut self, _writer: Box<dyn CustomMessageWrite>) -> Result<()> {
        Ok(())
    }

    fn is_upgrade_req(&self) -> bool {
        self.inner().is_upgrade_req()
    }

    fn was_upgraded(&self) -> bool {
        self.inner().was_upgraded()
    }
}
