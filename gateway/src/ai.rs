//! What a model was asked, what it cost and how fast it came, read in passing from the bytes of an exchange.
//!
//! Pure: the bytes and the times are handed in, nothing is held back, nothing is changed, nothing can fail.

mod exchange;
pub mod json;
mod kept;
pub mod request;
pub mod shape;
pub mod sse;
pub mod usage;

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};

pub use exchange::{BodyEnd, Ending, Exchange, Operation};
pub use request::RequestTap;
pub use usage::ResponseTap;

/// Follows one request and the answer to its last attempt.
///
/// ```
/// use std::time::Duration;
/// use http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE};
/// use sluice_gateway::ai::{BodyEnd, Ending, Tap};
///
/// let json = HeaderMap::from_iter([(CONTENT_TYPE, "application/json".parse()?)]);
/// let mut tap = Tap::new(&Method::POST, &json);
/// tap.request_body(br#"{"model":"qwen","messages":[]}"#);
/// tap.response_head(StatusCode::OK, &json);
/// tap.response_body(br#"{"usage":{"prompt_tokens":3}}"#, Duration::from_millis(20));
/// let exchange = tap.finish(BodyEnd::Whole).ok_or("not an exchange with a model")?;
/// assert_eq!((exchange.input_tokens, exchange.output_tokens), (Some(3), None));
/// assert_eq!(exchange.ending, Ending::Complete);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Tap {
    request: RequestTap,
    response: Option<ResponseTap>,
}

impl Tap {
    /// Begins with the head of the client's request.
    pub fn new(method: &Method, headers: &HeaderMap) -> Self {
        Self { request: RequestTap::new(method, headers), response: None }
    }

    /// Takes the next bytes of the request's body. When a body is replayed for another attempt, not again.
    pub fn request_body(&mut self, chunk: &[u8]) {
        self.request.feed(chunk);
    }

    /// The model asked for, once the bytes that name it have passed.
    pub fn request_model(&self) -> Option<&str> {
        self.request.model()
    }

    /// Whether the client asked for a stream.
    pub fn asks_for_stream(&self) -> bool {
        self.request.stream()
    }

    /// The head of an answer has come; what was read of an earlier attempt is forgotten.
    pub fn response_head(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.response = self.request.is_on().then(|| ResponseTap::new(status, headers));
    }

    /// Takes the next bytes of the answer's body; `at` is the time since the request's start.
    pub fn response_body(&mut self, chunk: &[u8], at: Duration) {
        if let Some(response) = &mut self.response {
            response.feed(chunk, at);
        }
    }

    /// Sums up. `None` when neither side looked like an exchange with a model.
    pub fn finish(self, end: BodyEnd) -> Option<Exchange> {
        match self.response {
            Some(response) => response.finish(self.request, end),
            None => self.request.unanswered(end),
        }
    }
}

impl BodyEnd {
    /// What it means for a stream that did not say how it ended.
    fn of_silent_stream(self) -> Ending {
        match self {
            Self::Whole => Ending::Unfinished,
            Self::Cut => Ending::Cut,
            Self::ClientGone => Ending::ClientGone,
        }
    }
}

impl Ending {
    /// The word for logs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Complete => "complete",
            Self::Unfinished => "unfinished",
            Self::Cut => "cut",
            Self::ClientGone => "client_gone",
            Self::Error => "error",
        }
    }
}

impl Operation {
    /// The convention's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::TextCompletion => "text_completion",
            Self::Embeddings => "embeddings",
        }
    }
}
