//! `EnvoyProxy.spec.provider.kubernetes`: the objects that a data plane is made of.
//!
//! Kubernetes' own types stay as they are written; whoever makes objects of them checks them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// `EnvoyProxy.spec.provider.kubernetes`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)] // The CRD's fields, under its names.
pub struct KubernetesProvider {
    pub envoy_deployment: Option<DeploymentSettings>,
    pub envoy_daemon_set: Option<DaemonSetSettings>,
    pub envoy_service: Option<ServiceSettings>,
    pub envoy_hpa: Option<PodAutoscalerSettings>,
    pub use_listener_port_as_container_port: Option<bool>,
    #[serde(rename = "envoyPDB")]
    pub envoy_pdb: Option<DisruptionBudgetSettings>,
    pub envoy_service_account: Option<ServiceAccountSettings>,
}

/// `envoyDeployment`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct DeploymentSettings {
    pub patch: Option<ObjectPatch>,
    pub replicas: Option<u32>,
    pub strategy: Option<Value>,
    pub pod: Option<PodSettings>,
    pub container: Option<ContainerSettings>,
    pub init_containers: Option<Value>,
    pub name: Option<String>,
}

/// `envoyDaemonSet`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct DaemonSetSettings {
    pub patch: Option<ObjectPatch>,
    pub strategy: Option<Value>,
    pub pod: Option<PodSettings>,
    pub container: Option<ContainerSettings>,
    pub name: Option<String>,
}

/// The pod of either.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct PodSettings {
    pub annotations: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub security_context: Option<Value>,
    pub affinity: Option<Value>,
    pub tolerations: Option<Value>,
    pub volumes: Option<Value>,
    pub image_pull_secrets: Option<Value>,
    pub node_selector: Option<BTreeMap<String, String>>,
    pub topology_spread_constraints: Option<Value>,
    pub priority_class_name: Option<String>,
}

/// The data plane's container.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct ContainerSettings {
    pub env: Option<Value>,
    pub resources: Option<Value>,
    pub security_context: Option<Value>,
    pub image: Option<String>,
    pub image_repository: Option<String>,
    pub volume_mounts: Option<Value>,
}

/// `envoyService`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct ServiceSettings {
    pub annotations: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    #[serde(rename = "type")]
    pub kind: KubernetesServiceType,
    pub load_balancer_class: Option<String>,
    pub allocate_load_balancer_node_ports: Option<bool>,
    pub load_balancer_source_ranges: Option<Vec<String>>,
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Option<String>,
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    pub patch: Option<ObjectPatch>,
    pub name: Option<String>,
}

/// How a Service is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[allow(missing_docs)]
pub enum KubernetesServiceType {
    ClusterIP,
    #[default]
    LoadBalancer,
    NodePort,
}

/// Which pods get what comes from outside the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[allow(missing_docs)]
pub enum ExternalTrafficPolicy {
    #[default]
    Local,
    Cluster,
}

/// `envoyHpa`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct PodAutoscalerSettings {
    pub min_replicas: Option<u32>,
    pub max_replicas: u32,
    pub metrics: Option<Value>,
    pub behavior: Option<Value>,
    pub patch: Option<ObjectPatch>,
    pub name: Option<String>,
}

/// `envoyPDB`; the numbers are integers or percentages.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct DisruptionBudgetSettings {
    pub min_available: Option<Value>,
    pub max_unavailable: Option<Value>,
    pub patch: Option<ObjectPatch>,
    pub name: Option<String>,
}

/// `envoyServiceAccount`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct ServiceAccountSettings {
    pub name: Option<String>,
}

/// A patch of one generated object.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectPatch {
    /// `StrategicMerge` where nothing is said.
    #[serde(rename = "type")]
    pub kind: Option<MergeType>,
    /// The patch, an object.
    pub value: Value,
}

/// How two documents become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub enum MergeType {
    StrategicMerge,
    JSONMerge,
    Replace,
}
