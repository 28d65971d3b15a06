//! The document, step by step, and what a reader sees after each.

use std::net::SocketAddr;
use std::path::Path;

use sluice_cluster::command::{apply, get, kubectl};
use sluice_cluster::installation::{NAMESPACE as SYSTEM, in_deploy, in_tree};
use sluice_cluster::until::until;
use sluice_testkit::client::http::{Http, json};
use sluice_testkit::client::sse::{Events, StreamEnd};
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::journal::Seen;
use sluice_testkit::steps::{Gate, Step, chunk};

use crate::cluster::{has_conditions, object};
use crate::outside::{KEY, NAME, Outside};

/// The walk-through's namespace.
pub(crate) const NAMESPACE: &str = "kagent";

const GATEWAY: (&str, &str) = ("gateway", "model-gateway");
const ROUTE: (&str, &str) = ("httproute", "bailian-route");
const BACKEND: (&str, &str) = ("backend", "bailian");
const POLICY: (&str, &str) = ("backendtlspolicy", "bailian-tls");
const PROXY: (&str, &str) = ("envoyproxy", "custom-proxy-config");
/// Everything that is made for the Gateway has it.
const OURS: &str = "gateway.networking.k8s.io/gateway-name=model-gateway";
/// What is made for the Gateway.
const MADE: &str = "deployment,service,serviceaccount,configmap,replicaset,pod,endpointslice";

const QUESTION: &str = r#"{"model":"qwen-plus","stream":true,"messages":[{"role":"user","content":"Hello!"}]}"#;

/// What the walk-through takes for granted: kagent's kinds.
pub(crate) async fn install_kagent() {
    kubectl(&["apply", "-f", &here("kagent-crds.yaml")]).await.unwrap();
    kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).await.unwrap();
}

/// Applies file after file; returns where the gateway is.
pub(crate) async fn follow(outside: &Outside) -> SocketAddr {
    kubectl(&["create", "namespace", NAMESPACE]).await.unwrap();
    apply_file(&here("1-remote-mcp-server.yaml")).await;
    apply_file(&standalone("2a-gateway.yaml")).await;
    let gateway = a_gateway_with_the_address_of_its_service().await;
    apply_file(&standalone("2b-backend.yaml")).await;
    a_backend_that_no_route_uses_yet().await;
    apply_file(&here("2c-http-route.yaml")).await;
    a_route(gateway, outside).await;
    let key = format!("--from-literal=credential=Bearer {KEY}");
    kubectl(&["create", "secret", "generic", "bailian-credential", "-n", NAMESPACE, &key]).await.unwrap();
    apply_file(&standalone("3b-http-route-filter.yaml")).await;
    apply_file(&standalone("3c-http-route-with-credential.yaml")).await;
    the_key_on_every_request(gateway, outside).await;
    each_event_at_once(gateway, outside).await;
    what_kubectl_says(gateway).await;
    let model = std::fs::read_to_string(here("4-model-config.yaml")).unwrap();
    apply(&model.replace("$GATEWAY_HOST", &gateway.ip().to_string())).await.unwrap();
    apply_file(&here("5-agent.yaml")).await;
    gateway
}

/// Step 2a.
async fn a_gateway_with_the_address_of_its_service() -> SocketAddr {
    has_conditions(GATEWAY, "/status/conditions", &["Accepted=True/Accepted", "Programmed=True/Programmed"]).await;
    let listener = [
        "Accepted=True/Accepted",
        "Conflicted=False/NoConflicts",
        "Programmed=True/Programmed",
        "ResolvedRefs=True/ResolvedRefs",
    ];
    let gateway = has_conditions(GATEWAY, "/status/listeners/0/conditions", &listener).await;
    has_conditions(PROXY, "/status/ancestors/0/conditions", &["Accepted=True/Accepted"]).await;
    let services = get(&["-n", NAMESPACE, "service", "-l", OURS]).await.unwrap();
    let service = &services["items"][0];
    assert_eq!(services["items"].as_array().map(Vec::len), Some(1), "{services:#}");
    assert_eq!(service["spec"]["type"], "ClusterIP");
    assert_eq!(service["metadata"]["name"], "model-gateway-ack-gateway");
    let addresses = &gateway["status"]["addresses"];
    assert_eq!(addresses[0]["type"], "IPAddress", "{addresses:#}");
    assert_eq!(addresses[0]["value"], service["spec"]["clusterIP"], "{addresses:#}");
    assert_eq!(gateway["status"]["listeners"][0]["attachedRoutes"], 0);
    let address = addresses[0]["value"].as_str().unwrap();
    format!("{address}:8080").parse().unwrap()
}

/// Step 2b. The policy has an ancestor once a route uses what it is for.
async fn a_backend_that_no_route_uses_yet() {
    has_conditions(BACKEND, "/status/conditions", &["Accepted=True/Accepted"]).await;
    assert_eq!(object(POLICY.0, POLICY.1).await["status"]["ancestors"].as_array().map_or(0, Vec::len), 0);
}

/// Step 2c: requests reach the provider, with the key that the client has.
async fn a_route(gateway: SocketAddr, outside: &Outside) {
    let resolved = ["Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs"];
    let route = has_conditions(ROUTE, "/status/parents/0/conditions", &resolved).await;
    assert_eq!(route["status"]["parents"].as_array().map(Vec::len), Some(1), "{route:#}");
    let policy = has_conditions(POLICY, "/status/ancestors/0/conditions", &resolved).await;
    assert_eq!(policy["status"]["ancestors"][0]["ancestorRef"]["name"], "model-gateway");
    let attached =
        async || match object(GATEWAY.0, GATEWAY.1).await["status"]["listeners"][0]["attachedRoutes"].as_u64() {
            Some(1) => Ok(()),
            other => Err(format!("{other:?}")),
        };
    until("the listener to count its route", attached).await.unwrap();
    let seen = ask_until_served(gateway, outside, "Bearer placeholder").await;
    assert_eq!(seen.target, "/compatible-mode/v1/chat/completions");
    assert_eq!((seen.host(), seen.sni.as_deref()), (NAME, Some(NAME)));
}

