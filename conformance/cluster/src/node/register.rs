//! The Node object.

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use crate::node::address;
use crate::node::context::NAME;
use crate::node::error::Error;

/// Says that the node is there and ready, its kubelet's endpoint on `port`.
///
/// # Errors
/// The API server refuses.
pub(crate) async fn register(client: &Client, port: u16) -> Result<(), Error> {
    let api = Api::<Node>::all(client.clone());
    let fail = |error: kube::Error| Error::new("Node object", error);
    let params = PatchParams::apply("sluice-bed").force();
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": NAME,
            "labels": {
                "kubernetes.io/hostname": NAME,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            },
        },
    });
    api.patch(NAME, &params, &Patch::Apply(&node)).await.map_err(fail)?;
    // Admission marks a new node as not ready, and the controller that takes that away does not run here.
    let taints = json!({"spec": {"taints": null}});
    api.patch(NAME, &PatchParams::default(), &Patch::Merge(&taints)).await.map_err(fail)?;
    api.patch_status(NAME, &PatchParams::default(), &Patch::Merge(&status(port))).await.map_err(fail)?;
    Ok(())
}

fn status(port: u16) -> serde_json::Value {
    let now = format!("{:.0}", Timestamp::now());
    let cpu = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let capacity = json!({"cpu": cpu.to_string(), "memory": "16Gi", "pods": "1000", "ephemeral-storage": "64Gi"});
    json!({"status": {
        "addresses": [
            {"type": "InternalIP", "address": address::NODE.to_string()},
            {"type": "Hostname", "address": NAME},
        ],
        "capacity": capacity,
        "allocatable": capacity,
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "KubeletReady",
            "message": "this node turns pods into processes",
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        }],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "nodeInfo": {
            "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "", "osImage": "sluice-bed",
            "containerRuntimeVersion": "process://1", "kubeletVersion": "v1.36.0-sluice-bed",
            "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": std::env::consts::ARCH,
        },
    }})
}
