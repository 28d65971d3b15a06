//! `URLRewrite` (Gateway API `HTTPURLRewriteFilter`): path and host of the request that goes upstream.

use http::Uri;
use http::header::{HOST, HeaderName, HeaderValue};
use pingora_http::RequestHeader;
use serde::Serialize;

use super::edit_failed::EditFailed;

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// New path and host; what is `None` stays as the client sent it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UrlRewrite {
    /// Literal for the Host header; the client's goes to `X-Forwarded-Host`, as Envoy Gateway has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// New path; the query is kept byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathRewrite>,
}

/// How a path is replaced.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum PathRewrite {
    /// The whole path.
    Full(String),
    /// The matched prefix. Both without trailing slash, so that the specification's table needs no case.
    Prefix {
        /// What the rule matched.
        prefix: String,
        /// What stands there afterwards.
        replacement: String,
    },
}

impl PathRewrite {
    /// A prefix replacement, from the texts that a user wrote.
    pub fn prefix(prefix: &str, replacement: &str) -> Self {
        let bare = |text: &str| text.trim_end_matches('/').to_owned();
        Self::Prefix { prefix: bare(prefix), replacement: bare(replacement) }
    }

    /// The new path for `path` (both without query).
    pub fn apply(&self, path: &str) -> String {
        match self {
            Self::Full(new) => new.clone(),
            Self::Prefix { prefix, replacement } => {
                let rest = path.strip_prefix(prefix.as_str()).unwrap_or(path);
                let separator = if rest.is_empty() || rest.starts_with('/') { "" } else { "/" };
                let new = format!("{replacement}{separator}{rest}");
                if new.is_empty() { "/".to_owned() } else { new }
            }
        }
    }
}

impl UrlRewrite {
    /// Rewrites the head.
    ///
    /// # Errors
    /// The new path makes no valid URI.
    pub fn apply(&self, head: &mut RequestHeader) -> Result<(), EditFailed> {
        if let Some(path) = &self.path {
            let new = path.apply(head.uri.path());
            set_path(head, &new)?;
        }
        if let Some(hostname) = &self.hostname {
            rewrite_host(head, hostname)?;
        }
        Ok(())
    }
}

/// Puts a new path in place and leaves the query as it is.
///
/// # Errors
/// The path makes no valid URI.
pub fn set_path(head: &mut RequestHeader, path: &str) -> Result<(), EditFailed> {
    let target = match head.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let uri: Uri = target.parse().map_err(|_| EditFailed("the rewritten path is no valid URI"))?;
    head.set_uri(uri);
    Ok(())
}

fn rewrite_host(head: &mut RequestHeader, hostname: &str) -> Result<(), EditFailed> {
    let failed = |_| EditFailed("the host cannot be rewritten");
    if let Some(original) = head.headers.get(HOST).cloned() {
        head.append_header(X_FORWARDED_HOST, original).map_err(failed)?;
    }
    let value = HeaderValue::from_str(hostname).map_err(|_| EditFailed("the rewritten host is no header value"))?;
    head.insert_header(HOST, value).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of Gateway API v1.6 `HTTPPathModifier.replacePrefixMatch`, and the walk-through's own case.
    #[test]
    fn the_specifications_table() {
        for (path, prefix, replacement, expected) in [
            ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
            ("/foo", "/foo", "/xyz", "/xyz"),
            ("/foo/", "/foo", "/xyz", "/xyz/"),
            ("/foo/bar", "/foo", "", "/bar"),
            ("/foo/", "/foo", "", "/"),
            ("/foo", "/foo", "", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/foo", "/foo", "/", "/"),
            ("/foo", "/", "/xyz", "/xyz/foo"),
            ("/v1/chat/completions", "/v1", "/compatible-mode/v1", "/compatible-mode/v1/chat/completions"),
        ] {
            assert_eq!(PathRewrite::prefix(prefix, replacement).apply(path), expected, "{path} {prefix} {replacement}");
        }
    }

    #[test]
    fn query_is_kept_and_host_moves_to_x_forwarded_host() {
        let mut head = RequestHeader::build("POST", b"/v1/chat?a=%20b&&c", None).unwrap();
        head.insert_header(HOST, "10.0.0.1:8080").unwrap();
        let rewrite = UrlRewrite {
            hostname: Some("provider.example".into()),
            path: Some(PathRewrite::prefix("/v1", "/compatible-mode/v1")),
        };
        rewrite.apply(&mut head).unwrap();
        assert_eq!(head.uri.to_string(), "/compatible-mode/v1/chat?a=%20b&&c");
        assert_eq!(head.headers[HOST], "provider.example");
        assert_eq!(head.headers["x-forwarded-host"], "10.0.0.1:8080");
    }
}
