//! Envoy Gateway's `EnvoyProxy`: how the data plane of a Gateway is run.

mod kubernetes;
mod spec;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use kubernetes::{
    ContainerSettings, DaemonSetSettings, DeploymentSettings, DisruptionBudgetSettings, ExternalTrafficPolicy,
    KubernetesProvider, KubernetesServiceType, MergeType, ObjectPatch, PodAutoscalerSettings, PodSettings,
    ServiceAccountSettings, ServiceSettings,
};
pub use spec::{EnvoyProxyProvider, EnvoyProxySpec, IpFamily, ProviderType, ProxyLogLevel, ProxyLogging, Shutdown};

/// An `EnvoyProxy` as it is written. [`EnvoyProxySpec`] is what it says: it is read in translation, since a class's and
/// a Gateway's are merged as written, and since one that cannot be read must refuse its Gateways, not vanish for them.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(transparent)]
pub struct EnvoyProxy(pub Map<String, Value>);
