//! Carries a request to the upstream and its answer to the client, both at once, until the answer is whole.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Context as Waking;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use pingora_error::Error;

use super::context::Context;
use super::failure::Fault;
use super::local_reply::LocalReply;
use crate::exchange::{Event, Exchange};
use crate::filter::edit_response;
use crate::head::ResponseHead;
use crate::session::Session;
use crate::telemetry::Metrics;

/// Informational answers that are passed on before the upstream counts as broken.
const MAX_INFORMATIONAL: u32 = 8;

/// Most fields and bytes of an answer's head, as of a request's; Envoy's defaults.
const MAX_FIELDS: usize = 100;
const MAX_FIELD_BYTES: usize = 60 * 1024;

/// Both ends of a request that is under way.
pub(super) struct Relay<'a> {
    pub(super) session: &'a mut Session,
    pub(super) exchange: &'a mut Exchange,
    pub(super) ctx: &'a mut Context,
    pub(super) metrics: &'a Metrics,
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
                    if bytes.is_none() && self.session.has_switched() {
                        return Ok(true);
                    }
                    taken = self.take(bytes);
                }
                Step::Upstream(event) => {
                    self.ctx.clock.tick();
                    let switched = self.session.has_switched();
                    if self.pass(event.map_err(Error::into_up)?).await? {
                        return Ok(taken);
                    }
                    // From now on the client's bytes are the other protocol's.
                    taken &= switched || !self.session.has_switched();
                }
                Step::TimeUp(error) => return Err(error.into()),
            }
        }
    }

    /// What was taken of the body already, for an attempt before this one; true when that is all of it.
    fn replay(&mut self) -> bool {
        let whole = self.session.is_whole();
        let taken = self.session.kept_body();
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
        poll_fn(|cx| {
            // When the body is there, this tells that the client has gone.
            let mut client = |cx: &mut Waking<'_>| match wants_room {
                true => session.poll_send(cx).map(|error| Step::Client(Err(error))),
                false => session.poll_body(cx, taken).map(Step::Client),
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
        let ends = bytes.is_none() || self.session.is_whole();
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
                let at = self.ctx.elapsed();
                if let Some(tap) = &mut self.ctx.tap {
                    tap.response_body(&bytes, at);
                }
                let written = pin!(self.session.write_body(bytes, ends));
                Ok(self.ctx.clock.limit(written).await.map_err(Error::into_down)?)
            }
            Event::Trailers(trailers) => {
                let written = pin!(self.session.write_trailers(trailers));
                self.ctx.clock.limit(written).await.map_err(Error::into_down)?;
                Ok(true)
            }
        }
    }

    async fn pass_head(&mut self, mut head: Box<ResponseHead>, ends: bool) -> Result<bool, Fault> {
        if head.status == StatusCode::SWITCHING_PROTOCOLS && !self.session.asks_switch() {
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
        }
        let written = pin!(self.session.write_head(head, ends));
        Ok(self.ctx.clock.limit(written).await.map_err(Error::into_down)?)
    }

    fn look_at(&mut self, head: &ResponseHead) -> Result<(), LocalReply> {
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

    fn edit(&self, head: &mut ResponseHead) -> Result<(), LocalReply> {
        let Some(rule) = &self.ctx.rule else { return Ok(()) };
        edit_response(&rule.response_edits, head).map_err(|_| LocalReply::Internal)
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
