//! `sluice controller --infrastructure host` against a real API server: what is applied is served and told. Runs inside
//! a bed. Each test has a controller name, a class and namespaces of its own, so that all run at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sluice_cluster::kubectl::Kubectl;
use sluice_testkit::client::http::Http;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::sluice::{Launch, Sluice};
use sluice_testkit::wait::eventually;
use sluice_testkit::world;

/// For what happens on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_walkthrough_is_served_and_told_file_by_file() {
    let world = World::new("walkthrough", 1).await;
    world.class("ack-gateway").await;
    let controller = world.controller("a").start().await;
    kubectl(&["create", "namespace", "kagent"]).await;
    let apply = async |file: &str| {
        let path = world::walkthrough().join(file);
        kubectl(&["apply", "-f", path.to_str().unwrap()]).await;
    };
    apply("2a-gateway.yaml").await;
    condition("gateway/model-gateway", "kagent", "{.status.conditions}", "Programmed=True").await;
    apply("2b-backend.yaml").await;
    condition("backend/bailian", "kagent", "{.status.conditions}", "Accepted=True").await;
    apply("3b-http-route-filter.yaml").await;
    apply("3c-http-route-with-credential.yaml").await;
    let parents = "{.status.parents[*].conditions}";
    condition("httproute/bailian-route", "kagent", parents, "Accepted=False").await;
    kubectl(&[
        "create",
        "secret",
        "generic",
        "bailian-credential",
        "-n",
        "kagent",
        "--from-literal=credential=Bearer k",
    ])
    .await;
    condition("httproute/bailian-route", "kagent", parents, "Accepted=True").await;
    condition("backendtlspolicy/bailian-tls", "kagent", "{.status.ancestors[*].conditions}", "Accepted=True").await;

    let gateway = object("gateway", "kagent", "model-gateway").await;
    assert_eq!(gateway["status"]["listeners"][0]["attachedRoutes"], 1);
    assert_eq!(gateway["status"]["addresses"].as_array().unwrap().len(), 1);
    let described = kubectl(&["describe", "httproute", "-n", "kagent", "bailian-route"]).await;
    assert!(described.contains("Accepted") && described.contains("ResolvedRefs"), "{described}");
    // The provider's name has no address in a bed; that the request came that far is the point.
    let address: SocketAddr =
        (address("kagent", "model-gateway").await.parse::<std::net::IpAddr>().unwrap(), 8080).into();
    assert_eq!(answer(address, "/x").await, 404);
    assert!(!controller.page("/config_dump").await.contains("Bearer k"));
}

#[tokio::test]
async fn a_request_reaches_its_backend_and_edits_are_in_force() {
    let world = World::new("served", 2).await;
    world.class("served").await;
    let provider = Provider::plain(Answer::json("{}")).await;
    let _controller = world.controller("a").start().await;
    world.gateway("gw").await;
    apply(&backend("served", "up", provider.address())).await;
    apply(&route("served", "r", "gw", "/v1", "up")).await;
    let at = world.address("gw").await;
    eventually("the route", LIMIT, async || answer(at, "/v1/x").await == 200).await;
    assert_eq!(answer(at, "/v2").await, 404);
    apply(&route("served", "r", "gw", "/v2", "up")).await;
    eventually("the edit", LIMIT, async || answer(at, "/v2").await == 200).await;
    kubectl(&["delete", "httproute", "-n", "served", "r"]).await;
    eventually("the deletion", LIMIT, async || answer(at, "/v2").await == 404).await;
}

#[tokio::test]
async fn entries_and_conditions_of_others_stay() {
    let world = World::new("others", 3).await;
    world.class("others").await;
    world.gateway("gw").await;
    apply(&route("others", "r", "gw", "/", "nothing")).await;
    let theirs = json!({
        "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "else"}, "controllerName": "example.com/x",
        "conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "theirs",
                        "lastTransitionTime": "2025-01-01T00:00:00Z", "observedGeneration": 1}],
    });
    let patch = json!({"status": {"parents": [theirs]}}).to_string();
    kubectl(&["patch", "httproute", "-n", "others", "r", "--subresource=status", "--type=merge", "-p", &patch]).await;
    let _controller = world.controller("a").start().await;
    let parents = async || object("httproute", "others", "r").await["status"]["parents"].clone();
    eventually("our entry", LIMIT, async || parents().await.as_array().unwrap().len() == 2).await;
    assert_eq!(parents().await[0], theirs);
    let change = json!({"spec": {"parentRefs": [{"name": "else"}]}}).to_string();
    kubectl(&["patch", "httproute", "-n", "others", "r", "--type=merge", "-p", &change]).await;
    eventually("our entry to go", LIMIT, async || parents().await == json!([theirs])).await;
}

