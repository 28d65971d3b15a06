//! Kubernetes' `Service` (core `v1`).
//!
//! API servers fill in many fields that are of no consequence here: what is not listed is passed over.

use serde::Deserialize;

use super::null;

/// `Service.spec`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// `ClusterIP` (default), `NodePort`, `LoadBalancer` or `ExternalName`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its ports; a Service without a cluster IP may have none.
    #[serde(deserialize_with = "null::is_default")]
    pub ports: Vec<ServicePort>,
    /// With `ExternalName`: where it is.
    pub external_name: Option<String>,
    /// Endpoints are meant whether they are ready or not.
    pub publish_not_ready_addresses: bool,
}

/// `Service.spec.ports[]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// Its name, which slices repeat; empty where there is only one port.
    #[serde(default, deserialize_with = "null::is_default")]
    pub name: String,
    /// `TCP` (default), `UDP` or `SCTP`.
    pub protocol: Option<String>,
    /// The number that references to the Service name.
    pub port: u16,
    /// How the port speaks, such as `kubernetes.io/h2c`.
    pub app_protocol: Option<String>,
}
