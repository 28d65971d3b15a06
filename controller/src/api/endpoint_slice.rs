//! Kubernetes' `EndpointSlice` (`discovery.k8s.io/v1`): where a Service is.
//!
//! As with `Service`, fields that are of no consequence here are passed over.

use serde::Deserialize;

use super::null;

/// An EndpointSlice; it has no `spec`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSlice {
    /// `IPv4`, `IPv6` or `FQDN`.
    pub address_type: String,
    /// The endpoints; each is reached at all ports.
    #[serde(deserialize_with = "null::is_default")]
    pub endpoints: Vec<SliceEndpoint>,
    /// The ports, by the names of the Service's.
    #[serde(deserialize_with = "null::is_default")]
    pub ports: Vec<SlicePort>,
}

/// `EndpointSlice.endpoints[]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct SliceEndpoint {
    /// Only the first has a meaning.
    #[serde(deserialize_with = "null::is_default")]
    pub addresses: Vec<String>,
    /// Whether it takes requests.
    #[serde(deserialize_with = "null::is_default")]
    pub conditions: EndpointConditions,
}

/// `EndpointSlice.endpoints[].conditions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct EndpointConditions {
    /// Absent means true.
    pub ready: Option<bool>,
    /// Able to answer, though it may be on its way out; absent means true.
    pub serving: Option<bool>,
    /// On its way out; absent means false.
    pub terminating: Option<bool>,
}

/// `EndpointSlice.ports[]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct SlicePort {
    /// The name of the Service's port.
    #[serde(deserialize_with = "null::is_default")]
    pub name: String,
    /// `TCP` (default), `UDP` or `SCTP`.
    pub protocol: Option<String>,
    /// Where the endpoints listen, which need not be the Service's number.
    pub port: Option<u16>,
}
