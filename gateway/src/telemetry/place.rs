//! What is counted of the requests of one place: a Gateway, a route, a backend.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use super::by_place::{
    ByPlace, DURATION, FIRST_TOKEN, Gathered, Label, OPERATION, OPERATION_DURATION, OUTPUT_TOKEN, RESPONSE_MODEL,
    TOKENS,
};
use super::few::Few;
use super::flag::ResponseFlag;
use super::histogram::Histogram;
use super::record::Record;
use crate::ai::{Ending, Exchange, Operation};

/// OpenTelemetry's word for an operation that it has no word for.
const OTHER_OPERATION: &str = "_OTHER";

/// Where a request went, by names.
#[derive(Debug, Clone, Copy, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlaceName<'a> {
    pub(super) gateway: &'a str,
    pub(super) route: &'a str,
    pub(super) backend: &'a str,
}

/// The counts of one place.
#[derive(Debug)]
pub(super) struct Place {
    /// Its name: Gateway, route, backend.
    name: [Box<str>; 3],
    duration: Histogram<17>,
    first_byte: Histogram<17>,
    received: AtomicU64,
    sent: AtomicU64,
    outcomes: Few<Outcome>,
    /// On the heap: not every place has a model.
    models: Few<Box<Model>>,
}

/// Requests that ended alike.
#[derive(Debug)]
struct Outcome {
    code: u16,
    flag: ResponseFlag,
    requests: AtomicU64,
}

/// The counts of one model at one place.
#[derive(Debug)]
struct Model {
    operation: &'static str,
    name: Box<str>,
    input: Histogram<14>,
    output: Histogram<14>,
    duration: Histogram<14>,
    first_token: Histogram<16>,
    output_token: Histogram<13>,
    failures: Few<Box<Failures>>,
}

/// Exchanges that failed alike.
#[derive(Debug)]
struct Failures {
    error: Box<str>,
    duration: Histogram<14>,
}

impl Place {
    /// Nothing has been counted there.
    pub(super) fn new(name: PlaceName<'_>) -> Self {
        Self {
            name: [name.gateway, name.route, name.backend].map(Into::into),
            duration: Histogram::new(&DURATION),
            first_byte: Histogram::new(&DURATION),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            outcomes: Few::new(),
            models: Few::new(),
        }
    }

    pub(super) fn name(&self) -> PlaceName<'_> {
        let [gateway, route, backend] = &self.name;
        PlaceName { gateway, route, backend }
    }

    /// Counts a request.
    pub(super) fn request(&self, record: &Record<'_>) {
        let (code, flag) = (record.response_code, record.response_flags);
        let first = || Outcome { code, flag, requests: AtomicU64::new(0) };
        let outcome = self.outcomes.at(|outcome| (outcome.code, outcome.flag) == (code, flag), first);
        outcome.requests.fetch_add(1, Ordering::Relaxed);
        self.duration.time(record.duration);
        record.upstream_service_time.inspect(|time| self.first_byte.time(*time));
        self.received.fetch_add(record.bytes_received, Ordering::Relaxed);
        self.sent.fetch_add(record.bytes_sent, Ordering::Relaxed);
    }

    /// Counts what a request said to a model, and the model to it. `model` is the name that becomes a label.
    pub(super) fn exchange(&self, record: &Record<'_>, exchange: &Exchange, model: &str) {
        let operation = exchange.operation.map_or(OTHER_OPERATION, Operation::as_str);
        let first = || Box::new(Model::new(operation, model));
        let counts = self.models.at(|counts| counts.key() == (operation, model), first);
        match error_type(record.response_code, exchange.ending) {
            None => counts.duration.time(record.duration),
            Some(error) => {
                let first = || Box::new(Failures::new(&error));
                counts.failures.at(|failures| *failures.error == *error, first).duration.time(record.duration);
            }
        }
        exchange.input_tokens.inspect(|tokens| counts.input.count(*tokens));
        exchange.output_tokens.inspect(|tokens| counts.output.count(*tokens));
        exchange.time_to_first_token.inspect(|time| counts.first_token.time(*time));
        exchange.time_per_output_token.inspect(|time| counts.output_token.time(*time));
    }

    /// Adds what was counted to what is shown.
    pub(super) fn gather(&self, to: &mut Gathered) {
        let PlaceName { gateway, route, backend } = self.name();
        let place = [("backend", backend), ("gateway", gateway), ("route", route)];
        for outcome in sorted(&self.outcomes, Outcome::key) {
            let (code, flag) = (outcome.code.to_string(), outcome.flag.as_str());
            let labels = with(&place, &[("code", &code), ("response_flag", flag)]);
            to.counter(ByPlace::Requests, &labels, &outcome.requests);
        }
        to.histogram(ByPlace::Duration, &place, &self.duration);
        to.histogram(ByPlace::FirstByte, &place, &self.first_byte);
        to.counter(ByPlace::Received, &place, &self.received);
        to.counter(ByPlace::Sent, &place, &self.sent);
        for model in sorted(&self.models, |model| model.key()) {
            model.gather(&place, to);
        }
    }
}

impl Outcome {
    fn key(&self) -> (u16, &'static str) {
        (self.code, self.flag.as_str())
    }
}

impl Model {
    fn key(&self) -> (&'static str, &str) {
        (self.operation, &self.name)
    }

    fn new(operation: &'static str, name: &str) -> Self {
        Self {
            operation,
            name: name.into(),
            input: Histogram::new(&TOKENS),
            output: Histogram::new(&TOKENS),
            duration: Histogram::new(&OPERATION_DURATION),
            first_token: Histogram::new(&FIRST_TOKEN),
            output_token: Histogram::new(&OUTPUT_TOKEN),
            failures: Few::new(),
        }
    }

    fn gather(&self, place: &[Label<'_>], to: &mut Gathered) {
        let model = with(place, &[(OPERATION, self.operation), (RESPONSE_MODEL, &self.name)]);
        for (kind, tokens) in [("input", &self.input), ("output", &self.output)] {
            to.histogram(ByPlace::Tokens, &with(&model, &[("gen_ai_token_type", kind)]), tokens);
        }
        to.histogram(ByPlace::Operation, &with(&model, &[("error_type", "")]), &self.duration);
        for failures in sorted(&self.failures, |failures| &*failures.error) {
            to.histogram(ByPlace::Operation, &with(&model, &[("error_type", &failures.error)]), &failures.duration);
        }
        to.histogram(ByPlace::FirstToken, &model, &self.first_token);
        to.histogram(ByPlace::OutputToken, &model, &self.output_token);
    }
}

impl Failures {
    fn new(error: &str) -> Self {
        Self { error: error.into(), duration: Histogram::new(&OPERATION_DURATION) }
    }
}

fn sorted<'a, T, K: Ord>(values: &'a Few<T>, key: impl Fn(&'a T) -> K) -> Vec<&'a T> {
    let mut values: Vec<_> = values.iter().collect();
    values.sort_unstable_by_key(|value| key(value));
    values
}

fn with<'a>(labels: &[Label<'a>], more: &[Label<'a>]) -> Vec<Label<'a>> {
    [labels, more].concat()
}

/// OpenTelemetry's `error.type`: the status, or how the answer broke off; `None` for success.
fn error_type(code: u16, ending: Ending) -> Option<Cow<'static, str>> {
    match ending {
        _ if code >= 400 => Some(code.to_string().into()),
        Ending::Done | Ending::Complete => None,
        broken => Some(broken.as_str().into()),
    }
}
