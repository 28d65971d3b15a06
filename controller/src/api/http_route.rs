//! `HTTPRoute`.

use serde::Deserialize;
use serde_json::Value;

use super::reference::{LocalObjectReference, ParentReference};

/// `HTTPRoute.spec`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct HTTPRoute {
    #[serde(default)]
    pub parent_refs: Vec<ParentReference>,
    #[serde(default)]
    pub hostnames: Vec<String>,
    /// Absent: one rule that matches everything.
    #[serde(default = "one_rule")]
    pub rules: Vec<HTTPRouteRule>,
    pub use_default_gateways: Option<String>,
}

/// `HTTPRoute.spec.rules[]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct HTTPRouteRule {
    pub name: Option<String>,
    pub matches: Vec<HTTPRouteMatch>,
    pub filters: Vec<HTTPRouteFilterRef>,
    pub backend_refs: Vec<HTTPBackendRef>,
    pub timeouts: Option<HTTPRouteTimeouts>,
    pub retry: Option<Value>,
    pub session_persistence: Option<Value>,
}

/// `HTTPRoute.spec.rules[].matches[]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct HTTPRouteMatch {
    pub path: Option<PathMatch>,
    pub headers: Vec<NamedMatch>,
    pub query_params: Vec<NamedMatch>,
    pub method: Option<String>,
}

/// A condition on the path.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathMatch {
    /// `Exact`, `PathPrefix` or `RegularExpression`.
    #[serde(rename = "type", default = "path_prefix")]
    pub kind: String,
    /// What to compare with.
    #[serde(default = "slash")]
    pub value: String,
}

/// A condition on a header or query parameter.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedMatch {
    /// `Exact` or `RegularExpression`.
    #[serde(rename = "type", default = "exact")]
    pub kind: String,
    /// Header or parameter.
    pub name: String,
    /// What to compare with.
    pub value: String,
}

/// `HTTPRoute.spec.rules[].filters[]` and `backendRefs[].filters[]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct HTTPRouteFilterRef {
    /// `RequestHeaderModifier`, `ResponseHeaderModifier`, `RequestMirror`, `RequestRedirect`, `URLRewrite`,
    /// `ExtensionRef`, `CORS` or `ExternalAuth`.
    #[serde(rename = "type")]
    pub kind: String,
    pub request_header_modifier: Option<HTTPHeaderFilter>,
    pub response_header_modifier: Option<HTTPHeaderFilter>,
    pub request_mirror: Option<Value>,
    pub request_redirect: Option<HTTPRequestRedirect>,
    pub url_rewrite: Option<HTTPURLRewrite>,
    pub cors: Option<Value>,
    pub external_auth: Option<Value>,
    pub extension_ref: Option<LocalObjectReference>,
}

/// `HTTPHeaderFilter`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct HTTPHeaderFilter {
    pub set: Vec<HTTPHeader>,
    pub add: Vec<HTTPHeader>,
    pub remove: Vec<String>,
}

/// `HTTPHeader`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct HTTPHeader {
    pub name: String,
    pub value: String,
}

/// `HTTPURLRewriteFilter`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct HTTPURLRewrite {
    pub hostname: Option<String>,
    pub path: Option<HTTPPathModifier>,
}

/// `HTTPPathModifier`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct HTTPPathModifier {
    /// `ReplaceFullPath` or `ReplacePrefixMatch`.
    #[serde(rename = "type")]
    pub kind: String,
    pub replace_full_path: Option<String>,
    pub replace_prefix_match: Option<String>,
}

/// `HTTPRequestRedirectFilter`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct HTTPRequestRedirect {
    pub scheme: Option<String>,
    pub hostname: Option<String>,
    pub path: Option<HTTPPathModifier>,
    pub port: Option<u16>,
    /// 302 by default.
    pub status_code: Option<u16>,
}

/// `HTTPRoute.spec.rules[].backendRefs[]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct HTTPBackendRef {
    #[serde(default)]
    pub group: String,
    #[serde(default = "service")]
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
    pub port: Option<u16>,
    #[serde(default = "one")]
    pub weight: u32,
    #[serde(default)]
    pub filters: Vec<HTTPRouteFilterRef>,
}

/// `HTTPRouteTimeouts`; durations as written (GEP-2257).
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct HTTPRouteTimeouts {
    pub request: Option<String>,
    pub backend_request: Option<String>,
}

fn one_rule() -> Vec<HTTPRouteRule> {
    vec![HTTPRouteRule::default()]
}

fn path_prefix() -> String {
    "PathPrefix".to_owned()
}

fn slash() -> String {
    "/".to_owned()
}

fn exact() -> String {
    "Exact".to_owned()
}

fn service() -> String {
    "Service".to_owned()
}

fn one() -> u32 {
    1
}
