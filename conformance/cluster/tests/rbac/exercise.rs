//! Everything that the controller does, done: infrastructure of each kind made and taken away, statuses of each kind
//! written, and each kind of object lost sight of.

use std::collections::BTreeSet;

use sluice_cluster::bed::Bed;
use sluice_cluster::command::{get, kubectl};
use sluice_cluster::condition::{are_current, terse};
use sluice_cluster::installation::{NAMESPACE, USER, in_tree};
use sluice_cluster::until::until;

use crate::pods::{Pod, labelled};

/// What `objects/spares.yaml` holds beside a Namespace, with the kinds' groups as the audit log has them.
const SPARES: [(&str, &str); 13] = [
    ("gateway.networking.k8s.io", "gatewayclasses"),
    ("gateway.networking.k8s.io", "gateways"),
    ("gateway.networking.k8s.io", "httproutes"),
    ("gateway.networking.k8s.io", "referencegrants"),
    ("gateway.networking.k8s.io", "backendtlspolicies"),
    ("gateway.envoyproxy.io", "backends"),
    ("gateway.envoyproxy.io", "httproutefilters"),
    ("gateway.envoyproxy.io", "envoyproxies"),
    ("", "secrets"),
    ("", "configmaps"),
    ("", "services"),
    ("discovery.k8s.io", "endpointslices"),
    ("", "namespaces"),
];

/// Two Gateways with all that can belong to one, and objects that nobody uses.
pub(crate) async fn build() {
    apply("world.yaml").await;
    apply("spares.yaml").await;
    programmed("one").await;
    programmed("other").await;
}

/// Other kinds of infrastructure, then another class, whose name is in the names of all that is made.
pub(crate) async fn rebuild() {
    let daemon_set = r#"{"spec":{"provider":{"kubernetes":{
        "envoyDeployment":null,"envoyHpa":null,"envoyPDB":null,"envoyDaemonSet":{}}}}}"#;
    kubectl(&["-n", "kagent", "patch", "envoyproxy", "full", "--type=merge", "-p", daemon_set]).await.unwrap();
    made("daemonset", "one-ack-gateway").await;
    for kind in ["deployment", "hpa", "pdb"] {
        gone(kind, "one-ack-gateway").await;
    }
    let class = r#"{"spec":{"gatewayClassName":"second"}}"#;
    kubectl(&["-n", "kagent", "patch", "gateway", "one", "--type=merge", "-p", class]).await.unwrap();
    made("daemonset", "one-second").await;
    for kind in ["daemonset", "service", "configmap", "serviceaccount"] {
        gone(kind, "one-ack-gateway").await;
    }
}

/// Stops the controllers, deletes an object of each kind meanwhile, and lets the API server forget what it could have
/// told them: their lists lack objects when they go on, and they ask for each.
pub(crate) async fn lose_sight_of_everything() {
    let controllers = labelled(NAMESPACE, "app.kubernetes.io/component=controller").await;
    for controller in &controllers {
        controller.signal("-STOP").await;
    }
    kubectl(&["delete", "-f", &file("spares.yaml")]).await.unwrap();
    let api = Bed::from_env().unwrap().apiserver();
    api.stop().await.unwrap();
    api.start().await.unwrap();
    for controller in &controllers {
        controller.signal("-CONT").await;
    }
    until("the controllers to ask for what their lists lack", all_asked_for).await.unwrap();
}

/// The controller that holds the Lease.
pub(crate) async fn leader() -> Pod {
    let holder = until("a leader", async || {
        let lease = get(&["-n", NAMESPACE, "lease", "sluice-controller"]).await.unwrap();
        let identity = lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
        let pods = labelled(NAMESPACE, "app.kubernetes.io/component=controller").await;
        pods.into_iter().find(|pod| identity.starts_with(&format!("{}_", pod.name))).ok_or(identity)
    });
    holder.await.unwrap()
}

async fn all_asked_for() -> Result<(), String> {
    let requests = Bed::from_env().unwrap().audit_log().requests().unwrap();
    let own = requests.iter().filter(|request| request.user.username == USER && request.verb == "get");
    let objects = own.filter_map(|request| request.object_ref.as_ref()).filter(|object| object.name == "spare");
    let asked: BTreeSet<_> = objects.map(|o| (o.api_group.as_str(), o.resource.as_str())).collect();
    let left: Vec<_> = SPARES.iter().filter(|kind| !asked.contains(*kind)).collect();
    if left.is_empty() { Ok(()) } else { Err(format!("not yet: {left:?}")) }
}

async fn programmed(gateway: &str) {
    let look = async || {
        let object = get(&["-n", "kagent", "gateway", gateway]).await.unwrap();
        let conditions = &object["status"]["conditions"];
        let is_so = terse(conditions).contains(&"Programmed=True/Programmed".to_owned());
        if is_so && are_current(conditions, &object) { Ok(()) } else { Err(format!("{conditions:#}")) }
    };
    until(&format!("Gateway {gateway} to be programmed"), look).await.unwrap();
}

async fn made(kind: &str, name: &str) {
    until(&format!("{kind} {name}"), async || if is_there(kind, name).await { Ok(()) } else { Err("none".to_owned()) })
        .await
        .unwrap();
}

async fn gone(kind: &str, name: &str) {
    let look = async || if is_there(kind, name).await { Err("it is there".to_owned()) } else { Ok(()) };
    until(&format!("{kind} {name} to be gone"), look).await.unwrap();
}

async fn is_there(kind: &str, name: &str) -> bool {
    let found = kubectl(&["-n", "kagent", "get", kind, name, "--ignore-not-found", "-o", "name"]).await.unwrap();
    !found.is_empty()
}

async fn apply(name: &str) {
    kubectl(&["apply", "-f", &file(name)]).await.unwrap();
}

fn file(name: &str) -> String {
    in_tree("conformance/cluster/tests/rbac/objects").join(name).display().to_string()
}
