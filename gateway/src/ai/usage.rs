//! What a model's answer says of itself: read from its JSON body or from its events.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::exchange::{BodyEnd, Ending, Exchange, Operation};
use super::json::{Scanner, Value};
use super::kept::Kept;
use super::request::RequestTap;
use super::shape::{self, Format, Told};
use super::sse::{Events, Piece};

/// The data of the event that ends a stream of Chat Completions.
const DONE: &[u8] = b"[DONE]";

/// Reads an answer. Off when the body is compressed, or neither JSON nor events.
#[derive(Debug)]
pub struct ResponseTap {
    format: Option<Format>,
    failed: bool,
    scanner: Scanner<Told>,
    events: Events,
    event: Event,
    answer: Answer,
}

/// What one event has shown so far.
#[derive(Debug, Default)]
struct Event {
    /// The first bytes of its data, as far as they could be `[DONE]`.
    head: Kept<{ DONE.len() }>,
    kind: Kind,
    delta: bool,
    /// The name says that it is an error.
    error_name: bool,
}

/// The events of the Responses API that matter.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Other,
    Delta,
    ReasoningDelta,
    Completed,
    Failed,
}

/// What the answer has said so far.
#[derive(Debug, Default)]
struct Answer {
    operation: Option<Operation>,
    model: Option<String>,
    /// It has the shape of a model's answer.
    recognised: bool,
    /// A list: of embeddings, since it has a usage.
    list: bool,
    input: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    reasoning: Option<u64>,
    first_token: Option<Duration>,
    last_token: Option<Duration>,
    shows_reasoning: bool,
    error: bool,
    done: bool,
}

impl ResponseTap {
    /// A tap for an answer with this head.
    pub fn new(status: StatusCode, headers: &HeaderMap) -> Self {
        Self {
            format: Format::of(headers),
            failed: status.is_client_error() || status.is_server_error(),
            scanner: Scanner::new(&shape::ANSWER),
            events: Events::default(),
            event: Event::default(),
            answer: Answer::default(),
        }
    }

    /// Takes the next bytes of the body, which came `at` this time after the request's start.
    pub fn feed(&mut self, chunk: &[u8], at: Duration) {
        let Self { format, scanner, events, event, answer, .. } = self;
        match format {
            None => {}
            Some(Format::Json) => scanner.feed(chunk, &mut |told, value| answer.hear(told, value, event)),
            Some(Format::Events) => events.feed(chunk, &mut |piece| match piece {
                Piece::Name(name) => event.error_name = name == b"error",
                Piece::Data(data) => {
                    event.head.push(data);
                    scanner.feed(data, &mut |told, value| {
                        answer.hear(told, value, event);
                        answer.token(told, event, at);
                    });
                }
                Piece::End => {
                    answer.end_event(event);
                    scanner.reset();
                }
            }),
        }
    }

    /// Sums up; `None` when neither the request nor the answer looked like an exchange with a model.
    pub fn finish(mut self, request: RequestTap, end: BodyEnd) -> Option<Exchange> {
        // A stream may end without the empty line that would end its last event; a document has no such line.
        if self.event.head.whole() == Some(DONE) || self.scanner.is_done() {
            self.answer.end_event(&mut self.event);
        }
        if !self.answer.recognised && request.model().is_none() {
            return None;
        }
        let ending = self.ending(end);
        let Answer { operation, list, model, input, output, cached, reasoning, first_token, .. } = &self.answer;
        Some(Exchange {
            operation: operation.or(list.then_some(Operation::Embeddings)).or(request.operation()),
            request_model: request.model().map(str::to_owned),
            response_model: model.clone(),
            streamed: self.format == Some(Format::Events),
            input_tokens: *input,
            output_tokens: *output,
            cached_tokens: *cached,
            reasoning_tokens: *reasoning,
            time_to_first_token: *first_token,
            time_per_output_token: self.answer.time_per_token(),
            ending,
        })
    }

