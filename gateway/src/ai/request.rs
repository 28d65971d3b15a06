//! What a client asks of a model: read from the body of its request.

use http::{HeaderMap, Method};

use super::exchange::{BodyEnd, Ending, Exchange, Operation};
use super::json::{Scanner, Value};
use super::shape::{self, Asked, Format};

/// Reads model and kind of a request. Off for everything but a `POST` of plain JSON.
#[derive(Debug)]
pub struct RequestTap {
    scanner: Option<Scanner<Asked>>,
    model: Option<String>,
    stream: bool,
    operation: Option<Operation>,
}

impl RequestTap {
    /// A tap for a request with this head.
    pub fn new(method: &Method, headers: &HeaderMap) -> Self {
        let on = method == Method::POST && Format::of(headers) == Some(Format::Json);
        let scanner = on.then(|| Scanner::new(&shape::REQUEST));
        Self { scanner, model: None, stream: false, operation: None }
    }

    /// Whether it reads at all.
    pub fn is_on(&self) -> bool {
        self.scanner.is_some()
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, chunk: &[u8]) {
        let Self { scanner: Some(scanner), model, stream, operation } = self else { return };
        scanner.feed(chunk, &mut |asked, value| match (asked, value) {
            (Asked::Model, Value::Text(text)) => shape::set(model, text),
            (Asked::Stream, Value::Flag(flag)) => *stream = flag,
            (Asked::Messages, _) => *operation = Some(Operation::Chat),
            (Asked::Prompt, _) => *operation = Some(Operation::TextCompletion),
            _ => {}
        });
    }

    /// The model asked for; `None` when it was not named, or not yet.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whether a stream was asked for.
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// The kind of call, where the body tells it.
    pub fn operation(&self) -> Option<Operation> {
        self.operation
    }

    /// What is known without an answer to read; `None` when no model was asked for.
    pub fn unanswered(self, end: BodyEnd) -> Option<Exchange> {
        let ending = match end {
            // The gateway answered in the provider's place.
            BodyEnd::Whole => Ending::Error,
            cut => cut.of_silent_stream(),
        };
        self.model.is_some().then_some(Exchange {
            operation: self.operation,
            request_model: self.model,
            response_model: None,
            streamed: false,
            input_tokens: None,
            output_tokens: None,
            cached_tokens: None,
            reasoning_tokens: None,
            time_to_first_token: None,
            time_per_output_token: None,
            ending,
        })
    }
}
