//! The headers that tell an upstream where a request came from, as Envoy sets them at the edge.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, MaxSizeReached};

use crate::head::RequestHead;
use crate::telemetry::Text;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Of an IPv6 address, as text.
const LONGEST_ADDRESS: usize = 45;

/// Name of the header that names a request in logs, here and upstream.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Appends the client to `X-Forwarded-For`, and sets the scheme and the request's id, which a client cannot choose.
///
/// # Errors
/// The head takes no more fields.
pub(super) fn set(
    head: &mut RequestHead,
    client: Option<IpAddr>,
    request_id: &HeaderValue,
) -> Result<(), MaxSizeReached> {
    let headers = &mut head.headers;
    if let Some(client) = client {
        let mut value = Vec::with_capacity(LONGEST_ADDRESS);
        for before in headers.get_all(&X_FORWARDED_FOR).iter().filter(|before| !before.is_empty()) {
            value.extend_from_slice(before.as_bytes());
            value.push(b',');
        }
        value.extend_from_slice(Text::ip(client).as_bytes());
        // Made of values and of an address, it is one.
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value)) {
            headers.try_insert(X_FORWARDED_FOR, value)?;
        }
    }
    headers.try_insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"))?;
    headers.try_insert(X_REQUEST_ID, request_id.clone()).map(drop)
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use super::*;
    use crate::head;

    #[test]
    fn the_client_is_appended_and_the_rest_replaced() {
        let mut head = head::request(Method::GET, Uri::from_static("/"));
        for (name, value) in
            [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2"), ("x-request-id", "theirs")]
        {
            head.headers.append(name, value.parse().unwrap());
        }
        set(&mut head, Some("3.3.3.3".parse().unwrap()), &HeaderValue::from_static("ours")).unwrap();
        assert_eq!(head.headers["x-forwarded-for"], "1.1.1.1,2.2.2.2,3.3.3.3");
        assert_eq!(head.headers["x-request-id"], "ours");
        assert_eq!(head.headers["x-forwarded-proto"], "http");
    }
}
