//! Who is let in: the checks by which the real provider would turn a wrongly configured gateway away.

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};

/// Where DashScope's compatible mode answers.
const PATH: &str = "/compatible-mode/v1/chat/completions";

/// Compares requests with what they should be.
pub(super) struct Doorman {
    hostname: String,
    credential: String,
}

/// Why a request is turned away, in the words of OpenAI's errors.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Doorman {
    pub(super) fn new(hostname: &str, credential: &str) -> Self {
        Self { hostname: hostname.to_owned(), credential: credential.to_owned() }
    }

    /// The `Host` of a request that is as it should be.
    pub(super) fn admit(&self, sni: &str, head: &Parts) -> Result<String, Refusal> {
        let host = host(head);
        // RFC 9110, 7.4: a request for another authority is misdirected.
        if sni != self.hostname || host.strip_suffix(":443").unwrap_or(&host) != self.hostname {
            let message = format!("This is {}; the TLS handshake said {sni:?} and Host {host:?}.", self.hostname);
            return Err(Refusal::invalid(StatusCode::MISDIRECTED_REQUEST, "misdirected_request", message));
        }
        if head.uri.path() != PATH {
            let message = format!("There is nothing at {:?}; chat completions are at {PATH}.", head.uri.path());
            return Err(Refusal::invalid(StatusCode::NOT_FOUND, "not_found", message));
        }
        if head.method != Method::POST {
            let message = format!("{PATH} takes POST, not {}.", head.method);
            return Err(Refusal::invalid(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message));
        }
        let mut credentials = head.headers.get_all(header::AUTHORIZATION).iter();
        match (credentials.next(), credentials.next()) {
            (Some(credential), None) if self.is_right(credential) => Ok(host),
            _ => Err(Refusal::invalid(StatusCode::UNAUTHORIZED, "invalid_api_key", "Incorrect API key provided.")),
        }
    }

    fn is_right(&self, credential: &HeaderValue) -> bool {
        credential.as_bytes() == self.credential.as_bytes()
    }
}

impl Refusal {
    pub(super) fn too_large() -> Self {
        let message = "The body is longer than 16 MiB, or was cut.";
        Self::invalid(StatusCode::PAYLOAD_TOO_LARGE, "invalid_parameter_error", message)
    }

    pub(super) fn bad_body(why: &str) -> Self {
        let message = format!("The body is no chat completion request: {why}.");
        Self::invalid(StatusCode::BAD_REQUEST, "invalid_parameter_error", message)
    }

    fn invalid(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind: "invalid_request_error", code, message: message.into() }
    }
}

fn host(head: &Parts) -> String {
    let header = || head.headers.get(header::HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    head.uri.authority().map(ToString::to_string).or_else(header).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(sni: &str, request: http::request::Builder, expected: Result<&str, (u16, &str)>) {
        let doorman = Doorman::new("provider.example", "Bearer right");
        let (head, ()) = request.body(()).unwrap().into_parts();
        let result = doorman.admit(sni, &head);
        assert_eq!(result.as_deref().map_err(|refusal| (refusal.status.as_u16(), refusal.code)), expected);
    }

    fn right() -> http::request::Builder {
        Request::post(PATH).header("host", "provider.example").header("authorization", "Bearer right")
    }

    #[test]
    fn a_right_request_comes_in() {
        check("provider.example", right(), Ok("provider.example"));
        let h2 = Request::post("https://provider.example/compatible-mode/v1/chat/completions?a=b");
        check("provider.example", h2.header("authorization", "Bearer right"), Ok("provider.example"));
    }

    #[test]
    fn each_fault_is_told_apart() {
        let sni = "provider.example";
        check("other.example", right(), Err((421, "misdirected_request")));
        check(sni, Request::post(PATH).header("host", "gateway"), Err((421, "misdirected_request")));
        check(sni, Request::post("/v1/chat/completions").header("host", sni), Err((404, "not_found")));
        check(sni, Request::get(PATH).header("host", sni), Err((405, "method_not_allowed")));
        check(sni, Request::post(PATH).header("host", sni), Err((401, "invalid_api_key")));
        check(sni, right().header("authorization", "Bearer placeholder"), Err((401, "invalid_api_key")));
    }
}
