//! References from one object to another.

use serde::Deserialize;

/// A reference within the namespace (`LocalObjectReference`, `LocalParametersReference`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalObjectReference {
    /// API group; empty for the core.
    #[serde(default)]
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// A reference to a Secret, possibly in another namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretObjectReference {
    /// API group, the core's by default.
    #[serde(default)]
    pub group: String,
    /// Kind.
    #[serde(default = "secret")]
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace; the referring object's by default.
    pub namespace: Option<String>,
}

/// A route's reference to a Gateway or one of its listeners.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParentReference {
    /// API group.
    #[serde(default = "gateway_group")]
    pub group: String,
    /// Kind.
    #[serde(default = "gateway_kind")]
    pub kind: String,
    /// Namespace; the route's by default.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// One listener by name.
    pub section_name: Option<String>,
    /// The listeners of one port.
    pub port: Option<u16>,
}

fn secret() -> String {
    "Secret".to_owned()
}

fn gateway_group() -> String {
    "gateway.networking.k8s.io".to_owned()
}

fn gateway_kind() -> String {
    "Gateway".to_owned()
}
