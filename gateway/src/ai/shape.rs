//! The shapes of OpenAI's requests and answers: which places of the JSON are read, and what they mean.
//!
//! Chat Completions, Completions, Embeddings and Responses, from OpenAI's API reference; `reasoning_content` is what
//! DashScope, DeepSeek and vLLM stream, `reasoning` what OpenRouter does. Fields that a provider adds are passed over.

use http::{HeaderMap, header};

use super::json::{Node, Takes};

/// The formats of body that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// Server-sent events, each with a JSON document.
    Events,
}

/// What is read of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// `model`
    Model,
    /// `stream`
    Stream,
    /// `messages`: Chat Completions.
    Messages,
    /// `prompt`: Completions.
    Prompt,
}

/// What is read of an answer or of one event of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The model that answers.
    Model,
    /// `object`: the kind of document.
    Object,
    /// `type`: the kind of event (Responses).
    Kind,
    /// An error that is not null.
    Error,
    /// `choices`, not empty, of an answer that is no stream or of an event.
    Choice,
    /// A part of the answer that costs output tokens.
    Token,
    /// The `delta` of an event of Responses; a token when the event's type says so.
    Delta,
    /// Tokens of the prompt.
    Input,
    /// Tokens of the answer.
    Output,
    /// Tokens from the cache.
    Cached,
    /// Tokens of reasoning.
    Reasoning,
    /// A part of the answer that is visible reasoning.
    ReasoningToken,
}

/// Places of a request.
pub static REQUEST: Node<Asked> = inner(&[
    ("model", &leaf(Takes::Text(Asked::Model))),
    ("stream", &leaf(Takes::Flag(Asked::Stream))),
    ("messages", &leaf(Takes::Content(Asked::Messages))),
    ("prompt", &leaf(Takes::Content(Asked::Prompt))),
]);

/// Places of an answer, and of the data of an event.
pub static ANSWER: Node<Told> = inner(&[
    ("model", &MODEL),
    ("object", &leaf(Takes::Text(Told::Object))),
    ("type", &leaf(Takes::Text(Told::Kind))),
    ("error", &ERROR),
    ("usage", &USAGE),
    ("choices", &Node { takes: Takes::Nothing, fields: &[], items: Some(&CHOICE) }),
    ("delta", &leaf(Takes::Content(Told::Delta))),
    (
        "response",
        &inner(&[
            ("model", &MODEL),
            ("object", &leaf(Takes::Text(Told::Object))),
            ("error", &ERROR),
            ("usage", &USAGE),
        ]),
    ),
]);

static CHOICE: Node<Told> = Node {
    takes: Takes::Nothing,
    fields: &[
        ("index", &leaf(Takes::Count(Told::Choice))),
        ("text", &TOKEN),
        (
            "delta",
            &inner(&[
                ("content", &TOKEN),
                ("reasoning_content", &leaf(Takes::Content(Told::ReasoningToken))),
                ("reasoning", &leaf(Takes::Content(Told::ReasoningToken))),
                ("tool_calls", &TOKEN),
                ("function_call", &TOKEN),
                ("refusal", &TOKEN),
            ]),
        ),
    ],
    items: None,
};

static USAGE: Node<Told> = inner(&[
    ("prompt_tokens", &INPUT),
    ("input_tokens", &INPUT),
    ("completion_tokens", &OUTPUT),
    ("output_tokens", &OUTPUT),
    ("prompt_tokens_details", &INPUT_DETAILS),
    ("input_tokens_details", &INPUT_DETAILS),
    ("completion_tokens_details", &OUTPUT_DETAILS),
    ("output_tokens_details", &OUTPUT_DETAILS),
]);

static MODEL: Node<Told> = leaf(Takes::Text(Told::Model));
static ERROR: Node<Told> = leaf(Takes::Content(Told::Error));
static TOKEN: Node<Told> = leaf(Takes::Content(Told::Token));
static INPUT: Node<Told> = leaf(Takes::Count(Told::Input));
static OUTPUT: Node<Told> = leaf(Takes::Count(Told::Output));
static INPUT_DETAILS: Node<Told> = inner(&[("cached_tokens", &leaf(Takes::Count(Told::Cached)))]);
static OUTPUT_DETAILS: Node<Told> = inner(&[("reasoning_tokens", &leaf(Takes::Count(Told::Reasoning)))]);

const fn leaf<F: Copy>(takes: Takes<F>) -> Node<F> {
    Node { takes, fields: &[], items: None }
}

const fn inner<F: Copy>(fields: &'static [(&'static str, &'static Node<F>)]) -> Node<F> {
    Node { takes: Takes::Nothing, fields, items: None }
}

/// Puts a text into a place that often holds it already.
pub fn set(place: &mut Option<String>, text: &str) {
    if place.as_deref() != Some(text) {
        *place = Some(text.to_owned());
    }
}

impl Format {
    /// The format of a body, where it is one that we read and it is not compressed.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
        if encodings.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return None;
        }
        let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let media = value.split(';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        match media.as_str() {
            "text/event-stream" => Some(Self::Events),
            "application/json" => Some(Self::Json),
            other if other.starts_with("application/") && other.ends_with("+json") => Some(Self::Json),
            _ => None,
        }
    }
}
