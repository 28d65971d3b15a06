//! HTTP/2, by hyper.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::pace::Pace;
use crate::side_by_side::alarm::{Alarm, Until};
use crate::side_by_side::wire::{COMPLETION, Digest, EVENTS, SEEN, write_seen_body, write_seen_head};

/// More than any load asks at once.
const STREAMS: u32 = 10_000;

/// Bodies of a megabyte need not wait for leave.
const WINDOW: u32 = 16 << 20;

/// Answers until the connection ends.
pub(super) async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, alarm: Rc<Alarm>) -> io::Result<()> {
    let service = service_fn(|request| answer(request, Rc::clone(&alarm)));
    let mut server = http2::Builder::new(Local);
    server.max_concurrent_streams(STREAMS).initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    server.serve_connection(TokioIo::new(stream), service).await.map_err(io::Error::other)
}

/// Runs the tasks of a connection in its own thread.
#[derive(Clone)]
struct Local;

impl<F: Future + 'static> Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(async {
            task.await;
        });
    }
}

type Answer = Response<Either<Full<Bytes>, Events>>;

async fn answer(request: Request<Incoming>, alarm: Rc<Alarm>) -> Result<Answer, hyper::Error> {
    let (head, mut body) = request.into_parts();
    let mut seen = Vec::new();
    let host = head.headers.get(header::HOST).map(|host| host.as_bytes());
    let host = head.uri.authority().map(|authority| authority.as_str().as_bytes()).or(host).unwrap_or_default();
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let credentials = head.headers.get_all(header::AUTHORIZATION).iter().map(|credential| credential.as_bytes());
    write_seen_head(&mut seen, path.as_bytes(), host, credentials);
    let mut digest = Digest::default();
    while let Some(frame) = body.frame().await.transpose()? {
        if let Some(data) = frame.data_ref() {
            digest.add(data);
        }
    }
    write_seen_body(&mut seen, digest);
    let pace = head.headers.get(EVENTS).and_then(|value| Pace::asked_by(value.as_bytes()));
    let (kind, body) = match pace {
        _ if head.method != Method::POST => return Ok(refused()),
        Some(pace) => ("text/event-stream", Either::Right(Events { until: None, pace, alarm })),
        None => ("application/json", Either::Left(Full::new(Bytes::from_static(COMPLETION.as_bytes())))),
    };
    let answer = Response::builder().header(SEEN, seen).header(header::CONTENT_TYPE, kind).body(body);
    Ok(answer.unwrap_or_else(|_| refused()))
}

/// Also if what was seen cannot be told in a header, which takes a path that is none.
fn refused() -> Answer {
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    answer
}

/// The body of a stream.
struct Events {
    /// Until the next event.
    until: Option<Until>,
    pace: Pace,
    alarm: Rc<Alarm>,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let Some(due) = this.pace.due() else { return Poll::Ready(None) };
        let until = this.until.get_or_insert_with(|| this.alarm.until(due));
        ready!(Pin::new(until).poll(context));
        this.until = None;
        let mut event = Vec::with_capacity(512);
        this.pace.write(&mut event);
        Poll::Ready(Some(Ok(Frame::data(event.into()))))
    }
}