    fn ending(&self, end: BodyEnd) -> Ending {
        match (self.format, end) {
            _ if self.answer.error => Ending::Error,
            (Some(Format::Events), _) if self.answer.done => Ending::Done,
            (Some(Format::Events), end) => end.of_silent_stream(),
            (_, BodyEnd::Whole) if self.failed => Ending::Error,
            (Some(Format::Json), _) if self.scanner.is_done() => Ending::Complete,
            (None, BodyEnd::Whole) => Ending::Complete,
            (_, end) => end.of_silent_stream(),
        }
    }
}

impl Answer {
    /// Takes in one value of a document.
    fn hear(&mut self, told: Told, value: Value<'_>, event: &mut Event) {
        match (told, value) {
            (Told::Model, Value::Text(model)) => shape::set(&mut self.model, model),
            (Told::Object, Value::Text(object)) => self.hear_object(object),
            (Told::Kind, Value::Text(kind)) => {
                event.kind = Kind::of(kind);
                self.recognised |= kind.starts_with("response.");
            }
            (Told::Error, _) => self.error = true,
            (Told::Delta, _) => event.delta = true,
            (Told::Choice | Told::Token | Told::ReasoningToken, _) => self.recognised = true,
            (told, Value::Count(count)) => self.hear_count(told, count),
            _ => {}
        }
    }

    fn hear_object(&mut self, object: &str) {
        let operation = match object {
            "chat.completion" | "chat.completion.chunk" | "response" => Operation::Chat,
            "text_completion" => Operation::TextCompletion,
            "list" => {
                self.list = true;
                return;
            }
            _ => return,
        };
        self.operation = Some(operation);
        self.recognised = true;
    }

    fn hear_count(&mut self, told: Told, count: u64) {
        let place = match told {
            Told::Input => &mut self.input,
            Told::Output => &mut self.output,
            Told::Cached => &mut self.cached,
            Told::Reasoning => &mut self.reasoning,
            _ => return,
        };
        *place = Some(count);
        self.recognised = true;
    }

    /// Notes the time of a token: by its place, or by place and type in Responses, whose order is free.
    fn token(&mut self, told: Told, event: &Event, at: Duration) {
        let reasoning = told == Told::ReasoningToken || event.kind == Kind::ReasoningDelta;
        let of_responses = event.delta && matches!(event.kind, Kind::Delta | Kind::ReasoningDelta);
        if matches!(told, Told::Token | Told::ReasoningToken) || of_responses {
            self.first_token.get_or_insert(at);
            self.last_token = Some(at);
            self.shows_reasoning |= reasoning;
        }
    }

    fn end_event(&mut self, event: &mut Event) {
        let has_data = event.head.whole() != Some(b"");
        self.error |= event.kind == Kind::Failed || (event.error_name && has_data);
        self.done |= event.head.whole() == Some(DONE) || event.kind == Kind::Completed;
        // The allocation is kept for the next event.
        let mut head = std::mem::take(&mut event.head);
        head.clear();
        *event = Event { head, ..Event::default() };
    }

    /// Mean time between tokens. Reasoning that was counted but not shown took no time between the first token and
    /// the last one, so its tokens are not counted here.
    fn time_per_token(&self) -> Option<Duration> {
        let hidden = if self.shows_reasoning { 0 } else { self.reasoning.unwrap_or(0) };
        let gaps = self.output?.checked_sub(hidden)?.checked_sub(1).filter(|gaps| *gaps > 0)?;
        let took = self.last_token?.checked_sub(self.first_token?).filter(|took| !took.is_zero())?;
        Some(Duration::from_secs_f64(took.as_secs_f64() / gaps as f64))
    }
}

impl Kind {
    fn of(kind: &str) -> Self {
        match kind {
            "response.completed" | "response.incomplete" => Self::Completed,
            "response.failed" | "error" => Self::Failed,
            _ if !kind.starts_with("response.") || !kind.ends_with(".delta") => Self::Other,
            _ if kind.contains("reasoning") => Self::ReasoningDelta,
            _ => Self::Delta,
        }
    }
}
