//! The objects of a fleet: one Gateway with many routes, and the way to a controller that runs on the node.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::backend::NODE;

/// Name of the Gateway.
pub(crate) const GATEWAY: &str = "gw";
/// The port of its listener, and of its pods.
pub(crate) const PORT: u16 = 8080;

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io/v1alpha1";

/// The path that a route always has.
pub(crate) fn path(route: usize) -> String {
    format!("/route-{route}/")
}

/// The name of a route.
pub(crate) fn name(route: usize) -> String {
    format!("route-{route}")
}

/// A class, its Gateway with that many replicas, and where all of its routes lead.
pub(crate) fn gateway(world: &str, replicas: usize, backend: SocketAddr) -> Vec<Value> {
    let kubernetes = json!({"envoyDeployment": {"replicas": replicas}, "envoyService": {"type": "ClusterIP"}});
    let parameters = json!({"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": GATEWAY});
    let endpoint = json!({"ip": {"address": backend.ip().to_string(), "port": backend.port()}});
    let listener = json!({"name": "http", "protocol": "HTTP", "port": PORT});
    vec![
        json!({"apiVersion": GATEWAY_API, "kind": "GatewayClass", "metadata": {"name": world},
            "spec": {"controllerName": controller_name(world)}}),
        json!({"apiVersion": ENVOY_GATEWAY, "kind": "EnvoyProxy", "metadata": {"name": GATEWAY},
            "spec": {"provider": {"type": "Kubernetes", "kubernetes": kubernetes}}}),
        json!({"apiVersion": ENVOY_GATEWAY, "kind": "Backend", "metadata": {"name": "up"},
            "spec": {"endpoints": [endpoint]}}),
        json!({"apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": {"name": GATEWAY},
            "spec": {"gatewayClassName": world, "listeners": [listener],
                     "infrastructure": {"parametersRef": parameters}}}),
    ]
}

/// The name of the controller of that world.
pub(crate) fn controller_name(world: &str) -> String {
    format!("test.sluice.dev/{world}")
}

/// A route with the path that it always has.
pub(crate) fn route(route: usize) -> Value {
    json!({"apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": {"name": name(route)}, "spec": spec(route, None)})
}

/// What a route says that has another path besides.
pub(crate) fn spec(route: usize, also: Option<&str>) -> Value {
    let paths = [Some(path(route)), also.map(str::to_owned)];
    let matches: Vec<Value> =
        paths.iter().flatten().map(|path| json!({"path": {"type": "PathPrefix", "value": path}})).collect();
    let backend = json!({"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "up"});
    json!({"parentRefs": [{"name": GATEWAY}], "rules": [{"matches": matches, "backendRefs": [backend]}]})
}

/// The Service by which replicas find their controller.
pub(crate) fn controller_service() -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "sluice-controller"},
        "spec": {"ports": [{"name": "stream", "port": 18000}]}})
}

/// One controller behind that Service, on the node.
pub(crate) fn controller_endpoint(name: &str, port: u16) -> Value {
    let address = std::net::Ipv4Addr::from(NODE).to_string();
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": format!("controller-{name}"), "labels": {"kubernetes.io/service-name": "sluice-controller"}},
        "addressType": "IPv4", "ports": [{"name": "stream", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": true}}]})
}
