//! What the controller makes of Gateways: pods that serve, where they are reached, and what edits do to them. Runs inside
//! a bed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sluice_cluster::kubectl::Kubectl;
use sluice_testkit::wait::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

/// For what controllers and processes do on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

/// The kinds of generated objects, and what comes of them.
const GENERATED: &str =
    "serviceaccounts,configmaps,services,deployments,daemonsets,horizontalpodautoscalers,poddisruptionbudgets,pods";

/// The controller is installed once, by its plain manifests.
static CONTROLLER: OnceCell<()> = OnceCell::const_new();

/// A Gateway `gateway` of class `c` in a namespace of its own, with an EnvoyProxy `proxy`.
struct World {
    namespace: &'static str,
    kubectl: Kubectl,
}

impl World {
    /// `settings` are those of `provider.kubernetes` beside the Service's.
    async fn new(namespace: &'static str, settings: Value) -> Self {
        let world = Self { namespace, kubectl: Kubectl::new() };
        CONTROLLER.get_or_init(async || install(&world.kubectl).await).await;
        world.kubectl.run(&["create", "namespace", namespace]).await.unwrap();
        world.proxy(settings).await;
        world
    }

    async fn proxy(&self, settings: Value) {
        let mut kubernetes = json!({"envoyService": {"type": "ClusterIP"}});
        for (name, value) in settings.as_object().unwrap() {
            kubernetes[name] = value.clone();
        }
        let provider = json!({"type": "Kubernetes", "kubernetes": kubernetes});
        // Nobody calls from another node, so that there is nothing to wait for before a pod ends.
        let spec = json!({"provider": provider, "shutdown": {"minDrainDuration": "0s"}});
        self.apply("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", ("proxy", spec)).await;
    }

    async fn gateway(&self, ports: &[u16]) {
        let listeners: Vec<_> =
            ports.iter().map(|port| json!({"name": format!("p{port}"), "protocol": "HTTP", "port": port})).collect();
        let parameters = json!({"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "proxy"});
        let infrastructure = json!({"labels": {"team": "ai"}, "parametersRef": parameters});
        let spec = json!({"gatewayClassName": "c", "infrastructure": infrastructure, "listeners": listeners});
        self.apply("gateway.networking.k8s.io/v1", "Gateway", ("gateway", spec)).await;
    }

    async fn apply(&self, api_version: &str, kind: &str, (name, spec): (&str, Value)) {
        let metadata = json!({"name": name, "namespace": self.namespace});
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec});
        self.kubectl.apply(&object).await.unwrap();
    }

    async fn run(&self, args: &[&str]) -> String {
        self.kubectl.run(&[&["-n", self.namespace], args].concat()).await.unwrap()
    }

    async fn get(&self, what: &str) -> Value {
        let found = self.run(&["get", what, "--ignore-not-found", "-o", "json"]).await;
        if found.is_empty() { Value::Null } else { serde_json::from_str(&found).unwrap() }
    }

    /// `STATUS/REASON` and the message of a condition of the Gateway.
    async fn condition(&self, kind: &str) -> (String, String) {
        let gateway = self.get("gateway/gateway").await;
        let all = gateway["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let found = all.into_iter().find(|c| c["type"] == kind).unwrap_or_default();
        let current = found["observedGeneration"] == gateway["metadata"]["generation"];
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        let told = if current { format!("{}/{}", text("status"), text("reason")) } else { String::new() };
        (told, text("message"))
    }

    async fn is(&self, kind: &str, told: &str) {
        eventually(told, LIMIT, async || self.condition(kind).await.0 == told).await;
    }

    async fn programmed(&self) {
        self.is("Programmed", "True/Programmed").await;
    }

    /// Generated objects and what comes of them, as `kind/name`.
    async fn generated(&self) -> BTreeSet<String> {
        let names = self.run(&["get", GENERATED, "-l", "app.kubernetes.io/managed-by=sluice", "-o", "name"]).await;
        names.lines().map(str::to_owned).collect()
    }

    /// UIDs of the pods that are ready and stay.
    async fn pods(&self) -> BTreeSet<String> {
        let pods = self.get("pods").await;
        let ready = |pod: &&Value| {
            let conditions = pod["status"]["conditions"].as_array();
            let ready = conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True");
            ready && pod["metadata"]["deletionTimestamp"].is_null()
        };
        let pods = pods["items"].as_array().into_iter().flatten().filter(ready);
        pods.map(|pod| pod["metadata"]["uid"].as_str().unwrap().to_owned()).collect()
    }

    /// The same, once there are so many.
    async fn ready(&self, count: usize) -> BTreeSet<String> {
        eventually("ready pods", LIMIT, async || self.pods().await.len() == count).await;
        self.pods().await
    }

    /// Status of an answer of the Gateway, at the address of its status.
    async fn asked(&self, port: u16) -> Option<u16> {
        let gateway = self.get("gateway/gateway").await;
        let address = gateway["status"]["addresses"][0]["value"].as_str()?.to_owned();
        let mut stream = TcpStream::connect((address.as_str(), port)).await.ok()?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.split(' ').nth(1)?.parse().ok()
    }
}

async fn install(kubectl: &Kubectl) {
    kubectl.run(&["apply", "-f", "../../deploy/manifests"]).await.unwrap();
    kubectl
        .run(&["-n", "sluice-system", "rollout", "status", "deployment/sluice-controller", "--timeout=60s"])
        .await
        .unwrap();
    let spec = json!({"controllerName": "sluice.dev/gatewayclass-controller"});
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "c"}, "spec": spec,
    });
    kubectl.apply(&class).await.unwrap();
}

