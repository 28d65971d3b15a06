//! The headers that tell an upstream where a request came from, as Envoy sets them at the edge.

use std::net::IpAddr;

use http::header::{HeaderName, HeaderValue};
use pingora_error::Result;
use pingora_http::RequestHeader;

use crate::telemetry::Text;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Name of the header that names a request in logs, here and upstream.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Appends the client to `X-Forwarded-For`, and sets the scheme and the request's id, which a client cannot choose.
pub(super) fn set(head: &mut RequestHeader, client: Option<IpAddr>, request_id: &HeaderValue) -> Result<()> {
    if let Some(client) = client {
        let mut value = Vec::new();
        for before in head.headers.get_all(&X_FORWARDED_FOR).iter().filter(|before| !before.is_empty()) {
            value.extend_from_slice(before.as_bytes());
            value.push(b',');
        }
        value.extend_from_slice(Text::ip(client).as_bytes());
        head.insert_header(X_FORWARDED_FOR, value)?;
    }
    head.insert_header(X_FORWARDED_PROTO, HeaderValue::from_static("http"))?;
    head.insert_header(X_REQUEST_ID, request_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_appended_and_the_rest_replaced() {
        let mut head = RequestHeader::build("GET", b"/", None).unwrap();
        head.append_header("x-forwarded-for", "1.1.1.1").unwrap();
        head.append_header("x-forwarded-for", "2.2.2.2").unwrap();
        head.append_header("x-request-id", "theirs").unwrap();
        set(&mut head, Some("3.3.3.3".parse().unwrap()), &HeaderValue::from_static("ours")).unwrap();
        assert_eq!(head.headers["x-forwarded-for"], "1.1.1.1,2.2.2.2,3.3.3.3");
        assert_eq!(head.headers["x-request-id"], "ours");
        assert_eq!(head.headers["x-forwarded-proto"], "http");
    }
}
