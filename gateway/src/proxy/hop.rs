//! What of a head is meant for the next hop alone, and does not go further (RFC 9110 section 7.6.1).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Uri, Version};

use super::local_reply::LocalReply;
use crate::head::RequestHead;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Fields of one hop, whether the head says so or not.
const OF_ONE_HOP: [HeaderName; 9] = [
    KEEP_ALIVE,
    PROXY_CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::CONNECTION,
    header::UPGRADE,
    HTTP2_SETTINGS,
];

/// Fields that no client can have taken away: what routes and providers go by.
const KEPT: [HeaderName; 4] = [
    header::HOST,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// Options of `Connection` that a client may name.
const MOST_OPTIONS: usize = 32;

const UNFIT: LocalReply = LocalReply::BadRequest("its head cannot be forwarded");

/// What is spoken on the next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Http1,
    Http2,
}

/// Takes out what does not go further. Of requests to switch protocols, WebSocket's goes on, over HTTP/1.1.
///
/// # Errors
/// `Connection` names what it may not, or too much.
pub(super) fn strip(head: &mut RequestHead, next: Next) -> Result<(), LocalReply> {
    let upgrade = head.headers.get(header::UPGRADE).map(HeaderValue::as_bytes);
    let websocket = upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"));
    let keeps_upgrade = websocket && head.version == Version::HTTP_11 && next == Next::Http1;
    for name in nominated(&head.headers)? {
        head.headers.remove(&name);
    }
    // Most heads have none of them, and are looked through once.
    if head.headers.keys().any(|name| OF_ONE_HOP.contains(name)) {
        for name in &OF_ONE_HOP {
            head.headers.remove(name);
        }
    }
    if keeps_upgrade {
        put(head, header::CONNECTION, HeaderValue::from_static("Upgrade"))?;
        put(head, header::UPGRADE, HeaderValue::from_static("websocket"))?;
    }
    Ok(())
}

fn put(head: &mut RequestHead, name: HeaderName, value: HeaderValue) -> Result<(), LocalReply> {
    head.headers.try_insert(name, value).map(drop).map_err(|_| UNFIT)
}

/// The fields that `Connection` names.
fn nominated(headers: &HeaderMap) -> Result<Vec<HeaderName>, LocalReply> {
    let mut names = Vec::new();
    let lines = headers.get_all(header::CONNECTION).iter();
    let options = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    for option in options.filter(|option| !option.is_empty()) {
        if option.eq_ignore_ascii_case(b"keep-alive") || option.eq_ignore_ascii_case(b"close") {
            continue;
        }
        let name = HeaderName::from_bytes(option).ok().filter(|_| option.iter().copied().all(is_token));
        match name {
            Some(name) if !KEPT.contains(&name) && names.len() < MOST_OPTIONS => names.push(name),
            _ => return Err(UNFIT),
        }
    }
    Ok(names)
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Makes the head one of HTTP/1.1. `has_body` where the client sends one.
///
/// # Errors
/// The head takes no more fields.
pub(super) fn as_http1(head: &mut RequestHead, has_body: bool) -> Result<(), LocalReply> {
    head.version = Version::HTTP_11;
    if !head.headers.contains_key(header::HOST) {
        let authority = HeaderValue::from_str(head.uri.authority().map_or("", Authority::as_str));
        put(head, header::HOST, authority.map_err(|_| UNFIT)?)?;
    }
    let framed =
        head.headers.contains_key(header::CONTENT_LENGTH) || head.headers.contains_key(header::TRANSFER_ENCODING);
    if has_body && !framed {
        put(head, header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"))?;
    }
    Ok(())
}

/// Makes the head one of HTTP/2, which has `:authority` in place of `Host` and no chunks.
///
/// # Errors
/// There is no host, or the target is none that HTTP/2 can have.
pub(super) fn as_http2(head: &mut RequestHead, scheme: Scheme) -> Result<(), LocalReply> {
    head.version = Version::HTTP_2;
    head.headers.remove(header::TRANSFER_ENCODING);
    let authority = match head.headers.remove(header::HOST) {
        Some(host) => Authority::try_from(host.as_bytes()).map_err(|_| UNFIT)?,
        None => head.uri.authority().cloned().ok_or(UNFIT)?,
    };
    if authority.as_str().contains('@') {
        return Err(UNFIT);
    }
    let mut target = head.uri.clone().into_parts();
    (target.scheme, target.authority) = (Some(scheme), Some(authority));
    target.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    head.uri = Uri::from_parts(target).map_err(|_| UNFIT)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::head::request;

    fn head(fields: &[(&'static str, &str)]) -> RequestHead {
        let mut head = request(Method::POST, Uri::from_static("/v1?x"));
        for (name, value) in fields {
            head.headers.append(*name, value.parse().unwrap());
        }
        head
    }

    /// The names that are left, in order.
    fn left(fields: &[(&'static str, &str)], next: Next) -> Result<Vec<String>, LocalReply> {
        let mut head = head(fields);
        strip(&mut head, next)?;
        let mut names: Vec<_> = head.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        Ok(names)
    }

    #[test]
    fn what_is_of_one_hop_stays_here() {
        let fields = [
            ("host", "a"),
            ("connection", "keep-alive, X-Mine"),
            ("connection", "close,"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("proxy-authorization", "Basic x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "x"),
        ];
        assert_eq!(left(&fields, Next::Http1), Ok(vec!["host".to_owned(), "transfer-encoding".to_owned()]));
    }

    #[test]
    fn nobody_takes_away_what_providers_go_by() {
        for bad in ["host", "X-Forwarded-For", ":authority", "\"x\"", "a b"] {
            assert_eq!(left(&[("connection", bad)], Next::Http1), Err(UNFIT), "{bad}");
        }
        let many = vec!["x"; MOST_OPTIONS + 1].join(",");
        assert_eq!(left(&[("connection", &many)], Next::Http1), Err(UNFIT));
    }

    #[test]
    fn websockets_go_on_over_http1() {
        let fields = [("connection", "Upgrade, x-mine"), ("upgrade", "WebSocket"), ("x-mine", "1")];
        assert_eq!(left(&fields, Next::Http1), Ok(vec!["connection".to_owned(), "upgrade".to_owned()]));
        assert_eq!(left(&fields, Next::Http2), Ok(vec![]));
    }

    #[test]
    fn each_version_has_its_form() {
        let mut one = head(&[]);
        one.uri = Uri::from_static("http://a.test/v1");
        as_http1(&mut one, true).unwrap();
        assert_eq!(
            (&one.headers["host"], &one.headers["transfer-encoding"]),
            (&"a.test".parse().unwrap(), &"chunked".parse().unwrap())
        );
        let mut two = head(&[("host", "a.test:1"), ("transfer-encoding", "chunked")]);
        as_http2(&mut two, Scheme::HTTPS).unwrap();
        assert_eq!((two.uri.to_string().as_str(), two.headers.len()), ("https://a.test:1/v1?x", 0));
        assert_eq!(as_http2(&mut head(&[]), Scheme::HTTP), Err(UNFIT));
        assert_eq!(as_http2(&mut head(&[("host", "a@b")]), Scheme::HTTP), Err(UNFIT));
    }
}
