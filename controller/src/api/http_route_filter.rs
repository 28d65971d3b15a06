//! Envoy Gateway's `HTTPRouteFilter`.

use serde::Deserialize;
use serde_json::Value;

use super::http_route::HTTPHeaderFilter;
use super::reference::{LocalObjectReference, SecretObjectReference};

/// `HTTPRouteFilter.spec`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct HTTPRouteFilter {
    pub url_rewrite: Option<HTTPRouteFilterRewrite>,
    pub direct_response: Option<DirectResponse>,
    pub credential_injection: Option<CredentialInjection>,
    pub matches: Vec<Value>,
}

/// `HTTPRouteFilter.spec.urlRewrite`; Sluice does not act on it yet.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct HTTPRouteFilterRewrite {
    pub hostname: Option<Value>,
    pub path: Option<Value>,
    pub append_x_forwarded_host: Option<bool>,
}

/// `HTTPRouteFilter.spec.directResponse`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct DirectResponse {
    pub content_type: Option<String>,
    /// 200 by default.
    pub status_code: Option<u16>,
    pub body: Option<DirectResponseBody>,
    pub header: Option<HTTPHeaderFilter>,
}

/// Where the body of a direct response comes from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DirectResponseBody {
    /// `Inline` or `ValueRef`.
    #[serde(rename = "type", default = "inline")]
    pub kind: String,
    /// The text itself.
    pub inline: Option<String>,
    /// A ConfigMap; its key `response.body`, else its first.
    pub value_ref: Option<LocalObjectReference>,
}

/// `HTTPRouteFilter.spec.credentialInjection`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialInjection {
    /// `Authorization` by default.
    pub header: Option<String>,
    /// `false` by default: a header that the client sent goes up unchanged.
    #[serde(default)]
    pub overwrite: bool,
    /// What to inject.
    pub credential: Credential,
}

/// Where a credential comes from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential {
    /// A Secret with the key `credential`.
    pub value_ref: SecretObjectReference,
}

fn inline() -> String {
    "Inline".to_owned()
}
