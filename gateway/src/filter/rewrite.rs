//! `URLRewrite` (Gateway API `HTTPURLRewriteFilter`): path and host of the request that goes upstream.

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use serde::Serialize;

use super::edit_failed::EditFailed;
use crate::head::RequestHead;

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
                let new = [replacement, separator, rest].concat();
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
    pub fn apply(&self, head: &mut RequestHead) -> Result<(), EditFailed> {
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
pub fn set_path(head: &mut RequestHead, path: &str) -> Result<(), EditFailed> {
    let query = head.uri.query();
    let mut target = String::with_capacity(path.len() + query.map_or(0, |query| query.len() + 1));
    target.push_str(path);
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    let target = PathAndQuery::from_maybe_shared(Bytes::from(target));
    head.uri = target.map_err(|_| EditFailed("the rewritten path is no valid URI"))?.into();
    Ok(())
}

fn rewrite_host(head: &mut RequestHead, hostname: &str) -> Result<(), EditFailed> {
    let failed = |_| EditFailed("the host cannot be rewritten");
    if let Some(original) = head.headers.get(HOST).cloned() {
        head.headers.try_append(X_FORWARDED_HOST, original).map_err(failed)?;
    }
    let value = HeaderValue::from_str(hostname).map_err(|_| EditFailed("the rewritten host is no header value"))?;
    head.headers.try_insert(HOST, value).map_err(failed).map(drop)
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use super::*;
    use crate::head;

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
        let mut head = head::request(Method::POST, Uri::from_static("/v1/chat?a=%20b&&c"));
        head.headers.insert(HOST, HeaderValue::from_static("10.0.0.1:8080"));
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
