//! One request and its answer on a stream of an HTTP/2 connection (RFC 9113).

mod fault;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderName, Method, Request};
use pingora_error::{Error, ErrorType, OrErr, Result};

use super::event::Event;
use crate::head::RequestHead;
use crate::upstream::Slot;

/// Fields that are new with each request. They are sent as such (RFC 7541 section 6.2.3): in the table of fields that both
/// ends keep, each would take the place of one that comes again.
const NEVER_THE_SAME: [HeaderName; 2] =
    [HeaderName::from_static("x-request-id"), HeaderName::from_static("traceparent")];

/// A request and its answer. The streams come first, so that they have ended when their room is given back.
pub(crate) struct Exchange {
    answer: Answer,
    body: SendStream<Bytes>,
    /// What waits for the upstream's window.
    waiting: Bytes,
    request: RequestBody,
    is_head: bool,
    slot: Slot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestBody {
    /// More may be pushed.
    Open,
    /// What waits is the last.
    Last,
    Sent,
}

/// What comes next.
enum Answer {
    Head(ResponseFuture),
    Body(RecvStream),
    Trailers(RecvStream),
    Done,
}

impl Exchange {
    pub(super) fn new(mut slot: Slot, head: RequestHead, ends: bool) -> Result<Self> {
        let mut head = Request::from_parts(head, ());
        for name in &NEVER_THE_SAME {
            if let Some(value) = head.headers_mut().get_mut(name) {
                value.set_sensitive(true);
            }
        }
        let is_head = *head.method() == Method::HEAD;
        let sent = slot.send(head, ends);
        let (answer, body) = sent.map_err(fault::of_sending)?;
        let request = if ends { RequestBody::Sent } else { RequestBody::Open };
        Ok(Self { answer: Answer::Head(answer), body, waiting: Bytes::new(), request, is_head, slot })
    }

    pub(super) fn push(&mut self, bytes: Bytes, ends: bool) {
        if self.request == RequestBody::Open {
            self.waiting = bytes;
            if ends {
                self.request = RequestBody::Last;
            }
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, wants_room: bool) -> Poll<Result<Event>> {
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            // The answer may be there all the same; if it is not, reading it says why.
            self.give_up_sending();
            tracing::debug!(%error, "a request's body was not taken");
        }
        if wants_room && self.has_room() {
            return Poll::Ready(Ok(Event::Room));
        }
        match &mut self.answer {
            Answer::Head(answer) => {
                let answer = ready!(Pin::new(answer).poll(cx)).map_err(fault::of_head)?;
                Poll::Ready(self.begin_answer(answer, cx))
            }
            Answer::Body(_) => self.poll_body(cx),
            Answer::Trailers(_) => self.poll_trailers(cx),
            Answer::Done => Poll::Pending,
        }
    }

    /// Ends the exchange before its time: the upstream is told. `silent` says that nothing was heard of it for too
    /// long, so that its connection is given up as well.
    pub(crate) fn cancel(&mut self, silent: bool) {
        self.body.send_reset(Reason::CANCEL);
        if silent {
            self.slot.retire_connection();
        }
    }

    fn give_up_sending(&mut self) {
        (self.waiting, self.request) = (Bytes::new(), RequestBody::Sent);
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let failed = "while sending the request's body";
        while !self.waiting.is_empty() {
            self.body.reserve_capacity(self.waiting.len());
            let room = self.body.capacity();
            if room == 0 {
                match ready!(self.body.poll_capacity(cx)) {
                    Some(room) => {
                        room.or_err(ErrorType::WriteError, failed)?;
                    }
                    None => return Poll::Ready(Error::e_explain(ErrorType::WriteError, "the stream was closed")),
                }
                continue;
            }
            let piece = self.waiting.split_to(room.min(self.waiting.len()));
            let ends = self.request == RequestBody::Last && self.waiting.is_empty();
            self.body.send_data(piece, ends).or_err(ErrorType::WriteError, failed)?;
            if ends {
                self.request = RequestBody::Sent;
            }
        }
        if self.request == RequestBody::Last {
            self.request = RequestBody::Sent;
            self.body.send_data(Bytes::new(), true).or_err(ErrorType::WriteError, failed)?;
        }
        Poll::Ready(Ok(()))
    }

    fn begin_answer(&mut self, answer: http::Response<RecvStream>, cx: &mut Context<'_>) -> Result<Event> {
        let (head, mut body) = answer.into_parts();
        let length = fault::content_length(&head.headers)?;
        let ends = has_ended(&mut body, cx)?;
        let without_body = self.is_head || matches!(head.status.as_u16(), 204 | 304);
        if ends && length > 0 && !without_body {
            return Error::e_explain(ErrorType::H2Error, "a length, and no body");
        }
        self.answer = if ends { Answer::Done } else { Answer::Body(body) };
        Ok(Event::Head { head: Box::new(head), ends })
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        while let Answer::Body(body) = &mut self.answer {
            let Some(bytes) = ready!(body.poll_data(cx)) else { break };
            let failed = "while reading the answer's body";
            let bytes = bytes.or_err(ErrorType::ReadError, failed)?;
            body.flow_control().release_capacity(bytes.len()).or_err(ErrorType::ReadError, failed)?;
            let ends = has_ended(body, cx)?;
            if ends {
                self.answer = Answer::Done;
            }
            if ends || !bytes.is_empty() {
                return Poll::Ready(Ok(Event::Body { bytes, ends }));
            }
        }
        if let Answer::Body(body) = std::mem::replace(&mut self.answer, Answer::Done) {
            self.answer = Answer::Trailers(body);
        }
        self.poll_trailers(cx)
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        let Answer::Trailers(body) = &mut self.answer else { return Poll::Pending };
        let trailers = ready!(body.poll_trailers(cx));
        self.answer = Answer::Done;
        Poll::Ready(Ok(match fault::trailers(trailers)? {
            Some(trailers) => Event::Trailers(trailers),
            None => Event::Body { bytes: Bytes::new(), ends: true },
        }))
    }
}

/// Whether nothing follows. A stream that was broken off looks like one that has ended, until it is read.
fn has_ended(body: &mut RecvStream, cx: &mut Context<'_>) -> Result<bool> {
    if !body.is_end_stream() {
        return Ok(false);
    }
    match body.poll_data(cx) {
        Poll::Ready(None) => Ok(true),
        Poll::Ready(Some(Err(error))) => Error::e_because(ErrorType::H2Error, "at the end of the answer", error),
        Poll::Ready(Some(Ok(_))) | Poll::Pending => Error::e_explain(ErrorType::H2Error, "bytes after the end"),
    }
}
