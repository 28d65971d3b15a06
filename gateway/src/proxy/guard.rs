//! What is refused before a route is looked for. The engine has parsed the head; these are the rules it does not know.

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, TRANSFER_ENCODING};
use http::{Method, Uri, Version};

use super::local_reply::LocalReply;
use crate::head::RequestHead;
use crate::http1::number;
use crate::matcher::host::is_dns_name;

/// Longest method; the longest registered one has 17 letters (RFC 9110 section 18.2).
const LONGEST_METHOD: usize = 32;

const TWICE_FRAMED: LocalReply = LocalReply::BadRequest("its body is framed in more than one way");

/// Checks a request's head.
///
/// # Errors
/// The reply that refuses it, always a 400.
pub(crate) fn check(head: &RequestHead) -> Result<(), LocalReply> {
    check_target(&head.method, &head.uri)?;
    check_framing(head.version, &head.headers)?;
    check_host(&head.uri, head.version, &head.headers)
}

fn check_target(method: &Method, uri: &Uri) -> Result<(), LocalReply> {
    let form_ok = uri.scheme_str().is_none_or(|scheme| matches!(scheme, "http" | "https"));
    if !form_ok || !uri.path().starts_with('/') {
        return Err(LocalReply::BadRequest("its target is neither a path nor an http URI"));
    }
    // TRACE and CONNECT show or tunnel what must stay here (a TRACE answer would quote the injected credential).
    match *method {
        Method::TRACE | Method::CONNECT => Err(LocalReply::BadRequest("its method is not supported")),
        _ if method.as_str().len() > LONGEST_METHOD => Err(LocalReply::BadRequest("its method is too long")),
        _ => Ok(()),
    }
}

/// One length, or chunks and nothing else, which HTTP/1.0 has not (RFC 9112 section 6.1): no second reading for whoever
/// comes after.
fn check_framing(version: Version, headers: &HeaderMap) -> Result<(), LocalReply> {
    let lines = |name: &HeaderName| {
        let mut lines = headers.get_all(name).iter().map(http::HeaderValue::as_bytes);
        (lines.next(), lines.next())
    };
    match (lines(&CONTENT_LENGTH), lines(&TRANSFER_ENCODING)) {
        ((None, _), (None, _)) => Ok(()),
        ((Some(length), None), (None, _)) if number(length).is_some() => Ok(()),
        ((None, _), (Some(coding), None)) if coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => match version {
            Version::HTTP_10 => Err(LocalReply::BadRequest("its version knows no chunks")),
            _ => Ok(()),
        },
        _ => Err(TWICE_FRAMED),
    }
}

fn check_host(uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), LocalReply> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().map(http::HeaderValue::as_bytes).or_else(|| uri.authority().map(|a| a.as_str().as_bytes()));
    if hosts.next().is_some() {
        return Err(LocalReply::BadRequest("it has more than one Host header"));
    }
    // Two names for one request: whoever comes after may go by the other.
    if uri.authority().is_some_and(|authority| host != Some(authority.as_str().as_bytes())) {
        return Err(LocalReply::BadRequest("its Host is not that of its target"));
    }
    match host {
        None if version == Version::HTTP_10 => Ok(()),
        None => Err(LocalReply::BadRequest("it has no Host header (RFC 9112 section 3.2)")),
        Some(host) => check_authority(host),
    }
}

fn check_authority(authority: &[u8]) -> Result<(), LocalReply> {
    let malformed = LocalReply::BadRequest("its Host is no host name");
    let Ok(text) = std::str::from_utf8(authority) else { return Err(malformed) };
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            let valid = address.parse::<std::net::Ipv6Addr>().is_ok();
            (valid, rest.strip_prefix(':').or((!rest.is_empty()).then_some("x")))
        }
        None => {
            let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
            (is_host_name(name.trim_end_matches('.')), port)
        }
    };
    let port_valid = port.is_none_or(|p| !p.starts_with('+') && p.parse::<u16>().is_ok_and(|p| p > 0));
    if host && port_valid { Ok(()) } else { Err(malformed) }
}

/// Names with underscores are no DNS names, yet containers are called by them.
fn is_host_name(name: &str) -> bool {
    match name.contains(['_', '-']) {
        true => is_dns_name(&name.replace('_', "-").replace("--", "-x")),
        false => is_dns_name(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head;

    fn accepts(method: &str, target: &str, headers: &[(&'static str, &str)]) -> bool {
        let Ok(uri) = target.parse() else { return false };
        let mut head = head::request(method.parse().unwrap(), uri);
        for (name, value) in headers {
            head.headers.append(*name, value.parse().unwrap());
        }
        check(&head).is_ok()
    }

    fn verdict(method: &str, target: &str, hosts: &[&str]) -> bool {
        accepts(method, target, &hosts.iter().map(|host| ("host", *host)).collect::<Vec<_>>())
    }

    #[test]
    fn hosts() {
        for good in ["a", "a.b:80", "10.0.0.1:8080", "[::1]", "[::1]:8080", "a_b", "A.example.com."] {
            assert!(verdict("GET", "/", &[good]), "{good}");
        }
        for bad in ["", "a b", "a@b", "a:", "a:0", "a:99999", "a:+80", "[::1", "[x]", "[::1]x", "a:b:c", "::1", "a/b"] {
            assert!(!verdict("GET", "/", &[bad]), "{bad}");
        }
        assert!(!verdict("GET", "/", &[]));
        assert!(!verdict("GET", "/", &["a", "a"]));
    }

    #[test]
    fn targets_and_methods() {
        assert!(verdict("POST", "/v1?x", &["a"]));
        assert!(verdict("GET", "http://a/v1", &["a"]));
        assert!(!verdict("GET", "http://a/v1", &["b"]));
        assert!(!verdict("OPTIONS", "*", &["a"]));
        assert!(!verdict("GET", "ftp://a/", &["a"]));
        assert!(!verdict("TRACE", "/", &["a"]));
        assert!(!verdict("GET", "ok", &["a"]));
        assert!(!verdict("GET", "\\ok", &["a"]));
        assert!(!verdict(&"A".repeat(33), "/", &["a"]));
    }

    #[test]
    fn framing_has_one_reading() {
        let framed = |headers: &[(&'static str, &str)]| accepts("POST", "/", &[headers, &[("host", "a")]].concat());
        assert!(framed(&[("content-length", "5")]));
        assert!(framed(&[("transfer-encoding", "Chunked")]));
        for bad in [
            &[("content-length", "5"), ("content-length", "5")][..],
            &[("content-length", "5, 5")],
            &[("content-length", "+5")],
            &[("content-length", "99999999999999999999")],
            &[("content-length", "5"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        ] {
            assert!(!framed(bad), "{bad:?}");
        }
    }
}