#[tokio::test]
async fn of_two_controllers_one_writes_and_the_other_takes_over() {
    let world = World::new("two", 4).await;
    world.class("two").await;
    let first = world.controller("a").start().await;
    eventually("a leader", LIMIT, async || metric(&first, "sluice_leader").await == 1).await;
    let second = world.controller("b").arg("--host-addresses").arg("127.104.0.0/16").start().await;
    world.gateway("gw").await;
    let programmed = "Programmed=True";
    condition("gateway/gw", "two", "{.status.conditions}", programmed).await;
    eventually("quiet", LIMIT, async || metric(&first, "sluice_status_waiting").await == 0).await;
    let version = async || object("gateway", "two", "gw").await["metadata"]["resourceVersion"].clone();
    let before = version().await;
    assert_eq!((metric(&second, "sluice_status_writes_total").await, metric(&second, "sluice_leader").await), (0, 0));
    // Several rounds of the lease later nothing was written.
    let renewed = async || object("lease", "two", "sluice-controller").await["spec"]["renewTime"].clone();
    for _ in 0..3 {
        let last = renewed().await;
        eventually("a renewal", LIMIT, async || renewed().await != last).await;
    }
    assert_eq!(version().await, before);

    let mut first = first;
    first.terminate().await;
    assert!(first.ended().await.success());
    eventually("another leader", Duration::from_secs(10), async || metric(&second, "sluice_leader").await == 1).await;
    apply(&route("two", "r", "gw", "/", "nothing")).await;
    condition("httproute/r", "two", "{.status.parents[*].conditions}", "ResolvedRefs=False").await;
}

#[tokio::test]
async fn a_controller_that_lost_the_lease_writes_nothing() {
    let world = World::new("lost", 5).await;
    world.class("lost").await;
    let controller = world.controller("a").start().await;
    eventually("the lease", LIMIT, async || metric(&controller, "sluice_leader").await == 1).await;
    world.gateway("gw").await;
    condition("gateway/gw", "lost", "{.status.conditions}", "Programmed=True").await;
    let take = json!({"spec": {"holderIdentity": "someone_10.0.0.1:18000", "leaseDurationSeconds": 3600}}).to_string();
    kubectl(&["patch", "lease", "-n", "lost", "sluice-controller", "--type=merge", "-p", &take]).await;
    eventually("the loss", LIMIT, async || metric(&controller, "sluice_leader").await == 0).await;
    let written = metric(&controller, "sluice_status_writes_total").await;
    apply(&route("lost", "r", "gw", "/", "nothing")).await;
    let at = world.address("gw").await;
    eventually("it to be served all the same", LIMIT, async || answer(at, "/").await == 500).await;
    assert_eq!(metric(&controller, "sluice_status_writes_total").await, written);
    kubectl(&["delete", "lease", "-n", "lost", "sluice-controller"]).await;
    condition("httproute/r", "lost", "{.status.parents[*].conditions}", "Accepted=True").await;
}

/// While a definition changes, watches go by the old one for a moment, and do not show what only the new one has.
#[tokio::test]
async fn a_field_that_a_definition_gets_is_seen() {
    let world = World::new("defined", 6).await;
    world.class("defined").await;
    let definition = "customresourcedefinitions/httproutefilters.gateway.envoyproxy.io";
    let at = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/directResponse";
    let whole: Value = serde_json::from_str(&kubectl(&["get", definition, "-o", "json"]).await).unwrap();
    let edit = async |edit: Value| kubectl(&["patch", definition, "--type=json", "-p", &edit.to_string()]).await;
    let told = async || kubectl(&["get", "--raw", "/openapi/v3"]).await;
    let before = told().await;
    edit(json!([{"op": "remove", "path": at}])).await;
    // Or the controller's first look would show what its second one shows again.
    eventually("the definition to be told", LIMIT, async || told().await != before).await;
    let filter = json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "HTTPRouteFilter",
        "metadata": {"name": "teapot", "namespace": "defined"}, "spec": {"directResponse": {"statusCode": 418}},
    });
    let stored = async || {
        Kubectl::new().feed(&["apply", "--validate=false", "-f", "-"], &filter.to_string()).await.unwrap();
        object("httproutefilter", "defined", "teapot").await["spec"]["directResponse"].is_object()
    };
    eventually("the field to be left out", LIMIT, async || {
        let was_stored = stored().await;
        kubectl(&["delete", "httproutefilter", "-n", "defined", "teapot"]).await;
        !was_stored
    })
    .await;
    world.gateway("gw").await;
    let reference = json!({"group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": "teapot"});
    let mut teapot = route("defined", "r", "gw", "/", "nothing");
    teapot["spec"]["rules"][0] = json!({"filters": [{"type": "ExtensionRef", "extensionRef": reference}]});
    apply(&teapot).await;
    let _controller = world.controller("a").start().await;
    let gateway = world.address("gw").await;
    eventually("a rule without its filter", LIMIT, async || answer(gateway, "/").await == 500).await;

    edit(json!([{"op": "add", "path": at, "value": whole.pointer(at).unwrap()}])).await;
    eventually("the field to be stored", LIMIT, stored).await;
    eventually("the field to be seen", LIMIT, async || answer(gateway, "/").await == 418).await;
}

