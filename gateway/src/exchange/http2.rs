//! One request and its answer on a stream of an HTTP/2 connection (RFC 9113).

use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::Method;
use pingora_core::protocols::http::v2::client::Http2Session;
use pingora_error::{Error, ErrorType, OrErr, Result};
use pingora_http::RequestHeader;

use super::event::Event;

/// A request and its answer.
pub(crate) struct Exchange {
    session: Http2Session,
    /// The writing side of the stream.
    body: Option<SendStream<Bytes>>,
    /// What waits for the upstream's window.
    waiting: Bytes,
    request: RequestBody,
    answer: Answer,
    is_head: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestBody {
    /// More may be pushed.
    Open,
    /// What waits is the last.
    Last,
    Sent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Head,
    Body,
    Trailers,
    Done,
}

impl Exchange {
    pub(super) fn new(mut session: Http2Session, head: Box<RequestHeader>, ends: bool) -> Result<Self> {
        let is_head = head.method == Method::HEAD;
        session.write_request_header(head, ends)?;
        let body = session.take_request_body_writer();
        let request = if ends { RequestBody::Sent } else { RequestBody::Open };
        Ok(Self { session, body, waiting: Bytes::new(), request, answer: Answer::Head, is_head })
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
        match self.answer {
            Answer::Head => self.poll_head(cx),
            Answer::Body => self.poll_body(cx),
            Answer::Trailers => self.poll_trailers(cx),
            Answer::Done => Poll::Pending,
        }
    }

    /// Ends the exchange before its time: the upstream is told. `silent` says that nothing was heard of it for too
    /// long, so that its connection is given up as well.
    pub(crate) fn cancel(&mut self, silent: bool) {
        if let Some(body) = &mut self.body {
            body.send_reset(Reason::CANCEL);
        }
        if silent {
            self.session.conn.mark_shutdown();
        }
    }

    /// The stream, for its connection to be used again.
    pub(crate) fn into_session(self) -> Http2Session {
        self.session
    }

    fn give_up_sending(&mut self) {
        (self.waiting, self.request) = (Bytes::new(), RequestBody::Sent);
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
        let failed = "while sending the request's body";
        while !self.waiting.is_empty() {
            body.reserve_capacity(self.waiting.len());
            let room = body.capacity();
            if room == 0 {
                match ready!(body.poll_capacity(cx)) {
                    Some(room) => {
                        room.or_err(ErrorType::WriteError, failed)?;
                    }
                    None => return Poll::Ready(Error::e_explain(ErrorType::WriteError, "the stream was closed")),
                }
                continue;
            }
            let piece = self.waiting.split_to(room.min(self.waiting.len()));
            let ends = self.request == RequestBody::Last && self.waiting.is_empty();
            body.send_data(piece, ends).or_err(ErrorType::WriteError, failed)?;
            if ends {
                self.request = RequestBody::Sent;
            }
        }
        if self.request == RequestBody::Last {
            self.request = RequestBody::Sent;
            body.send_data(Bytes::new(), true).or_err(ErrorType::WriteError, failed)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        ready!(pin!(self.session.read_response_header()).poll(cx))?;
        let Some(head) = self.session.response_header().cloned() else { return Poll::Pending };
        let ends = self.session.check_response_end_or_error()?;
        let without_body = self.is_head || matches!(head.status.as_u16(), 204 | 304);
        let length = head.headers.get(http::header::CONTENT_LENGTH);
        let promises = length.is_some_and(|length| length.as_bytes().iter().any(|digit| *digit != b'0'));
        if ends && promises && !without_body {
            return Poll::Ready(Error::e_explain(ErrorType::H2Error, "a length, and no body"));
        }
        self.answer = if ends { Answer::Done } else { Answer::Body };
        Poll::Ready(Ok(Event::Head { head: Box::new(head), ends }))
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        loop {
            let Some(bytes) = ready!(pin!(self.session.read_response_body()).poll(cx))? else {
                self.answer = Answer::Trailers;
                return self.poll_trailers(cx);
            };
            let ends = self.session.check_response_end_or_error()?;
            if ends {
                self.answer = Answer::Done;
            }
            if ends || !bytes.is_empty() {
                return Poll::Ready(Ok(Event::Body { bytes, ends }));
            }
        }
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        let trailers = ready!(pin!(self.session.read_trailers()).poll(cx))?;
        self.answer = Answer::Done;
        Poll::Ready(Ok(match trailers {
            Some(trailers) => Event::Trailers(trailers),
            None => Event::Body { bytes: Bytes::new(), ends: true },
        }))
    }
}
