//! What a provider answers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::steps::{Gate, Step, sse};

/// One answer, told before it is given.
#[derive(Clone)]
pub struct Answer {
    /// What happens to the request's body.
    pub(super) reads: Reads,
    /// Waits before the head.
    pub(super) before: Vec<Before>,
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Vec<Step>,
    pub(super) echo: bool,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) by_body: Option<Decide>,
}

type Decide = Arc<dyn Fn(&Bytes) -> Answer + Send + Sync>;

/// What a provider does with the body of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Reads all of it before it answers.
    Whole,
    /// Answers at once and reads none of it.
    Nothing,
}

#[derive(Clone)]
pub(super) enum Before {
    Delay(Duration),
    Await(Gate),
    Hang,
    Cut,
}

impl Before {
    pub(super) async fn wait(self) -> io::Result<()> {
        match self {
            Self::Delay(length) => tokio::time::sleep(length).await,
            Self::Await(gate) => gate.passed().await,
            Self::Hang => std::future::pending().await,
            Self::Cut => return Err(io::Error::other("cut by the script")),
        }
        Ok(())
    }
}

impl Answer {
    /// A status and nothing else.
    pub fn status(code: u16) -> Self {
        Self {
            reads: Reads::Whole,
            before: Vec::new(),
            status: StatusCode::from_u16(code).unwrap(),
            headers: Vec::new(),
            body: Vec::new(),
            echo: false,
            trailers: None,
            by_body: None,
        }
    }

    /// JSON with a Content-Length.
    pub fn json(text: impl Into<String>) -> Self {
        let text = text.into();
        let length = text.len();
        let answer = Self::status(200).header(CONTENT_TYPE, "application/json").header(CONTENT_LENGTH, length);
        answer.body(vec![Step::Send(text.into())])
    }

    /// A whole chat completion that says `text` and counts its tokens.
    pub fn completion(text: &str) -> Self {
        Self::json(format!(
            r#"{{"id":"c1","object":"chat.completion","created":1,"model":"qwen-plus","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}}}"#
        ))
    }

    /// Server-sent events: `n` chunks at a pace, then `[DONE]`.
    pub fn sse(n: usize, pace: Duration) -> Self {
        Self::event_stream(sse(n, pace))
    }

    /// Server-sent events told as steps.
    pub fn event_stream(steps: Vec<Step>) -> Self {
        Self::status(200).header(CONTENT_TYPE, "text/event-stream").body(steps)
    }

    /// Bytes of a declared length, told as steps (which must add up to it, or end in a cut).
    pub fn sized(length: usize, steps: Vec<Step>) -> Self {
        Self::status(200).header(CONTENT_TYPE, "application/octet-stream").header(CONTENT_LENGTH, length).body(steps)
    }

    /// The request's body, unchanged.
    pub fn echo() -> Self {
        Self { echo: true, ..Self::status(200).header(CONTENT_TYPE, "application/octet-stream") }
    }

    /// An answer that depends on the request's body.
    pub fn by_body(decide: impl Fn(&Bytes) -> Self + Send + Sync + 'static) -> Self {
        Self { by_body: Some(Arc::new(decide)), ..Self::status(200) }
    }

    /// Marks the answer as gzip; the body is up to the caller.
    #[must_use]
    pub fn gzip(self) -> Self {
        self.header(CONTENT_ENCODING, "gzip")
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl TryInto<HeaderName>, value: impl ToString) -> Self {
        let name = name.try_into().ok().unwrap();
        self.headers.push((name, HeaderValue::from_str(&value.to_string()).unwrap()));
        self
    }

    /// Another status.
    #[must_use]
    pub fn with_status(mut self, code: u16) -> Self {
        self.status = StatusCode::from_u16(code).unwrap();
        self
    }

    /// Another body.
    #[must_use]
    pub fn body(mut self, steps: Vec<Step>) -> Self {
        self.body = steps;
        self
    }

    /// Trailers (seen over HTTP/2; over HTTP/1.1 only by who asks with `te: trailers`).
    #[must_use]
    pub fn trailers(mut self, trailers: HeaderMap) -> Self {
        self.trailers = Some(trailers);
        self
    }

    /// Answers without reading the request's body.
    #[must_use]
    pub fn reads_nothing(mut self) -> Self {
        self.reads = Reads::Nothing;
        self
    }

    /// A pause before the head.
    #[must_use]
    pub fn after(mut self, length: Duration) -> Self {
        self.before.push(Before::Delay(length));
        self
    }

    /// Waits before the head until the test opens the gate.
    #[must_use]
    pub fn after_gate(mut self, gate: &Gate) -> Self {
        self.before.push(Before::Await(gate.clone()));
        self
    }

    /// Never answers.
    pub fn silence() -> Self {
        Self { before: vec![Before::Hang], ..Self::status(200) }
    }

    /// Breaks off instead of an answer, after the request was read.
    pub fn hang_up() -> Self {
        Self { before: vec![Before::Cut], ..Self::status(200) }
    }
}
