//! `RequestRedirect` (Gateway API `HTTPRequestRedirectFilter`): an answer, not an edit.

use http::{StatusCode, Uri};
use serde::Serialize;

use super::rewrite::PathRewrite;

/// Where a client is sent; what is `None` stays as in the request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Redirect {
    /// `http` or `https`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// New host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// New port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// New path; the query is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathRewrite>,
    /// 301, 302, 303, 307 or 308.
    #[serde(serialize_with = "code")]
    pub status: StatusCode,
}

impl Redirect {
    /// The `Location` for a request that came in over plain HTTP on `listener_port`.
    ///
    /// The port follows the specification: the one named, else the well-known one of a named scheme, else the
    /// listener's; the well-known port of the scheme is left out.
    pub fn location(&self, host: &str, uri: &Uri, listener_port: u16) -> String {
        let scheme = self.scheme.as_deref().unwrap_or("http");
        let well_known = if scheme == "https" { 443 } else { 80 };
        let port = self.port.unwrap_or(if self.scheme.is_some() { well_known } else { listener_port });
        let port = if port == well_known { String::new() } else { format!(":{port}") };
        let host = self.hostname.as_deref().unwrap_or(host);
        let path = self.path.as_ref().map_or_else(|| uri.path().to_owned(), |p| p.apply(uri.path()));
        let query = uri.query().map_or_else(String::new, |q| format!("?{q}"));
        format!("{scheme}://{host}{port}{path}{query}")
    }
}

fn code<S: serde::Serializer>(status: &StatusCode, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations() {
        let plain = Redirect { scheme: None, hostname: None, port: None, path: None, status: StatusCode::FOUND };
        let uri: Uri = "/a/b?c=d".parse().unwrap();
        assert_eq!(plain.location("h", &uri, 8080), "http://h:8080/a/b?c=d");
        assert_eq!(plain.location("h", &uri, 80), "http://h/a/b?c=d");
        let https = Redirect { scheme: Some("https".into()), ..plain.clone() };
        assert_eq!(https.location("h", &uri, 8080), "https://h/a/b?c=d");
        let moved = Redirect { path: Some(PathRewrite::prefix("/a", "/x")), port: Some(81), ..plain };
        assert_eq!(moved.location("h", &uri, 80), "http://h:81/x/b?c=d");
    }
}