/// What a test has for itself.
struct World {
    name: &'static str,
    range: u8,
}

impl World {
    async fn new(name: &'static str, range: u8) -> Self {
        kubectl(&["create", "namespace", name]).await;
        Self { name, range }
    }

    fn controller_name(&self) -> String {
        format!("test.sluice.dev/{}", self.name)
    }

    fn controller(&self, pod: &str) -> Launch {
        let range = format!("127.{}.0.0/16", 10 + self.range);
        let args = [
            ("--infrastructure", "host"),
            ("--admin", "127.0.0.1:0"),
            ("--controller-name", &self.controller_name()),
            ("--namespace", self.name),
            ("--pod-name", pod),
        ];
        let launch =
            args.iter().fold(Launch::command("controller", &[]), |launch, (flag, value)| launch.arg(*flag).arg(*value));
        if pod == "a" { launch.arg("--host-addresses").arg(range) } else { launch }
    }

    async fn class(&self, name: &str) {
        apply(&json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": name},
            "spec": {"controllerName": self.controller_name()},
        }))
        .await;
    }

    async fn gateway(&self, name: &str) {
        apply(&json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": name, "namespace": self.name},
            "spec": {"gatewayClassName": self.name, "listeners": [{"name": "http", "protocol": "HTTP", "port": 80}]},
        }))
        .await;
    }

    async fn address(&self, gateway: &str) -> SocketAddr {
        (address(self.name, gateway).await.parse::<std::net::IpAddr>().unwrap(), 80).into()
    }
}

fn route(namespace: &str, name: &str, gateway: &str, prefix: &str, backend: &str) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "parentRefs": [{"name": gateway}],
            "rules": [{
                "matches": [{"path": {"type": "PathPrefix", "value": prefix}}],
                "backendRefs": [{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": backend}],
            }],
        },
    })
}

fn backend(namespace: &str, name: &str, address: SocketAddr) -> Value {
    json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "Backend",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"endpoints": [{"ip": {"address": address.ip().to_string(), "port": address.port()}}]},
    })
}

async fn kubectl(args: &[&str]) -> String {
    Kubectl::new().run(args).await.unwrap()
}

async fn apply(object: &Value) {
    Kubectl::new().apply(object).await.unwrap();
}

async fn object(kind: &str, namespace: &str, name: &str) -> Value {
    serde_json::from_str(&kubectl(&["get", kind, "-n", namespace, name, "-o", "json"]).await).unwrap()
}

/// The status of the answer to a GET.
async fn answer(at: SocketAddr, path: &str) -> u16 {
    Http::http1(at).await.get(path).await.status.as_u16()
}

/// Waits until conditions at a path of an object say `TYPE=STATUS`.
async fn condition(object: &str, namespace: &str, path: &str, says: &str) {
    let (kind, status) = says.split_once('=').unwrap();
    let holds = async || {
        let said = kubectl(&["get", object, "-n", namespace, "-o", &format!("jsonpath={path}")]).await;
        let conditions: Value = serde_json::from_str(&said).unwrap_or_default();
        let mut conditions = conditions.as_array().into_iter().flatten();
        conditions.any(|condition| condition["type"] == kind && condition["status"] == status)
    };
    eventually(&format!("{object} to say {says}"), LIMIT, holds).await;
}

/// The address that a Gateway's status names, once it does.
async fn address(namespace: &str, gateway: &str) -> String {
    let path = "jsonpath={.status.addresses[0].value}";
    let ask = async || kubectl(&["get", "gateway", "-n", namespace, gateway, "-o", path]).await;
    eventually("an address", LIMIT, async || !ask().await.is_empty()).await;
    ask().await
}

/// A number of the metrics page.
async fn metric(controller: &Sluice, name: &str) -> i64 {
    let page = controller.page("/metrics").await;
    let line = page.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}
