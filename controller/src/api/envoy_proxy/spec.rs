//! `EnvoyProxy.spec` but for Kubernetes' part.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::kubernetes::{KubernetesProvider, MergeType};
use crate::duration;

/// `EnvoyProxy.spec` (Envoy Gateway v1.9.1 `EnvoyProxySpec`). What only Envoy can do stays as it is written.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)] // The CRD's fields, under its names.
pub struct EnvoyProxySpec {
    pub provider: Option<EnvoyProxyProvider>,
    pub logging: Option<ProxyLogging>,
    pub concurrency: Option<u32>,
    pub shutdown: Option<Shutdown>,
    pub ip_family: Option<IpFamily>,
    pub merge_type: Option<MergeType>,
    pub telemetry: Option<Value>,
    pub bootstrap: Option<Value>,
    pub routing_type: Option<Value>,
    pub extra_args: Option<Value>,
    pub merge_gateways: Option<Value>,
    pub merge_backends: Option<Value>,
    pub filter_order: Option<Value>,
    #[serde(rename = "backendTLS")]
    pub backend_tls: Option<Value>,
    pub preserve_route_order: Option<Value>,
    pub lua_validation: Option<Value>,
    pub dynamic_modules: Option<Value>,
    #[serde(rename = "geoIP")]
    pub geo_ip: Option<Value>,
}

/// `EnvoyProxy.spec.provider`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct EnvoyProxyProvider {
    #[serde(rename = "type")]
    pub kind: ProviderType,
    pub kubernetes: Option<KubernetesProvider>,
    pub host: Option<Value>,
}

/// `EnvoyProxy.spec.provider.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub enum ProviderType {
    Kubernetes,
    Host,
}

/// `EnvoyProxy.spec.logging`: levels by component; Sluice has one for all, that of `default`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct ProxyLogging {
    pub level: BTreeMap<String, ProxyLogLevel>,
}

/// A level of Envoy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ProxyLogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Off,
    Critical,
}

/// `EnvoyProxy.spec.shutdown`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Shutdown {
    /// How long to wait before the health check fails.
    #[serde(deserialize_with = "time")]
    pub health_check_failure_delay: Option<Duration>,
    /// How long running requests may go on.
    #[serde(deserialize_with = "time")]
    pub drain_timeout: Option<Duration>,
    /// How long new connections are still taken, until the last node knows that the pod is going.
    #[serde(deserialize_with = "time")]
    pub min_drain_duration: Option<Duration>,
}

/// `EnvoyProxy.spec.ipFamily`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub enum IpFamily {
    IPv4,
    IPv6,
    DualStack,
}

fn time<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(d)? else { return Ok(None) };
    let parsed = duration::parse(&text);
    parsed.map(Some).ok_or_else(|| D::Error::custom(format!("{text:?} is no duration, such as 90s or 1h30m")))
}
