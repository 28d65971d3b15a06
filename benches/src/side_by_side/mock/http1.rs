//! HTTP/1.1, by hand: what serves seventy thousand requests a second must not think about them.

use std::io;
use std::rc::Rc;

use httparse::{EMPTY_HEADER, Header, Request, Status};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::pace::Pace;
use crate::side_by_side::alarm::Alarm;
use crate::side_by_side::http1::{Body, HEADERS, Inbox, Piece, closes, malformed, value};
use crate::side_by_side::wire::{COMPLETION, Digest, EVENTS, SEEN, print, write_seen_body, write_seen_head};

/// A body of a megabyte is read in four parts.
const INBOX: usize = 256 << 10;

/// A request whose body is still to come, and whose answer is begun.
struct Asked {
    length: usize,
    body: Body,
    answer: Answer,
    closes: bool,
}

enum Answer {
    Refused(&'static str),
    Completion,
    Events(Pace),
}

/// Answers one request after the other until the connection ends.
pub(super) async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, alarm: Rc<Alarm>) -> io::Result<()> {
    let (mut inbox, mut out) = (Inbox::with_capacity(INBOX), Vec::with_capacity(4 << 10));
    while let Some(asked) = read_head(&mut stream, &mut inbox, &mut out).await? {
        let digest = read_body(&mut stream, &mut inbox, asked.body).await?;
        write_seen_body(&mut out, digest);
        match asked.answer {
            Answer::Refused(status) => refuse(&mut stream, &mut out, status).await?,
            Answer::Completion => complete(&mut stream, &mut out).await?,
            Answer::Events(pace) => tell(&mut stream, &mut out, pace, &alarm).await?,
        }
        if asked.closes {
            break;
        }
    }
    stream.shutdown().await
}

/// Reads a head, and begins the answer with what was seen in it; `None` when no other request follows.
async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    inbox: &mut Inbox,
    out: &mut Vec<u8>,
) -> io::Result<Option<Asked>> {
    loop {
        if let Some(asked) = parse(inbox.held(), out)? {
            inbox.drop_front(asked.length);
            return Ok(Some(asked));
        }
        if inbox.fill(stream).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse(arrived: &[u8], out: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut request = Request::new(&mut headers);
    let Status::Complete(length) = request.parse(arrived).map_err(|error| malformed(error.to_string()))? else {
        return Ok(None);
    };
    let headers = &*request.headers;
    let path = request.path.unwrap_or_default().as_bytes();
    let credentials = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("authorization"));
    out.clear();
    print(out, format_args!("HTTP/1.1 200 OK\r\n{SEEN}: "));
    write_seen_head(out, path, value(headers, "host").unwrap_or_default(), credentials.map(|header| header.value));
    let old = request.version == Some(0);
    let answer = Answer::to(request.method, old, headers);
    Ok(Some(Asked { length, body: Body::of(headers, Body::Sized(0))?, answer, closes: old || closes(headers) }))
}

impl Answer {
    fn to(method: Option<&str>, old: bool, headers: &[Header<'_>]) -> Self {
        match value(headers, EVENTS).and_then(Pace::asked_by) {
            _ if old => Self::Refused("505 HTTP Version Not Supported"),
            _ if method != Some("POST") => Self::Refused("405 Method Not Allowed"),
            Some(pace) => Self::Events(pace),
            None => Self::Completion,
        }
    }
}

async fn read_body(stream: &mut (impl AsyncRead + Unpin), inbox: &mut Inbox, mut body: Body) -> io::Result<Digest> {
    let mut digest = Digest::default();
    loop {
        let (piece, used) = body.next(inbox.held())?;
        let starved = match piece {
            Piece::Data(data) => {
                digest.add(data);
                false
            }
            Piece::Starved => true,
            Piece::End => {
                inbox.drop_front(used);
                return Ok(digest);
            }
        };
        inbox.drop_front(used);
        if starved && inbox.fill(stream).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn refuse(stream: &mut (impl AsyncWrite + Unpin), out: &mut Vec<u8>, status: &str) -> io::Result<()> {
    out.clear();
    print(out, format_args!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"));
    send(stream, out).await
}

async fn complete(stream: &mut (impl AsyncWrite + Unpin), out: &mut Vec<u8>) -> io::Result<()> {
    let length = COMPLETION.len();
    print(out, format_args!("\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{COMPLETION}"));
    send(stream, out).await
}

async fn tell(
    stream: &mut (impl AsyncWrite + Unpin),
    out: &mut Vec<u8>,
    mut pace: Pace,
    alarm: &Rc<Alarm>,
) -> io::Result<()> {
    print(out, format_args!("\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"));
    print(out, format_args!("transfer-encoding: chunked\r\n\r\n"));
    send(stream, out).await?;
    let mut event = Vec::with_capacity(512);
    while let Some(due) = pace.due() {
        alarm.until(due).await;
        event.clear();
        pace.write(&mut event);
        out.clear();
        print(out, format_args!("{:x}\r\n", event.len()));
        out.extend_from_slice(&event);
        out.extend_from_slice(if pace.due().is_some() { b"\r\n" } else { b"\r\n0\r\n\r\n" });
        send(stream, out).await?;
    }
    Ok(())
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    // TLS holds back what is not flushed.
    stream.flush().await
}
