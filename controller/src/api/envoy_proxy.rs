//! Envoy Gateway's `EnvoyProxy`: how the data plane of a Gateway is run.

use serde::Deserialize;
use serde_json::Value;

/// `EnvoyProxy.spec`. Standalone mode runs in its own process, so that nothing of it takes effect there; it is kept
/// whole for the infrastructure that the controller makes on Kubernetes.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(transparent)]
pub struct EnvoyProxy(pub serde_json::Map<String, Value>);
