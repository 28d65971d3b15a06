//! A request over a connection that speaks HTTP/1.1 (RFC 9112), and its answer.
//!
//! What is written gathers until the client is waited for, so that a head and a small body leave in one write; that of a
//! stream leaves as soon as nothing more has come for it.

mod answer;
mod connection;
mod kept;
mod request;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::UPGRADE;
use http::{StatusCode, Version};
use pingora_error::{Error, ErrorType, OrErr, Result};
use tokio::time::timeout;

pub(crate) use connection::Connection;
pub(super) use connection::LINGER;

use answer::Answer;
use kept::Kept;
use request::Body;

use crate::head::{RequestHead, ResponseHead};
use crate::timer::Timer;

/// One request and its answer.
pub(crate) struct Session {
    connection: Connection,
    head: Box<RequestHead>,
    body: Body,
    has_body: bool,
    received: u64,
    kept: Kept,
    answer: Answer,
    /// Of the last head that was written.
    status: Option<StatusCode>,
    sent: u64,
    /// Whether the connection ends with this request.
    closes: bool,
    switched: bool,
}

impl Session {
    /// A request whose head has been read.
    pub(crate) fn new(connection: Connection, head: Box<RequestHead>) -> Self {
        let (body, closes) = request::frame(&head);
        Self {
            connection,
            has_body: body != Body::Taken,
            head,
            body,
            received: 0,
            kept: Kept::Nothing,
            answer: Answer::Head,
            status: None,
            sent: 0,
            closes,
            switched: false,
        }
    }

    pub(super) fn head(&self) -> &RequestHead {
        &self.head
    }

    pub(super) fn head_mut(&mut self) -> &mut RequestHead {
        &mut self.head
    }

    pub(super) fn timer(&mut self) -> &mut Timer {
        self.connection.timer()
    }

    pub(super) fn client(&self) -> SocketAddr {
        self.connection.client()
    }

    pub(super) fn has_body(&self) -> bool {
        self.has_body
    }

    pub(super) fn is_whole(&self) -> bool {
        self.body == Body::Taken
    }

    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>, taken: bool) -> Poll<Result<Option<Bytes>>> {
        if let Poll::Ready(error) = self.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        if taken || self.is_whole() {
            return self.poll_left(cx).map(Err);
        }
        loop {
            if let Some(bytes) = self.body.take(self.connection.input())? {
                self.received += bytes.len() as u64;
                self.kept.add(&bytes);
                return Poll::Ready(Ok(Some(bytes)));
            }
            if self.is_whole() {
                return Poll::Ready(Ok(None));
            }
            let read = ready!(self.connection.poll_read(cx)).or_err(ErrorType::ReadError, "the request's body")?;
            if read == 0 {
                return Poll::Ready(self.end_of_input());
            }
        }
    }

    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Box<Error>> {
        match self.connection.poll_send(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Error::because(ErrorType::WriteError, "the answer", error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    /// The client has ended its side before the end of the body, unless that was to end with it.
    fn end_of_input(&mut self) -> Result<Option<Bytes>> {
        self.closes = true;
        if self.body == Body::Raw {
            self.body = Body::Taken;
            return Ok(None);
        }
        Error::e_explain(ErrorType::ConnectionClosed, "amid a request")
    }

    /// Waits for the client to leave. It sends nothing before it has its answer: what it sends all the same is not read as
    /// a request (who else reads it may see another one), and ends the connection after the answer.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<Box<Error>> {
        if !self.connection.input().is_empty() {
            self.closes = true;
            return Poll::Pending;
        }
        match ready!(self.connection.poll_read(cx)) {
            Ok(0) => Poll::Ready(Error::explain(ErrorType::ConnectionClosed, "before the end of the answer")),
            Ok(_) => self.poll_left(cx),
            Err(error) => Poll::Ready(Error::because(ErrorType::ReadError, "before the end of the answer", error)),
        }
    }

    pub(super) fn keep_body(&mut self) {
        self.kept.begin();
    }

    pub(super) fn kept_body(&self) -> Option<Bytes> {
        self.kept.bytes()
    }

    pub(super) fn has_outgrown(&self) -> bool {
        self.kept == Kept::Outgrown
    }

    pub(super) async fn write_head(&mut self, head: &ResponseHead, ends: bool) -> Result<bool> {
        self.status = Some(head.status);
        if !head.status.is_informational() {
            self.begin(head, ends);
            return self.flush_if(self.is_answered()).await;
        }
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            (self.switched, self.closes) = (true, true);
            (self.body, self.answer) = (Body::Raw, Answer::Close);
        }
        answer::write_informational(head, self.connection.output().head());
        self.flush().await.map(|()| false)
    }

    /// Begins the answer itself.
    fn begin(&mut self, head: &ResponseHead, ends: bool) {
        let (answer, framing) = Answer::begin(head, &self.head, ends);
        self.answer = answer;
        self.closes |= !self.is_whole() || answer == Answer::Close;
        let connection = match (self.closes, self.head.version) {
            (true, _) => "connection: close\r\n",
            (false, Version::HTTP_10) => "connection: keep-alive\r\n",
            (false, _) => "",
        };
        let knows_codings = self.head.version == Version::HTTP_11;
        answer::write(head, knows_codings, [framing, connection], self.connection.output().head());
    }

    pub(super) async fn write_body(&mut self, bytes: Bytes, ends: bool) -> Result<bool> {
        self.sent += self.answer.add(bytes, ends, self.connection.output());
        // An end that came before its time.
        self.closes |= ends && !self.is_answered();
        self.flush_if(ends || self.is_answered()).await
    }

    pub(super) async fn break_off(&mut self) -> Result<()> {
        self.closes = true;
        self.flush().await
    }

    /// Sends what has been written where that is `all`, else only as much as is in the way of more.
    async fn flush_if(&mut self, all: bool) -> Result<bool> {
        if all {
            self.flush().await?;
        } else {
            poll_fn(|cx| self.connection.poll_room(cx)).await.or_err(ErrorType::WriteError, "the answer's body")?;
        }
        Ok(all)
    }

    async fn flush(&mut self) -> Result<()> {
        poll_fn(|cx| self.connection.poll_send(cx)).await.or_err(ErrorType::WriteError, "the answer")
    }

    pub(super) async fn linger(&mut self) {
        if self.is_whole() {
            return;
        }
        let rest = async { while let Ok(Some(_)) = poll_fn(|cx| self.poll_body(cx, false)).await {} };
        drop(timeout(LINGER, rest).await);
    }

    pub(super) fn close_after(&mut self) {
        self.closes = true;
    }

    pub(super) fn status(&self) -> Option<StatusCode> {
        self.status
    }

    fn is_answered(&self) -> bool {
        self.answer == Answer::Done
    }

    pub(super) fn asks_switch(&self) -> bool {
        self.head.version == Version::HTTP_11 && self.head.headers.contains_key(UPGRADE)
    }

    pub(super) fn has_switched(&self) -> bool {
        self.switched
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Gives the connection back where it may have another request, else closes it.
    pub(crate) async fn finish(mut self) -> Option<Connection> {
        let is_over = self.is_whole() && self.is_answered();
        if self.flush().await.is_ok() && is_over && !self.closes && self.connection.input().is_empty() {
            return Some(self.connection);
        }
        self.connection.close().await;
        None
    }
}

#[cfg(test)]
mod tests;
