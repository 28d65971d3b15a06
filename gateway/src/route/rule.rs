//! A rule of a route: what it matches, what it does, how long it may take.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;
use serde::Serialize;

use crate::cluster::Backends;
use crate::filter::redirect::Redirect;
use crate::filter::{RequestEdit, ResponseEdit};
use crate::matcher::RequestMatch;

/// One rule of one route, wholly resolved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RouteRule {
    /// Kind, namespace, name and rule index, such as `httproute/ai/qwen/rule/0`: the name in logs and metrics.
    pub name: String,
    /// Any of these must hold. Never empty.
    pub matches: Vec<RequestMatch>,
    /// Made on the head that goes upstream, in order, anew for each attempt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<RequestEdit>,
    /// Made on the head that goes to the client, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub response_edits: Vec<ResponseEdit>,
    /// What happens to a request.
    pub action: Action,
    /// How long it may take.
    #[serde(skip_serializing_if = "Timeouts::is_default")]
    pub timeouts: Timeouts,
}

/// What a rule does with a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Action {
    /// Sends it to one of the backends.
    Forward(Backends),
    /// Sends the client elsewhere.
    Redirect(Redirect),
    /// Answers it.
    Answer(DirectResponse),
}

/// A fixed answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DirectResponse {
    /// Status of the answer.
    #[serde(serialize_with = "code")]
    pub status: StatusCode,
    /// What the answer is; a fixed one where the user asked for it, an error where the rule is broken.
    pub body: AnswerBody,
}

/// The body of a fixed answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum AnswerBody {
    /// What the user wrote (Envoy Gateway `HTTPRouteFilter.spec.directResponse`).
    Fixed {
        /// Content type.
        #[serde(serialize_with = "value_text", skip_serializing_if = "Option::is_none")]
        content_type: Option<HeaderValue>,
        /// The bytes.
        #[serde(serialize_with = "body_text")]
        body: Bytes,
    },
    /// The rule's configuration is broken: an error in the client's form. The text names the object, never a value.
    Broken(String),
}

/// Limits of time. `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    /// From the request's head to the last byte of the answer.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "duration")]
    pub request: Option<Duration>,
    /// The same for one attempt at a backend.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "duration")]
    pub backend_request: Option<Duration>,
    /// Longest silence in either direction.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "duration")]
    pub idle: Option<Duration>,
}

/// Envoy's stream idle timeout, in force where a route sets no timeout.
pub const DEFAULT_IDLE: Duration = Duration::from_secs(300);

impl Default for Timeouts {
    fn default() -> Self {
        Self { request: None, backend_request: None, idle: Some(DEFAULT_IDLE) }
    }
}

impl Timeouts {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn code<S: serde::Serializer>(status: &StatusCode, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u16(status.as_u16())
}

fn value_text<S: serde::Serializer>(value: &Option<HeaderValue>, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&String::from_utf8_lossy(value.as_ref().map_or(b"", |v| v.as_bytes())))
}

fn body_text<S: serde::Serializer>(body: &Bytes, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&String::from_utf8_lossy(body))
}

fn duration<S: serde::Serializer>(value: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&format_args!("{:?}", value.unwrap_or_default()))
}
