//! A body told as steps: what is sent, what is waited for, how it ends. Answers of the provider and bodies of
//! clients are made of them.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::watch;

/// One step of a body.
#[derive(Debug, Clone)]
pub enum Step {
    /// Bytes, sent as one piece.
    Send(Bytes),
    /// The same bytes many times, made as they are asked for.
    Repeat(Bytes, usize),
    /// An SSE event whose data is `text` with [`SENT`] replaced by the time of sending.
    Event(String),
    /// A pause.
    Pause(Duration),
    /// Waits until the test opens the gate.
    Await(Gate),
    /// Silence for ever.
    Hang,
    /// Ends in the middle: the connection (HTTP/1.1) or the stream (HTTP/2) is broken off.
    Cut,
}

/// Stands in an event's text for the time of sending: microseconds since 1970.
pub const SENT: &str = "{sent}";

/// Something that a test opens when it is ready; open once, open for ever.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Gate {
    /// Lets pass whoever waits, now and later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open.
    pub async fn passed(&self) {
        let mut state = self.0.subscribe();
        // This gate holds a sender, so the wait cannot fail.
        drop(state.wait_for(|open| *open).await);
    }
}

/// Microseconds since 1970, the clock of [`SENT`].
pub fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_micros()).unwrap()
}

/// `n` SSE events in the form of OpenAI chunks, each with its index and its time of sending, then `[DONE]`.
pub fn sse(n: usize, pace: Duration) -> Vec<Step> {
    let mut steps = Vec::new();
    for index in 0..n {
        steps.push(Step::Event(chunk(index)));
        steps.push(Step::Pause(pace));
    }
    steps.push(Step::Event("[DONE]".to_owned()));
    steps
}

/// The data of one chat completion chunk whose text is `t<index>`, stamped when sent.
pub fn chunk(index: usize) -> String {
    format!(
        r#"{{"id":"c1","object":"chat.completion.chunk","created":1,"model":"qwen-plus","choices":[{{"index":0,"delta":{{"content":"t{index}"}},"finish_reason":null}}],"i":{index},"sent":{SENT}}}"#
    )
}

/// A body that plays steps.
pub struct StepBody {
    steps: VecDeque<Step>,
    trailers: Option<HeaderMap>,
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    watcher: Option<Box<dyn Watcher>>,
    kept: Option<hyper::body::Incoming>,
    length: Option<u64>,
    flushed: bool,
}

/// How long the bytes before a [`Step::Cut`] have to leave.
const FLUSH: Duration = Duration::from_millis(20);

/// Told what becomes of a body.
pub trait Watcher: Send {
    /// `bytes` more were taken by the connection.
    fn sent(&mut self, bytes: usize);
    /// All steps were played. A body that is dropped without was not wanted any more.
    fn finished(&mut self);
}

impl StepBody {
    /// A body of steps.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = steps.into_iter().collect();
        Self { steps, trailers: None, waiting: None, watcher: None, kept: None, length: None, flushed: false }
    }

    /// A body of bytes, their length known ahead.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let length = Some(bytes.len() as u64);
        let steps = if bytes.is_empty() { Vec::new() } else { vec![Step::Send(bytes)] };
        Self { length, ..Self::new(steps) }
    }

    /// Keeps a request's body from being dropped (and so read to its end) before this one.
    pub fn keep(&mut self, body: Option<hyper::body::Incoming>) {
        self.kept = body;
    }

    /// Trailers after the last step.
    #[must_use]
    pub fn trailers(mut self, trailers: Option<HeaderMap>) -> Self {
        self.trailers = trailers;
        self
    }

    /// Someone to be told what becomes of it.
    #[must_use]
    pub fn watcher(mut self, watcher: Box<dyn Watcher>) -> Self {
        self.watcher = Some(watcher);
        self
    }

    fn frame(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(watcher) = &mut self.watcher {
            watcher.sent(bytes.len());
        }
        // With a Content-Length the connection stops asking after the last byte.
        self.finish_if_empty();
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn finish_if_empty(&mut self) {
        if self.steps.is_empty()
            && self.trailers.is_none()
            && let Some(mut watcher) = self.watcher.take()
        {
            watcher.finished();
        }
    }

    fn end(&mut self) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let trailers = self.trailers.take();
        self.finish_if_empty();
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }
}

impl Body for StepBody {
    type Data = Bytes;
    type Error = io::Error;

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.trailers.is_none() && self.waiting.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(waiting) = &mut this.waiting {
                std::task::ready!(waiting.as_mut().poll(cx));
                this.waiting = None;
            }
            match this.steps.pop_front() {
                None => return this.end(),
                Some(Step::Send(bytes)) => return this.frame(bytes),
                Some(Step::Repeat(_, 0)) => {}
                Some(Step::Repeat(bytes, times)) => {
                    this.steps.push_front(Step::Repeat(bytes.clone(), times - 1));
                    return this.frame(bytes);
                }
                Some(Step::Event(text)) => return this.frame(event(&text)),
                Some(Step::Pause(length)) => this.waiting = Some(Box::pin(tokio::time::sleep(length))),
                Some(Step::Await(gate)) => this.waiting = Some(Box::pin(async move { gate.passed().await })),
                Some(Step::Hang) => this.waiting = Some(Box::pin(std::future::pending())),
                Some(Step::Cut) if !this.flushed => {
                    // A failing body takes what is still buffered down with it: let hyper write that first.
                    this.flushed = true;
                    this.steps.push_front(Step::Cut);
                    this.waiting = Some(Box::pin(tokio::time::sleep(FLUSH)));
                }
                Some(Step::Cut) => {
                    this.watcher.take().iter_mut().for_each(|w| w.finished());
                    return Poll::Ready(Some(Err(io::Error::other("cut by the script"))));
                }
            }
        }
    }
}

fn event(text: &str) -> Bytes {
    let data = text.replace(SENT, &now_micros().to_string());
    format!("data: {data}\n\n").into()
}
