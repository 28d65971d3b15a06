//! `GatewayClass` and `Gateway`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::reference::LocalObjectReference;

/// `GatewayClass.spec`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct GatewayClass {
    pub controller_name: String,
    pub parameters_ref: Option<Value>,
    pub description: Option<String>,
}

/// `Gateway.spec`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Gateway {
    pub gateway_class_name: String,
    #[serde(default)]
    pub listeners: Vec<GatewayListener>,
    #[serde(default)]
    pub addresses: Vec<GatewayAddress>,
    pub infrastructure: Option<GatewayInfrastructure>,
    pub allowed_listeners: Option<Value>,
    pub tls: Option<Value>,
    pub default_scope: Option<String>,
}

/// `Gateway.spec.listeners[]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct GatewayListener {
    pub name: String,
    pub hostname: Option<String>,
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP` or a name with a domain.
    pub protocol: String,
    pub tls: Option<Value>,
    #[serde(default)]
    pub allowed_routes: AllowedRoutes,
}

/// `Gateway.spec.listeners[].allowedRoutes`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct AllowedRoutes {
    #[serde(default)]
    pub namespaces: RouteNamespaces,
    /// Empty: all that the protocol allows.
    #[serde(default)]
    pub kinds: Vec<RouteGroupKind>,
}

/// Which namespaces routes may come from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteNamespaces {
    /// `All`, `Selector`, `Same` or `None`.
    #[serde(default = "same")]
    pub from: String,
    /// With `Selector`.
    pub selector: Option<LabelSelector>,
}

/// A Kubernetes label selector.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct LabelSelector {
    pub match_labels: BTreeMap<String, String>,
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One expression of a label selector.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct LabelSelectorRequirement {
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    #[serde(default)]
    pub values: Vec<String>,
}

/// A kind of route.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct RouteGroupKind {
    #[serde(default = "gateway_group")]
    pub group: String,
    pub kind: String,
}

/// `Gateway.spec.addresses[]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayAddress {
    /// `IPAddress` or `Hostname`.
    #[serde(rename = "type", default = "ip_address")]
    pub kind: String,
    /// The address; any where empty.
    #[serde(default)]
    pub value: String,
}

/// `Gateway.spec.infrastructure`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct GatewayInfrastructure {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub parameters_ref: Option<LocalObjectReference>,
}

impl Default for RouteNamespaces {
    fn default() -> Self {
        Self { from: same(), selector: None }
    }
}

fn same() -> String {
    "Same".to_owned()
}

fn ip_address() -> String {
    "IPAddress".to_owned()
}

fn gateway_group() -> String {
    "gateway.networking.k8s.io".to_owned()
}
