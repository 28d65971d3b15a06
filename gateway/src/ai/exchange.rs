//! What is known of one exchange with a model.

use std::time::Duration;

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
