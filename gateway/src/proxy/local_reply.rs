//! Answers that the gateway makes itself: everything that can go wrong with a request, as a closed list.
//!
//! One function gives the status, one the response flag of Envoy's access log, one the code in the body. The texts
//! say what happened and name objects and hosts; a credential cannot get here, its type has no text.

use http::StatusCode;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::json;

use crate::head::{self, ResponseHead};
use crate::telemetry::ResponseFlag;

/// Why the gateway answered in the upstream's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LocalReply {
    /// The request is malformed.
    BadRequest(&'static str),
    /// No listener or no rule is for it.
    NoRoute,
    /// The rule or its backend is broken or not permitted.
    Broken(String),
    /// The backend has no address.
    NoAddress(String),
    /// No address of the backend took the connection, or its TLS could not be verified.
    ConnectFailed(String),
    /// The upstream ended the connection before it answered.
    UpstreamReset,
    /// The upstream's answer is no HTTP.
    UpstreamProtocol,
    /// The route's time is up.
    TimedOut,
    /// The upstream was silent for too long.
    Idle,
    /// A defect of ours.
    Internal,
}

/// The body of a local reply and its content type.
pub(crate) struct ReplyBody {
    pub(crate) content_type: &'static str,
    pub(crate) text: String,
}

impl LocalReply {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Broken(_) | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NoAddress(_) | Self::ConnectFailed(_) | Self::UpstreamReset => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamProtocol => StatusCode::BAD_GATEWAY,
            Self::TimedOut | Self::Idle => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    pub(crate) fn flag(&self) -> ResponseFlag {
        match self {
            Self::BadRequest(_) => ResponseFlag::DownstreamProtocolError,
            Self::NoRoute => ResponseFlag::NoRoute,
            Self::Broken(_) | Self::Internal => ResponseFlag::None,
            Self::NoAddress(_) => ResponseFlag::NoHealthyUpstream,
            Self::ConnectFailed(_) => ResponseFlag::UpstreamConnectionFailure,
            Self::UpstreamReset => ResponseFlag::UpstreamConnectionTermination,
            Self::UpstreamProtocol => ResponseFlag::UpstreamProtocolError,
            Self::TimedOut => ResponseFlag::UpstreamRequestTimeout,
            Self::Idle => ResponseFlag::StreamIdleTimeout,
        }
    }

    /// The code in the body, and the detail in the access log.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::NoRoute => "route_not_found",
            Self::Broken(_) => "route_misconfigured",
            Self::NoAddress(_) => "no_healthy_upstream",
            Self::ConnectFailed(_) => "upstream_connect_failure",
            Self::UpstreamReset => "upstream_reset_before_response",
            Self::UpstreamProtocol => "upstream_protocol_error",
            Self::TimedOut => "request_timeout",
            Self::Idle => "upstream_idle_timeout",
            Self::Internal => "internal_error",
        }
    }

    /// What went wrong with the connection, for the access log.
    pub(crate) fn transport_failure(&self) -> Option<&str> {
        match self {
            Self::ConnectFailed(why) | Self::NoAddress(why) => Some(why),
            _ => None,
        }
    }

    /// The head of the answer, without content headers.
    pub(crate) fn head(&self, body: &ReplyBody) -> ResponseHead {
        let mut head = head::response(self.status());
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type));
        head.headers.insert(CONTENT_LENGTH, body.text.len().into());
        if self.status() == StatusCode::GATEWAY_TIMEOUT {
            // The provider may have done the work already; the OpenAI SDKs obey this and do not bill it again.
            head.headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        head
    }

    /// The body, in the form that the client speaks.
    pub(crate) fn body(&self, request: &HeaderMap) -> ReplyBody {
        let message = self.message();
        if !speaks_json(request) {
            return ReplyBody { content_type: "text/plain; charset=utf-8", text: format!("{message}\n") };
        }
        let kind = if self.status().is_client_error() { "invalid_request_error" } else { "gateway_error" };
        let error = json!({ "error": { "message": message, "type": kind, "param": null, "code": self.code() } });
        ReplyBody { content_type: "application/json", text: error.to_string() }
    }

    fn message(&self) -> String {
        match self {
            Self::BadRequest(why) => format!("The request is malformed: {why}."),
            Self::NoRoute => "No route of this gateway matches the request's host, path, method and headers.".into(),
            Self::Broken(what) => format!("The route cannot be served as it is configured: {what}."),
            Self::NoAddress(what) => format!("The backend has no address to send the request to: {what}."),
            Self::ConnectFailed(what) => format!("The backend could not be reached: {what}."),
            Self::UpstreamReset => "The backend ended the connection before it answered.".into(),
            Self::UpstreamProtocol => "The backend's answer is not valid HTTP.".into(),
            Self::TimedOut => "The backend did not finish within the route's timeout.".into(),
            Self::Idle => "The backend was silent for longer than the route's idle limit.".into(),
            Self::Internal => "The gateway failed to handle the request.".into(),
        }
    }
}

/// True when a client would read a JSON error: it asks for one, or sent JSON itself without asking for text.
fn speaks_json(request: &HeaderMap) -> bool {
    let mentions = |name, what: &str| {
        request.get_all(name).iter().any(|v| v.to_str().is_ok_and(|v| v.to_ascii_lowercase().contains(what)))
    };
    mentions(ACCEPT, "json") || (mentions(CONTENT_TYPE, "json") && !mentions(ACCEPT, "text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn json_clients_get_the_openai_shape() {
        for asks in [headers(&[("accept", "application/json")]), headers(&[("content-type", "application/json")])] {
            let body = LocalReply::NoRoute.body(&asks);
            let value: serde_json::Value = serde_json::from_str(&body.text).unwrap();
            assert_eq!(value["error"]["code"], "route_not_found");
            assert_eq!(value["error"]["type"], "invalid_request_error");
            assert!(value["error"]["message"].as_str().unwrap().contains("No route"));
        }
    }

    #[test]
    fn others_get_text() {
        let body = LocalReply::TimedOut.body(&headers(&[("accept", "*/*")]));
        assert_eq!(body.content_type, "text/plain; charset=utf-8");
        assert!(body.text.contains("timeout"));
    }

    #[test]
    fn timeouts_are_not_to_be_retried() {
        let reply = LocalReply::TimedOut;
        let head = reply.head(&reply.body(&HeaderMap::new()));
        assert_eq!(head.status, 504);
        assert_eq!(head.headers["x-should-retry"], "false");
        let reply = LocalReply::NoAddress("x".into());
        assert!(!reply.head(&reply.body(&HeaderMap::new())).headers.contains_key("x-should-retry"));
    }
}
