//! Large worlds of objects, as an API server would tell them: one Gateway, many routes, and what they share.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// The namespace of all of it.
pub const NAMESPACE: &str = "ai";
/// The Gateway's name.
pub const GATEWAY: &str = "gateway";
/// The port of its listener `http`.
pub const PORT: u16 = 8080;

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io/v1alpha1";

/// A Gateway with `routes` routes (paths `/route-0`…), all of which use one Backend and one Secret.
pub fn objects(routes: usize) -> Vec<Value> {
    let mut objects = vec![
        gateway(GATEWAY),
        object(
            ENVOY_GATEWAY,
            "HTTPRouteFilter",
            "inject",
            &json!({
                "credentialInjection": {"credential": {"valueRef": {"name": "key"}}, "overwrite": true},
            }),
        ),
        secret("Bearer fleet-marker-key"),
        backend(SocketAddr::from(([10, 0, 0, 1], 80))),
    ];
    objects.extend((0..routes).map(|index| route(index, "/")));
    objects
}

/// Another Gateway of the same kind.
pub fn gateway(name: &str) -> Value {
    let spec = json!({
        "gatewayClassName": "ack-gateway",
        "listeners": [{"name": "http", "protocol": "HTTP", "port": PORT}],
    });
    object(GATEWAY_API, "Gateway", name, &spec)
}

/// The Secret that all routes use.
pub fn secret(value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata("key"), "stringData": {"credential": value}})
}

/// The Backend that all routes use.
pub fn backend(address: SocketAddr) -> Value {
    let (ip, port) = (address.ip().to_string(), address.port());
    object(ENVOY_GATEWAY, "Backend", "provider", &json!({"endpoints": [{"ip": {"address": ip, "port": port}}]}))
}

/// The route of that number, its paths replaced by this one.
pub fn route(index: usize, replacement: &str) -> Value {
    let path = format!("/route-{index}");
    let rewrite =
        json!({"hostname": "provider.test", "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": replacement}});
    let filter = json!({"group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": "inject"});
    let spec = json!({
        "parentRefs": [{"name": GATEWAY}],
        "rules": [{
            "matches": [{"path": {"type": "PathPrefix", "value": path}}],
            "filters": [
                {"type": "URLRewrite", "urlRewrite": rewrite},
                {"type": "ExtensionRef", "extensionRef": filter},
            ],
            "backendRefs": [{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "provider"}],
        }],
    });
    object(GATEWAY_API, "HTTPRoute", &format!("route-{index}"), &spec)
}

fn object(api_version: &str, kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata(name), "spec": spec})
}

fn metadata(name: &str) -> Value {
    json!({"name": name, "namespace": NAMESPACE, "creationTimestamp": "2026-01-01T00:00:00Z", "generation": 1})
}
