//! Merge keys: the field by which the entries of a list are told apart in a strategic merge patch.

use crate::infra::manifest::ManifestKind;

/// Which lists of a document are merged entry by entry; all others are replaced as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeKeys {
    /// A Deployment's or a DaemonSet's.
    Workload,
    /// A Service's.
    Service,
    /// Of objects that have only their metadata's.
    Metadata,
    /// Those of `EnvoyProxy.spec`.
    EnvoyProxy,
}

/// Source: the `patchMergeKey` tags of `PodSpec` (k8s.io/api v0.36 `core/v1`).
const POD: &[(&str, &str)] = &[
    ("volumes", "name"),
    ("containers", "name"),
    ("initContainers", "name"),
    ("ephemeralContainers", "name"),
    ("imagePullSecrets", "name"),
    ("hostAliases", "ip"),
    ("topologySpreadConstraints", "topologyKey"),
    ("schedulingGates", "name"),
    ("resourceClaims", "name"),
];

/// Source: those of `Container` and `EphemeralContainerCommon`.
const CONTAINER: &[(&str, &str)] =
    &[("ports", "containerPort"), ("env", "name"), ("volumeMounts", "mountPath"), ("volumeDevices", "devicePath")];

const METADATA: &[(&str, &str)] = &[("metadata.ownerReferences", "uid")];

const CONTAINERS: [&str; 3] = ["containers.", "initContainers.", "ephemeralContainers."];

impl MergeKeys {
    /// Those of a kind.
    pub(super) fn of(kind: ManifestKind) -> Self {
        match kind {
            ManifestKind::Deployment | ManifestKind::DaemonSet => Self::Workload,
            ManifestKind::Service => Self::Service,
            ManifestKind::ServiceAccount
            | ManifestKind::ConfigMap
            | ManifestKind::HorizontalPodAutoscaler
            | ManifestKind::PodDisruptionBudget => Self::Metadata,
        }
    }

    /// The merge key of the list at a path such as `spec.template.spec.containers.env`, if it has one.
    pub(super) fn find(self, path: &str) -> Option<&'static str> {
        match self {
            Self::Workload => match path.strip_prefix("spec.template.") {
                Some(template) => template.strip_prefix("spec.").map_or_else(|| listed(METADATA, template), pod),
                None => listed(METADATA, path),
            },
            Self::Service if path == "spec.ports" => Some("port"),
            Self::Service | Self::Metadata => listed(METADATA, path),
            Self::EnvoyProxy => envoy_proxy(path),
        }
    }
}

fn pod(path: &str) -> Option<&'static str> {
    listed(POD, path).or_else(|| CONTAINERS.iter().find_map(|list| listed(CONTAINER, path.strip_prefix(*list)?)))
}

/// Source: the tags of `KubernetesPodSpec`, `KubernetesContainerSpec` and `KubernetesDeploymentSpec` (Envoy Gateway
/// v1.9.1 `shared_types.go`); they are those of the pod.
fn envoy_proxy(path: &str) -> Option<&'static str> {
    let workload = ["provider.kubernetes.envoyDeployment.", "provider.kubernetes.envoyDaemonSet."];
    let path = workload.iter().find_map(|prefix| path.strip_prefix(*prefix))?;
    match (path.strip_prefix("pod."), path.strip_prefix("container.")) {
        (Some(field), _) => pod(field),
        (_, Some(field)) => listed(CONTAINER, field),
        _ => pod(path),
    }
}

fn listed(list: &[(&'static str, &'static str)], path: &str) -> Option<&'static str> {
    list.iter().find(|(name, _)| *name == path).map(|(_, key)| *key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_where_the_types_have_them() {
        for (keys, path, expected) in [
            (MergeKeys::Workload, "spec.template.spec.containers", Some("name")),
            (MergeKeys::Workload, "spec.template.spec.containers.ports", Some("containerPort")),
            (MergeKeys::Workload, "spec.template.spec.initContainers.env", Some("name")),
            (MergeKeys::Workload, "spec.template.spec.containers.args", None),
            (MergeKeys::Workload, "spec.template.spec.tolerations", None),
            (MergeKeys::Workload, "spec.template.metadata.ownerReferences", Some("uid")),
            (MergeKeys::Workload, "metadata.ownerReferences", Some("uid")),
            (MergeKeys::Workload, "spec.containers", None),
            (MergeKeys::Service, "spec.ports", Some("port")),
            (MergeKeys::Service, "spec.externalIPs", None),
            (MergeKeys::Metadata, "spec.metrics", None),
            (MergeKeys::EnvoyProxy, "provider.kubernetes.envoyDeployment.pod.volumes", Some("name")),
            (MergeKeys::EnvoyProxy, "provider.kubernetes.envoyDaemonSet.container.volumeMounts", Some("mountPath")),
            (MergeKeys::EnvoyProxy, "provider.kubernetes.envoyDeployment.initContainers", Some("name")),
            (MergeKeys::EnvoyProxy, "provider.kubernetes.envoyDeployment.pod.tolerations", None),
            (MergeKeys::EnvoyProxy, "filterOrder", None),
        ] {
            assert_eq!(keys.find(path), expected, "{keys:?} {path}");
        }
    }
}
