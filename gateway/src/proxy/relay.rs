//! Carries a request to the upstream and its answer to the client, both at once, until the answer is whole.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context as Waking, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Method, StatusCode, Version};
use pingora_core::protocols::http::{HttpTask, ServerSession};
use pingora_error::Error;
use pingora_http::ResponseHeader;

use super::context::Context;
use super::failure::Fault;
use super::local_reply::LocalReply;
use crate::exchange::{Event, Exchange};
use crate::filter::edit_response;
use crate::telemetry::Metrics;

/// Informational answers that are passed on before the upstream counts as broken.
const MAX_INFORMATIONAL: u32 = 8;

/// Most fields and bytes of an answer's head, as of a request's; Envoy's defaults.
const MAX_FIELDS: usize = 100;
const MAX_FIELD_BYTES: usize = 60 * 1024;

/// Both ends of a request that is under way.
pub(super) struct Relay<'a> {
    pub(super) session: &'a mut ServerSession,
    pub(super) exchange: &'a mut Exchange,
    pub(super) ctx: &'a mut Context,
    pub(super) metrics: &'a Metrics,
    /// What of the answer's body is to come, where its length is known and the client goes by it.
    pub(super) left: Option<u64>,
}

/// What has happened on one side.
enum Step {
    Client(pingora_error::Result<Option<Bytes>>),
    Upstream(pingora_error::Result<Event>),
    TimeUp(Box<Error>),
}

