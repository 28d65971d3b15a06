//! What is refused before a route is looked for. The engine has parsed the head; these are the rules it does not know.

use http::header::{HOST, HeaderMap};
use http::{Method, Uri, Version};

use super::local_reply::LocalReply;
use crate::matcher::host::is_dns_name;

/// Checks a request's head.
///
/// # Errors
/// The reply that refuses it, always a 400.
pub(crate) fn check(method: &Method, uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), LocalReply> {
    check_target(method, uri)?;
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().map(http::HeaderValue::as_bytes).or_else(|| uri.authority().map(|a| a.as_str().as_bytes()));
    if hosts.next().is_some() {
        return Err(LocalReply::BadRequest("it has more than one Host header"));
    }
    match host {
        None if version == Version::HTTP_10 => Ok(()),
        None => Err(LocalReply::BadRequest("it has no Host header (RFC 9112 section 3.2)")),
        Some(host) => check_authority(host),
    }
}

fn check_target(method: &Method, uri: &Uri) -> Result<(), LocalReply> {
    let absolute = matches!(uri.scheme_str(), Some("http" | "https"));
    if !uri.path().starts_with('/') || (uri.scheme().is_some() && !absolute) {
        return Err(LocalReply::BadRequest("its target is neither a path nor an http URI"));
    }
    // TRACE and CONNECT show or tunnel what must stay here (a TRACE answer would quote the injected credential).
    match *method {
        Method::TRACE | Method::CONNECT => Err(LocalReply::BadRequest("its method is not supported")),
        _ => Ok(()),
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
            // Names with underscores are no DNS names, yet containers are called by them.
            (is_dns_name(&name.trim_end_matches('.').replace('_', "-").replace("--", "-x")), port)
        }
    };
    let port_valid = port.is_none_or(|p| !p.starts_with('+') && p.parse::<u16>().is_ok_and(|p| p > 0));
    if host && port_valid { Ok(()) } else { Err(malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(method: &str, target: &str, hosts: &[&str]) -> bool {
        let headers =
            hosts.iter().map(|h| (HOST, h.parse().unwrap())).fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            });
        let method = method.parse().unwrap();
        check(&method, &target.parse().unwrap(), Version::HTTP_11, &headers).is_ok()
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
        assert!(!verdict("OPTIONS", "*", &["a"]));
        assert!(!verdict("GET", "ftp://a/", &["a"]));
        assert!(!verdict("TRACE", "/", &["a"]));
    }
}
