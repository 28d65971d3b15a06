//! A connection, and the answers that come on it.

use std::io::{self, IoSlice};
use std::net::SocketAddr;

use httparse::{EMPTY_HEADER, Response, Status};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::script::Message;
use super::tally::{Fault, excerpt};
use crate::side_by_side::clock::Moment;
use crate::side_by_side::http1::{Body, HEADERS, Inbox, Piece, closes, malformed, value};
use crate::side_by_side::wire::{COMPLETION, SEEN};

/// Answers are small, and so are the events that come at once.
const INBOX: usize = 32 << 10;

pub(super) struct Link {
    stream: TcpStream,
    inbox: Inbox,
}

/// The beginning of an answer.
pub(super) struct Head {
    length: usize,
    pub(super) body: Body,
    /// Whether it is the last answer of its connection.
    pub(super) closes: bool,
}

impl Link {
    pub(super) async fn open(target: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(target).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, inbox: Inbox::with_capacity(INBOX) })
    }

    /// Sends the two parts of a request.
    pub(super) async fn send(&mut self, head: &[u8], tail: &[u8]) -> Result<(), Fault> {
        let mut parts = [IoSlice::new(head), IoSlice::new(tail)];
        let mut rest = &mut parts[..];
        while !rest.is_empty() {
            let written = self.stream.write_vectored(rest).await?;
            IoSlice::advance_slices(&mut rest, written);
        }
        Ok(())
    }

    /// Waits for the head of the answer, which says whether the request has arrived as it should; and when it began.
    pub(super) async fn head(&mut self, message: &Message) -> Result<(Head, Moment), Fault> {
        let mut begun = None;
        loop {
            if self.inbox.fill(&mut self.stream).await? == 0 {
                return Err(Fault::Lost("the connection ended before the answer".to_owned()));
            }
            let begun = *begun.get_or_insert_with(Moment::now);
            if let Some(head) = parse(self.inbox.held(), message)? {
                self.inbox.drop_front(head.length);
                return Ok((head, begun));
            }
        }
    }

    /// Reads a body to its end, and tells what comes when.
    pub(super) async fn body(
        &mut self,
        mut body: Body,
        begun: Moment,
        mut each: impl FnMut(&[u8], Moment) -> Result<(), Fault>,
    ) -> Result<Moment, Fault> {
        let mut arrived = begun;
        loop {
            let (piece, used) = body.next(self.inbox.held())?;
            let next = match piece {
                Piece::Data(data) => each(data, arrived).map(|()| Next::Look)?,
                Piece::Starved => Next::Read,
                Piece::End => Next::End,
            };
            self.inbox.drop_front(used);
            match next {
                Next::Look => {}
                Next::Read if self.inbox.fill(&mut self.stream).await? > 0 => arrived = Moment::now(),
                Next::Read if body == Body::UntilClose => return Ok(arrived),
                Next::Read => return Err(Fault::Lost("the connection ended within the answer".to_owned())),
                Next::End if self.inbox.held().is_empty() => return Ok(arrived),
                Next::End => return Err(Fault::Wrong("more than the answer has come".to_owned())),
            }
        }
    }

    /// Reads the one answer that is not a stream.
    pub(super) async fn completion(&mut self, body: Body, begun: Moment) -> Result<Moment, Fault> {
        let mut rest = COMPLETION.as_bytes();
        let done = self.body(body, begun, |data, _| match rest.strip_prefix(data) {
            Some(left) => {
                rest = left;
                Ok(())
            }
            None => Err(Fault::Wrong(format!("an answer that says `{}`", excerpt(data)))),
        });
        let done = done.await?;
        match rest {
            [] => Ok(done),
            _ => Err(Fault::Wrong(format!("an answer that ends {} bytes early", rest.len()))),
        }
    }

    /// Waits until the other end closes it, while nothing is asked. What it says before is of no interest.
    pub(super) async fn closed(&self) {
        while self.stream.readable().await.is_ok() {
            match self.stream.try_read(&mut [0; 64]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    }
}

/// What a piece of a body leaves to do.
enum Next {
    Look,
    Read,
    End,
}

fn parse(arrived: &[u8], message: &Message) -> Result<Option<Head>, Fault> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut response = Response::new(&mut headers);
    let Status::Complete(length) = response.parse(arrived).map_err(|error| malformed(error.to_string()))? else {
        return Ok(None);
    };
    let headers = &*response.headers;
    if response.code != Some(200) {
        return Err(Fault::Wrong(format!("status {}", response.code.unwrap_or_default())));
    }
    let seen = value(headers, SEEN).unwrap_or_default();
    if !message.expects(seen) {
        let (seen, expected) = (excerpt(seen), message.expected());
        return Err(Fault::Wrong(format!("the provider has seen `{seen}`, and not {expected}")));
    }
    Ok(Some(Head { length, body: Body::of(headers, Body::UntilClose)?, closes: closes(headers) }))
}
