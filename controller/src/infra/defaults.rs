//! What an EnvoyProxy leaves open, and where Kubernetes has no default of its own.

use std::time::Duration;

use serde_json::{Value, json};

/// How long new connections are still taken after SIGTERM (the default of `shutdown.minDrainDuration`).
pub(super) const MIN_DRAIN_DURATION: Duration = Duration::from_secs(10);

/// How long running requests may go on. Envoy Gateway says a minute; an agent's stream takes longer, and a drain ends
/// with its last request anyway. As in standalone mode.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(600);

/// What a pod gets beyond its drain, to end by itself.
pub(super) const GRACE: Duration = Duration::from_secs(30);

/// The user and group of the image.
const NON_ROOT: u32 = 65_532;

/// What a replica needs when idle.
pub(super) fn resources() -> Value {
    json!({ "requests": { "cpu": "100m", "memory": "128Mi" } })
}

/// The token is readable to the group, so that the process needs no root.
pub(super) fn pod_security() -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": NON_ROOT,
        "runAsGroup": NON_ROOT,
        "fsGroup": NON_ROOT,
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// The `restricted` profile of the Pod Security Standards, and a root that is read-only.
pub(super) fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "privileged": false,
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// No replica goes before its successor serves.
pub(super) fn deployment_strategy() -> Value {
    json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": 0 } })
}

/// A node has one replica or two, never none.
pub(super) fn daemon_set_strategy() -> Value {
    json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } })
}

/// Envoy Gateway's.
pub(super) fn autoscaler_metrics() -> Value {
    let target = json!({ "type": "Utilization", "averageUtilization": 80 });
    json!([{ "type": "Resource", "resource": { "name": "cpu", "target": target } }])
}