/// Step 3: the client's placeholder is replaced.
async fn the_key_on_every_request(gateway: SocketAddr, outside: &Outside) {
    has_conditions(
        ROUTE,
        "/status/parents/0/conditions",
        &["Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs"],
    )
    .await;
    let seen = ask_until_served(gateway, outside, &format!("Bearer {KEY}")).await;
    assert_eq!(seen.all("authorization"), [format!("Bearer {KEY}")]);
    assert_eq!(seen.target, "/compatible-mode/v1/chat/completions");
    assert_eq!((seen.host(), seen.sni.as_deref(), seen.alpn.as_deref()), (NAME, Some(NAME), Some("h2")));
}

/// A token is handed on before the next is made.
async fn each_event_at_once(gateway: SocketAddr, outside: &Outside) {
    let next = Gate::default();
    let steps = vec![Step::Event(chunk(0)), Step::Await(next.clone()), Step::Event("[DONE]".to_owned())];
    outside.provider.set(Answer::event_stream(steps));
    let mut client = Http::http1(gateway).await;
    let answer = client.send(question()).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/event-stream"));
    let mut events = Events::of(answer);
    assert!(events.next().await.unwrap().data.contains("t0"));
    next.open();
    let (rest, end) = events.rest().await;
    assert_eq!(rest.iter().map(|event| event.data.as_str()).collect::<Vec<_>>(), ["[DONE]"]);
    assert_eq!(end, StreamEnd::Clean);
}

/// What a person reads.
async fn what_kubectl_says(gateway: SocketAddr) {
    let row = kubectl(&["get", "gateway", "-n", NAMESPACE, "--no-headers"]).await.unwrap();
    let words: Vec<&str> = row.split_whitespace().take(4).collect();
    assert_eq!(words, ["model-gateway", "ack-gateway", &gateway.ip().to_string(), "True"]);
    let class = kubectl(&["get", "gatewayclass", "ack-gateway", "--no-headers"]).await.unwrap();
    assert_eq!(class.split_whitespace().nth(2), Some("True"), "{class}");
    for (kind, name) in [GATEWAY, ROUTE, BACKEND, POLICY] {
        let said = kubectl(&["describe", "-n", NAMESPACE, kind, name]).await.unwrap();
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("Reason: Accepted Status: True Type: Accepted"), "{said}");
        let is_route = kind == ROUTE.0 || kind == POLICY.0;
        assert!(!is_route || words.contains("Reason: ResolvedRefs Status: True Type: ResolvedRefs"), "{said}");
        assert!(kind != GATEWAY.0 || words.contains("Reason: Programmed Status: True Type: Programmed"), "{said}");
    }
}

/// Nobody but the provider has seen its key: not in a log, nor in any object but the Secret.
pub(crate) async fn keep_the_key() {
    for (namespace, component) in [(SYSTEM, "controller"), (NAMESPACE, "proxy")] {
        let selector = format!("app.kubernetes.io/component={component}");
        let log = kubectl(&["logs", "-n", namespace, "-l", &selector, "--tail=-1"]).await.unwrap();
        assert!(!log.is_empty(), "no log of the {component}");
        assert!(!log.contains(KEY), "the key is in the log of the {component}");
    }
    let kinds = format!("{MADE},gateway,httproute,backend,backendtlspolicy,httproutefilter,envoyproxy,event,lease");
    let objects = kubectl(&["get", &kinds, "--all-namespaces", "-o", "yaml"]).await.unwrap();
    assert!(!objects.contains(KEY), "the key is in an object");
}

/// Deletes what was applied, the Gateway first: what was made for it goes with it.
pub(crate) async fn take_back() {
    kubectl(&["delete", "-f", &standalone("2a-gateway.yaml")]).await.unwrap();
    let made = async || {
        let left = kubectl(&["get", MADE, "-n", NAMESPACE, "-l", OURS, "-o", "name"]).await.unwrap();
        if left.is_empty() { Ok(()) } else { Err(left) }
    };
    until("what was made for the Gateway to be gone", made).await.unwrap();
}

/// Asks until the provider is shown this credential; what it saw then.
async fn ask_until_served(gateway: SocketAddr, outside: &Outside, credential: &str) -> Seen {
    outside.provider.set(Answer::completion("Hello!"));
    let look = async || {
        let mut client = Http::http1(gateway).await;
        let answer = client.send(question()).await;
        let (status, seen) = (answer.status, outside.provider.requests().pop());
        match seen {
            Some(seen) if status == 200 && seen.header("authorization") == credential => Ok(seen),
            _ => Err(format!("{status}: {}", answer.whole().await.text())),
        }
    };
    until("a request to reach the provider", look).await.unwrap()
}

fn question() -> http::Request<sluice_testkit::steps::StepBody> {
    let mut request = json("/v1/chat/completions", QUESTION);
    request.headers_mut().insert("authorization", "Bearer placeholder".parse().unwrap());
    request
}

async fn apply_file(path: &str) {
    kubectl(&["apply", "-f", path]).await.unwrap();
}

/// A file of the walk-through that standalone mode has as well.
fn standalone(name: &str) -> String {
    in_deploy(&Path::new("standalone/walkthrough").join(name).display().to_string())
}

/// One that only a cluster has a use for.
fn here(name: &str) -> String {
    in_tree("conformance/cluster/tests/walkthrough/objects").join(name).display().to_string()
}
