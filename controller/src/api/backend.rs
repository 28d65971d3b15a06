//! Envoy Gateway's `Backend`.

use serde::Deserialize;
use serde_json::Value;

/// `Backend.spec`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct Backend {
    /// `Endpoints` (default) or `DynamicResolver`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub endpoints: Vec<BackendEndpoint>,
    /// `gateway.envoyproxy.io/h2c`, `/ws`, `/wss`.
    pub app_protocols: Vec<String>,
    pub fallback: Option<bool>,
    pub tls: Option<Value>,
}

/// `Backend.spec.endpoints[]`: exactly one of `fqdn`, `ip`, `unix`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct BackendEndpoint {
    pub fqdn: Option<FqdnEndpoint>,
    pub ip: Option<IpEndpoint>,
    pub unix: Option<Value>,
    pub hostname: Option<String>,
    pub zone: Option<String>,
}

/// A name and a port.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct FqdnEndpoint {
    pub hostname: String,
    pub port: u16,
}

/// An address and a port.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct IpEndpoint {
    pub address: String,
    pub port: u16,
}
