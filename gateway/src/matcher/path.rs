//! Conditions on the path, and its normal form.

use std::borrow::Cow;

use serde::Serialize;

use super::value::Pattern;

/// A condition on the path (query excluded).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum PathMatch {
    /// The whole path.
    Exact(String),
    /// Whole leading segments: `/v1` means `/v1` and `/v1/x`, not `/v1beta`. Without trailing slash; `/` is empty.
    Prefix(#[serde(serialize_with = "prefix_text")] String),
    /// RE2-style expression that must match the whole path, as Envoy's `safe_regex` does.
    Regex(Pattern),
}

/// Precedence of paths: exact over expression over prefix, longer over shorter.
///
/// The specification leaves expressions open; between exact and prefix is where Envoy Gateway puts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathRank {
    /// Length of the prefix in bytes.
    Prefix(usize),
    /// Length of the expression in bytes.
    Regex(usize),
    /// The whole path.
    Exact,
}

impl PathMatch {
    /// A prefix as users write it; a trailing slash makes no difference (Gateway API `PathMatchPathPrefix`).
    pub fn prefix(text: &str) -> Self {
        Self::Prefix(text.trim_end_matches('/').to_owned())
    }

    /// True when it holds for a path in normal form.
    pub fn holds(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == path,
            Self::Prefix(prefix) => {
                path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Self::Regex(pattern) => pattern.holds(path),
        }
    }

    /// How specific this condition is.
    pub fn rank(&self) -> PathRank {
        match self {
            Self::Exact(_) => PathRank::Exact,
            Self::Regex(pattern) => PathRank::Regex(pattern.as_str().len()),
            Self::Prefix(prefix) => PathRank::Prefix(prefix.len()),
        }
    }
}

fn prefix_text<S: serde::Serializer>(prefix: &str, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(if prefix.is_empty() { "/" } else { prefix })
}

/// The leading whole-segment prefixes of a path, longest first, down to the empty one.
pub fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let whole = path.trim_end_matches('/');
    let mut next = Some(whole);
    std::iter::from_fn(move || {
        let current = next?;
        next = current.rfind('/').map(|slash| &current[..slash]);
        Some(current)
    })
}

/// What to do with the path a client sent, before anything is matched.
///
/// The normal form is what is matched *and* what is forwarded, so that no route can be dodged by spelling.
/// The steps are Envoy Gateway's defaults: dot segments resolved, slashes merged, escaped slashes redirected.
#[derive(Debug, PartialEq, Eq)]
pub enum Normalized<'a> {
    /// Go on with this path.
    Path(Cow<'a, str>),
    /// `%2F` or `%5C` in the path: the client is sent to the unescaped one (307).
    Redirect(String),
    /// Not a path that may be forwarded.
    Invalid,
}

/// Brings a path (without query) into its normal form.
pub fn normalize(path: &str) -> Normalized<'_> {
    if !path.starts_with('/') || path.to_ascii_lowercase().contains("%00") || path.contains('\\') {
        return Normalized::Invalid;
    }
    if let Some(unescaped) = unescape_slashes(path) {
        return Normalized::Redirect(resolve(&unescaped));
    }
    let plain = !path.contains("//") && !path.contains("/.") && !path.to_ascii_lowercase().contains("%2e");
    Normalized::Path(if plain { Cow::Borrowed(path) } else { Cow::Owned(resolve(path)) })
}

fn unescape_slashes(path: &str) -> Option<String> {
    let lower = path.to_ascii_lowercase();
    (lower.contains("%2f") || lower.contains("%5c"))
        .then(|| ["%2f", "%2F", "%5c", "%5C"].iter().fold(path.to_owned(), |p, escape| p.replace(escape, "/")))
}

/// RFC 3986 section 5.2.4, with empty segments dropped.
fn resolve(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut directory = true;
    for segment in path.split('/') {
        let dots = segment.replace("%2e", ".").replace("%2E", ".");
        directory = matches!(dots.as_str(), "" | "." | "..");
        match dots.as_str() {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let tail = if directory && !kept.is_empty() { "/" } else { "" };
    format!("/{}{tail}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_whole_segments_longest_first() {
        let all = |path| prefixes(path).collect::<Vec<_>>();
        assert_eq!(all("/v1/chat"), ["/v1/chat", "/v1", ""]);
        assert_eq!(all("/v1/"), ["/v1", ""]);
        assert_eq!(all("/"), [""]);
    }

    #[test]
    fn prefixes_hold_whole_segments() {
        let holds = |prefix: &str, path| PathMatch::prefix(prefix).holds(path);
        assert!(["/v1", "/v1/", "/v1/x", "/v1//"].iter().all(|path| holds("/v1/", path)));
        assert!(["/v1beta", "/", "/v"].iter().all(|path| !holds("/v1", path)));
        assert!(["/", "/x", "//", ""].iter().all(|path| holds("/", path)));
        assert!(!holds("/", "*"));
    }

    #[test]
    fn normal_form() {
        let check = |path: &str, expected: &str| match normalize(path) {
            Normalized::Path(path) => assert_eq!(path, expected),
            other => panic!("{path}: {other:?}"),
        };
        check("/v1/chat", "/v1/chat");
        check("/v1//chat", "/v1/chat");
        check("/v1/../admin", "/admin");
        check("/v1/%2e%2E/admin", "/admin");
        check("/../..", "/");
        check("/v1/.", "/v1/");
        check("/v1/", "/v1/");
        check("/v1/a.b", "/v1/a.b");
        check("/.well-known/x", "/.well-known/x");
    }

    #[test]
    fn escaped_slashes_are_redirected_and_odd_bytes_refused() {
        assert_eq!(normalize("/a%2Fb"), Normalized::Redirect("/a/b".into()));
        assert_eq!(normalize("/a%5c..%2fb"), Normalized::Redirect("/b".into()));
        assert_eq!(normalize("/a%00"), Normalized::Invalid);
        assert_eq!(normalize("/a\\b"), Normalized::Invalid);
        assert_eq!(normalize("*"), Normalized::Invalid);
    }
}
