//! One request and its answer over a connection that speaks HTTP/1.1 (RFC 9112).
//!
//! What is to be sent gathers until the exchange is polled, so that a head and a small body leave in one write.

mod head;

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::UPGRADE;
use http::{Method, StatusCode};
use pingora_core::protocols::Stream;
use pingora_error::{Error, ErrorType, Result, RetryType};

use super::event::Event;
use crate::head::{RequestHead, ResponseHead, write_request};
use crate::http1::{Chunks, Output, is_chunked, keeps_alive, length, poll_read};
use head::Framing;

/// A request and its answer.
pub(crate) struct Exchange {
    stream: Stream,
    output: Output,
    request: RequestBody,
    /// Why no more of the request can be sent; the answer may be there all the same.
    send_error: Option<io::Error>,
    /// Read and not told yet.
    input: BytesMut,
    answer: Answer,
    is_head: bool,
    asks_upgrade: bool,
    /// Whether the connection may have another request.
    reusable: bool,
}

/// What of the request's body is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestBody {
    Length(u64),
    Chunked,
    /// After a switch of protocols: whatever comes.
    Raw,
    Sent,
}

/// What of the answer is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Head,
    Length(u64),
    Chunked(Chunks),
    Close,
    Done,
}

impl Exchange {
    pub(super) fn new(stream: Stream, head: &RequestHead) -> Result<Self> {
        let mut output = Output::default();
        write_request(head, output.head());
        let request = match (is_chunked(&head.headers), length(&head.headers)?) {
            (Some(_), _) => RequestBody::Chunked,
            (None, Some(length @ 1..)) => RequestBody::Length(length),
            (None, _) => RequestBody::Sent,
        };
        Ok(Self {
            stream,
            output,
            request,
            send_error: None,
            input: BytesMut::new(),
            answer: Answer::Head,
            is_head: head.method == Method::HEAD,
            asks_upgrade: head.headers.contains_key(UPGRADE),
            reusable: true,
        })
    }

    pub(super) fn push(&mut self, mut bytes: Bytes, ends: bool) {
        match &mut self.request {
            RequestBody::Length(left) => {
                bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= bytes.len() as u64;
                self.reusable &= !ends || *left == 0;
                self.output.add(bytes);
            }
            RequestBody::Chunked => self.output.add_chunk(bytes, ends),
            RequestBody::Raw => self.output.add(bytes),
            RequestBody::Sent => {}
        }
        if ends {
            self.request = RequestBody::Sent;
        }
        if self.send_error.is_some() {
            self.output.clear();
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.output.has_room()
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, wants_room: bool) -> Poll<Result<Event>> {
        self.send(cx);
        if wants_room && self.has_room() {
            return Poll::Ready(Ok(Event::Room));
        }
        loop {
            if let Some(event) = self.next_event()? {
                return Poll::Ready(Ok(event));
            }
            match ready!(poll_read(&mut self.stream, &mut self.input, cx)) {
                Ok(0) => return Poll::Ready(self.close()),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(self.broken(error))),
            }
        }
    }

    /// Gives the connection back, if it can have another request.
    pub(crate) fn into_reusable(self) -> Option<Stream> {
        let is_done = self.answer == Answer::Done && self.request == RequestBody::Sent;
        (is_done && self.reusable && self.output.is_empty() && self.input.is_empty()).then_some(self.stream)
    }

    fn send(&mut self, cx: &mut Context<'_>) {
        if let Poll::Ready(Err(error)) = self.output.poll_write(&mut self.stream, cx) {
            self.output.clear();
            self.send_error = Some(error);
            self.reusable = false;
        }
    }

    /// What the input holds that was not told yet.
    fn next_event(&mut self) -> Result<Option<Event>> {
        match &mut self.answer {
            Answer::Head => match head::take(&mut self.input)? {
                Some(head) => self.begin(head).map(Some),
                None => Ok(None),
            },
            Answer::Chunked(chunks) => {
                let data = chunks.take(&mut self.input);
                let Ok(data) = data else { return Error::e_explain(ErrorType::InvalidHTTPHeader, "malformed chunks") };
                let ends = *chunks == Chunks::Done;
                if ends {
                    self.answer = Answer::Done;
                }
                Ok((ends || data.is_some()).then(|| Event::Body { bytes: data.unwrap_or_default(), ends }))
            }
            _ if self.input.is_empty() => Ok(None),
            Answer::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(self.input.len());
                *left -= here as u64;
                let ends = *left == 0;
                if ends {
                    self.answer = Answer::Done;
                }
                Ok(Some(Event::Body { bytes: self.input.split_to(here).freeze(), ends }))
            }
            Answer::Close => Ok(Some(Event::Body { bytes: self.input.split().freeze(), ends: false })),
            Answer::Done => Ok(None),
        }
    }

    fn begin(&mut self, mut head: Box<ResponseHead>) -> Result<Event> {
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            if !self.asks_upgrade {
                return Error::e_explain(ErrorType::InvalidHTTPHeader, "a switch of protocols that nobody asked for");
            }
            (self.answer, self.request, self.reusable) = (Answer::Close, RequestBody::Raw, false);
            return Ok(Event::Head { head, ends: false });
        }
        if head.status.is_informational() {
            return Ok(Event::Head { head, ends: false });
        }
        // A length beside chunks, or chunks from HTTP/1.0: what comes after may be read in two ways.
        let framed_twice = head.headers.contains_key(http::header::TRANSFER_ENCODING)
            && (head.headers.contains_key(http::header::CONTENT_LENGTH) || head.version == http::Version::HTTP_10);
        self.reusable &= keeps_alive(head.version, &head.headers) && !framed_twice;
        self.answer = match Framing::of(&mut head, self.is_head)? {
            Framing::Empty => Answer::Done,
            Framing::Length(length) => Answer::Length(length),
            Framing::Chunked => Answer::Chunked(Chunks::Size),
            Framing::Close => Answer::Close,
        };
        self.reusable &= self.answer != Answer::Close;
        Ok(Event::Head { head, ends: self.answer == Answer::Done })
    }

    /// The upstream has ended its side.
    fn close(&mut self) -> Result<Event> {
        self.reusable = false;
        if self.answer == Answer::Close {
            self.answer = Answer::Done;
            return Ok(Event::Body { bytes: Bytes::new(), ends: true });
        }
        Err(match self.send_error.take() {
            Some(error) => self.broken(error),
            None => self.early(Error::explain(ErrorType::ConnectionClosed, "before the end of the answer")),
        })
    }

    fn broken(&self, error: io::Error) -> Box<Error> {
        self.early(Error::because(ErrorType::ReadError, "before the end of the answer", error))
    }

    /// A connection that was kept may have been closed while the request was under way: then nobody has seen it.
    fn early(&self, mut error: Box<Error>) -> Box<Error> {
        if self.answer == Answer::Head && self.input.is_empty() {
            error.retry = RetryType::ReusedOnly;
        }
        error
    }
}

#[cfg(test)]
mod tests;
