//! What a model was asked, what it cost and how fast it came, read in passing from the bytes of an exchange.
//!
//! Pure: the bytes and the times are handed in, nothing is held back, nothing is changed, nothing can fail.

pub mod json;
mod kept;
pub mod request;
pub mod shape;
pub mod sse;
pub mod usage;

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};

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

/// How the body of an answer ended on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// By its own framing: last chunk, length reached, end of the h2 stream.
    Whole,
    /// The upstream's connection or a time limit cut it, or there was no answer.
    Cut,
    /// The client left first.
    ClientGone,
}

/// How an exchange with a model ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The stream said so: `[DONE]`, or `response.completed` of the Responses API.
    Done,
    /// The body was whole and is no stream.
    Complete,
    /// The body ended by its framing, but the stream never said that it was done.
    Unfinished,
    /// The body was cut.
    Cut,
    /// The client left before the end.
    ClientGone,
    /// An error: the provider's body or an event amid its stream, or the gateway's own answer in its place.
    Error,
}

/// The operation, in the words of OpenTelemetry's `gen_ai.operation.name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Chat Completions and Responses.
    Chat,
    /// The older Completions.
    TextCompletion,
    /// Embeddings.
    Embeddings,
}

/// All that is known of one exchange with a model. `None` is "the provider did not say", never a guess.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// What kind of call it was.
    pub operation: Option<Operation>,
    /// The model the client asked for. Client-invented: fit for logs, not for labels.
    pub request_model: Option<String>,
    /// The model that answered, as the provider calls it.
    pub response_model: Option<String>,
    /// Whether the answer came as an event stream.
    pub streamed: bool,
    /// Tokens of the prompt, cached ones included.
    pub input_tokens: Option<u64>,
    /// Tokens of the answer, reasoning ones included.
    pub output_tokens: Option<u64>,
    /// Tokens of the prompt that came from the provider's cache.
    pub cached_tokens: Option<u64>,
    /// Tokens of the answer that were spent on reasoning.
    pub reasoning_tokens: Option<u64>,
    /// From the request's start to the first token of a stream.
    pub time_to_first_token: Option<Duration>,
    /// Mean time between the tokens of a stream after the first.
    pub time_per_output_token: Option<Duration>,
    /// How it ended.
    pub ending: Ending,
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