#[tokio::test]
async fn a_gateway_gets_what_it_needs_and_takes_it_along() {
    let world = World::new("made", json!({})).await;
    world.gateway(&[80]).await;
    world.programmed().await;
    let made = world.generated().await;
    for object in ["serviceaccount", "configmap", "service", "deployment.apps"] {
        assert!(made.contains(&format!("{object}/gateway-c")), "{made:?}");
    }
    let (gateway, service) = (world.get("gateway/gateway").await, world.get("service/gateway-c").await);
    assert_eq!(gateway["status"]["addresses"][0]["value"], service["spec"]["clusterIP"]);
    assert_eq!(service["metadata"]["labels"]["team"], "ai");
    let pod = &world.get("pods").await["items"][0];
    assert_eq!(pod["metadata"]["labels"]["team"], "ai");
    assert_eq!(pod["spec"]["serviceAccountName"], "gateway-c");
    eventually("an answer", LIMIT, async || world.asked(80).await == Some(404)).await;

    world.run(&["delete", "gateway", "gateway"]).await;
    eventually("everything gone", LIMIT, async || world.generated().await.is_empty()).await;
}

#[tokio::test]
async fn edits_of_the_parameters_are_followed() {
    let world = World::new("edited", json!({})).await;
    world.gateway(&[8080]).await;
    world.programmed().await;
    let patch = json!({"value": {"metadata": {"annotations": {"patched": "yes"}}, "spec": {"minReadySeconds": 1}}});
    world.proxy(json!({"envoyDeployment": {"replicas": 2, "patch": patch}})).await;
    world.ready(2).await;
    let deployment = world.get("deployment/gateway-c").await;
    assert_eq!(deployment["metadata"]["annotations"]["patched"], "yes");
    assert_eq!(deployment["spec"]["minReadySeconds"], 1);

    // Another name is another object, and the old one goes.
    world.proxy(json!({"envoyService": {"type": "ClusterIP", "name": "door"}})).await;
    let services = async || {
        let made = world.generated().await;
        made.into_iter().filter(|name| name.starts_with("service/")).collect::<Vec<_>>()
    };
    eventually("the other Service", LIMIT, async || services().await == ["service/door"]).await;
    world.programmed().await;
    eventually("an answer", LIMIT, async || world.asked(8080).await == Some(404)).await;
}

#[tokio::test]
async fn a_bad_edit_leaves_the_pods_alone() {
    let world = World::new("mistaken", json!({})).await;
    world.gateway(&[8080]).await;
    world.programmed().await;
    let before = (world.ready(1).await, world.generated().await);
    world.proxy(json!({"envoyDeployment": {"replicas": 3, "patch": {"value": {"spec": {"replicas": "many"}}}}})).await;
    world.is("Accepted", "False/InvalidParameters").await;
    let (_, message) = world.condition("Accepted").await;
    assert!(message.contains("envoyDeployment.patch.value.spec.replicas"), "{message}");
    assert_eq!((world.pods().await, world.generated().await), before);
    assert_eq!(world.asked(8080).await, Some(404));

    world.proxy(json!({"envoyDeployment": {"replicas": 2}})).await;
    world.programmed().await;
    assert!(world.ready(2).await.is_superset(&before.0));
}

#[tokio::test]
async fn a_new_listener_restarts_no_pod() {
    let world = World::new("listening", json!({})).await;
    world.gateway(&[80]).await;
    let before = world.ready(1).await;
    world.gateway(&[80, 81]).await;
    eventually("an answer at the new port", LIMIT, async || world.asked(81).await == Some(404)).await;
    assert_eq!(world.pods().await, before);
}

#[tokio::test]
async fn what_another_made_is_left_alone() {
    let world = World::new("taken", json!({})).await;
    let spec = json!({"ports": [{"port": 1}], "selector": {"app": "other"}});
    world.apply("v1", "Service", ("gateway-c", spec)).await;
    world.gateway(&[8080]).await;
    let told = async || world.condition("Programmed").await;
    eventually("the conflict told", LIMIT, async || told().await.1.contains("Service taken/gateway-c: is there")).await;
    assert_eq!(told().await.0, "False/AddressNotAssigned");
    assert_eq!(world.get("service/gateway-c").await["spec"]["ports"][0]["port"], 1);

    world.run(&["delete", "service", "gateway-c"]).await;
    world.programmed().await;
}

#[tokio::test]
async fn an_autoscaler_takes_over_the_number_of_replicas() {
    let world = World::new("scaled", json!({"envoyDeployment": {"replicas": 2}})).await;
    world.gateway(&[8080]).await;
    let before = world.ready(2).await;
    world.proxy(json!({"envoyHpa": {"minReplicas": 1, "maxReplicas": 3}, "envoyPDB": {"minAvailable": 1}})).await;
    let made = async |name: &str| world.generated().await.contains(name);
    let autoscaler = "horizontalpodautoscaler.autoscaling/gateway-c";
    eventually("an autoscaler", LIMIT, async || made(autoscaler).await).await;
    eventually("a budget", LIMIT, async || made("poddisruptionbudget.policy/gateway-c").await).await;
    let deployment = world.get("deployment/gateway-c").await;
    assert_eq!(deployment["spec"]["replicas"], 2, "the number stays until the autoscaler has one");
    assert_eq!(world.pods().await, before);
}