impl Relay<'_> {
    /// Runs until the answer is with the client; whether the request was taken whole by then.
    ///
    /// # Errors
    /// Either side broke off, or time is up. An answer may have begun.
    pub(super) async fn run(mut self) -> Result<bool, Fault> {
        let mut taken = self.replay();
        loop {
            match self.step(taken).await {
                Step::Client(bytes) => {
                    self.ctx.clock.tick();
                    let bytes = bytes.map_err(Error::into_down)?;
                    if bytes.is_none() && self.session.was_upgraded() {
                        return Ok(true);
                    }
                    taken = self.take(bytes);
                }
                Step::Upstream(event) => {
                    self.ctx.clock.tick();
                    let switched = self.session.was_upgraded();
                    if self.pass(event.map_err(Error::into_up)?).await? {
                        return Ok(taken);
                    }
                    // From now on the client's bytes are the other protocol's.
                    taken &= switched || !self.session.was_upgraded();
                }
                Step::TimeUp(error) => return Err(error.into()),
            }
        }
    }

    /// What was taken of the body already, for an attempt before this one; true when that is all of it.
    fn replay(&mut self) -> bool {
        let whole = self.session.is_body_done();
        let taken = self.session.get_retry_buffer();
        if whole || taken.is_some() {
            let bytes = taken.unwrap_or_default();
            self.feed(&bytes);
            self.exchange.push(bytes, whole);
        }
        whole
    }

    /// While the request is not whole, the client comes first: a small body that came with its head then leaves with it,
    /// too. Afterwards the upstream does, for the same reason: asking the client sends what has gathered for it.
    async fn step(&mut self, taken: bool) -> Step {
        let Self { session, exchange, ctx, .. } = self;
        let wants_room = !taken && !exchange.has_room();
        let mut client = pin!(session.read_body_or_idle(taken));
        poll_fn(|cx| {
            // When the body is there, this tells that the client has gone.
            let mut client = |cx: &mut Waking<'_>| match wants_room {
                true => Poll::Pending,
                false => client.as_mut().poll(cx).map(Step::Client),
            };
            let mut upstream = |cx: &mut Waking<'_>| exchange.poll(cx, wants_room).map(Step::Upstream);
            let first = if taken { upstream(cx) } else { client(cx) };
            if first.is_ready() {
                return first;
            }
            let second = if taken { client(cx) } else { upstream(cx) };
            if second.is_ready() { second } else { ctx.clock.poll_up(cx).map(Step::TimeUp) }
        })
        .await
    }

    /// Takes bytes of the request's body; true when they were the last.
    fn take(&mut self, bytes: Option<Bytes>) -> bool {
        let ends = bytes.is_none() || self.session.is_body_done();
        let bytes = bytes.unwrap_or_default();
        self.feed(&bytes);
        self.exchange.push(bytes, ends);
        ends
    }

    fn feed(&mut self, bytes: &[u8]) {
        if let Some(tap) = &mut self.ctx.tap {
            tap.request_body(bytes);
        }
    }

    /// Passes on what the upstream has said; true when that ends the answer.
    async fn pass(&mut self, event: Event) -> Result<bool, Fault> {
        match event {
            Event::Room => Ok(false),
            Event::Head { head, ends } => self.pass_head(head, ends).await,
            Event::Body { bytes, ends } => {
                let ends = ends || self.is_last(bytes.len());
                let at = self.ctx.elapsed();
                if let Some(tap) = &mut self.ctx.tap {
                    tap.response_body(&bytes, at);
                }
                let written = pin!(self.session.write_response_body(bytes, ends));
                self.ctx.clock.limit(written).await.map_err(Error::into_down)?;
                Ok(ends)
            }
            Event::Trailers(trailers) => {
                self.session.write_response_trailers(trailers).await.map_err(Error::into_down)?;
                self.session.finish_body().await.map_err(Error::into_down)?;
                Ok(true)
            }
        }
    }

    /// Whether a body is whole with so many bytes more. A client that has got its length asks the next question, while an
    /// upstream that speaks HTTP/2 may say a little later that this was all.
    fn is_last(&mut self, length: usize) -> bool {
        let Some(left) = &mut self.left else { return false };
        *left = left.saturating_sub(length as u64);
        *left == 0
    }

    async fn pass_head(&mut self, mut head: Box<ResponseHeader>, ends: bool) -> Result<bool, Fault> {
        if head.status == StatusCode::SWITCHING_PROTOCOLS && !self.session.is_upgrade_req() {
            // Whatever the upstream writes after it would be tunnelled.
            return Err(LocalReply::UpstreamProtocol.into());
        }
        if head.status.is_informational() {
            self.ctx.upstream.informational += 1;
            if self.ctx.upstream.informational > MAX_INFORMATIONAL {
                return Err(LocalReply::UpstreamProtocol.into());
            }
        } else {
            self.look_at(&head)?;
            self.edit(&mut head)?;
            self.frame(&mut head, ends)?;
        }
        let written = pin!(self.session.response_duplex_vec(vec![HttpTask::Header(head, ends)]));
        self.ctx.clock.limit(written).await.map_err(Error::into_down)?;
        Ok(ends)
    }

    fn look_at(&mut self, head: &ResponseHeader) -> Result<(), LocalReply> {
        if is_oversized(&head.headers) {
            return Err(LocalReply::UpstreamProtocol);
        }
        self.ctx.upstream.first_byte = Some(self.ctx.elapsed());
        if is_event_stream(&head.headers) {
            self.ctx.active_stream = Some(self.metrics.active_stream());
        }
        if let Some(tap) = &mut self.ctx.tap {
            tap.response_head(head.status, &head.headers);
        }
        Ok(())
    }

    fn edit(&self, head: &mut ResponseHeader) -> Result<(), LocalReply> {
        let Some(rule) = &self.ctx.rule else { return Ok(()) };
        edit_response(&rule.response_edits, head).map_err(|_| LocalReply::Internal)
    }

    /// Frames the body for the client: by its length or in chunks; HTTP/1.0 knows no chunks (RFC 9112 section 6.1), and
    /// the end of its connection is the end of the body.
    fn frame(&mut self, head: &mut ResponseHeader, ends: bool) -> pingora_error::Result<()> {
        head.set_version(Version::HTTP_11);
        if !self.session.is_http2() {
            let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            self.left = length.and_then(|length| length.parse().ok());
        }
        let request = self.session.req_header();
        if request.version == Version::HTTP_10 {
            head.remove_header(&TRANSFER_ENCODING);
            return Ok(());
        }
        let no_body = ends || request.method == Method::HEAD || matches!(head.status.as_u16(), 101 | 204 | 304);
        let framed = head.headers.contains_key(CONTENT_LENGTH) || head.headers.contains_key(TRANSFER_ENCODING);
        if no_body || framed { Ok(()) } else { head.insert_header(TRANSFER_ENCODING, "chunked") }
    }
}

fn is_oversized(headers: &HeaderMap) -> bool {
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    headers.len() > MAX_FIELDS || bytes > MAX_FIELD_BYTES
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let event_stream = b"text/event-stream";
    content_type.get(..event_stream.len()).is_some_and(|start| start.eq_ignore_ascii_case(event_stream))
}
