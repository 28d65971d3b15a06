//! What a rule asks of a request, and how specific that is.

pub mod host;
pub mod path;
pub mod value;

use http::Method;
use serde::Serialize;

use path::{PathMatch, PathRank};
use value::{HeaderMatch, QueryMatch};

/// One entry of `HTTPRoute.spec.rules[].matches[]`: all its conditions must hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestMatch {
    /// Condition on the path, always present (`PathPrefix /` where the object says nothing).
    pub path: PathMatch,
    /// Exact method.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "method_text")]
    pub method: Option<Method>,
    /// Conditions on headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderMatch>,
    /// Conditions on query parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<QueryMatch>,
}

/// Precedence among matches; the derived order *is* the specification's order
/// (Gateway API v1.6, `HTTPRouteRule.matches`): path, then method, then number of headers, then of query parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MatchRank {
    path: PathRank,
    method: bool,
    headers: usize,
    queries: usize,
}

/// The parts of a request that matches look at.
pub struct RequestParts<'a> {
    /// Path without query, normalised.
    pub path: &'a str,
    /// Query without `?`, as sent.
    pub query: Option<&'a str>,
    /// Method.
    pub method: &'a Method,
    /// Headers.
    pub headers: &'a http::HeaderMap,
}

impl RequestMatch {
    /// Matches every request: what absent `matches` mean.
    pub fn any() -> Self {
        Self { path: PathMatch::prefix("/"), method: None, headers: Vec::new(), queries: Vec::new() }
    }

    /// How specific this match is.
    pub fn rank(&self) -> MatchRank {
        MatchRank {
            path: self.path.rank(),
            method: self.method.is_some(),
            headers: self.headers.len(),
            queries: self.queries.len(),
        }
    }

    /// True when everything but the path holds; the route table has looked at the path already.
    pub fn holds_beside_path(&self, request: &RequestParts<'_>) -> bool {
        self.method.as_ref().is_none_or(|m| m == request.method)
            && self.headers.iter().all(|h| h.holds(request.headers))
            && self.queries.iter().all(|q| q.holds(request.query))
    }
}

fn method_text<S: serde::Serializer>(method: &Option<Method>, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(method.as_ref().map_or("", Method::as_str))
}
