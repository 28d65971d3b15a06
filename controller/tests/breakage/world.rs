//! A world in which all is well: a thousand routes of several sorts, and the objects that the cases break.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sluice_controller::objects::Kind;
use sluice_controller::translate::CONTROLLER_NAME;
use sluice_testkit::ca::Ca;

/// Objects by kind and `namespace/name` (or name), as an API server hands them over.
pub(crate) type World = BTreeMap<(Kind, String), Value>;

/// How many routes nothing may happen to.
pub(crate) const BYSTANDERS: usize = 1000;

const GATEWAYS: [&str; 4] = ["shared", "second", "third", "fourth"];
const PROVIDERS: usize = 50;

/// All of it.
pub(crate) fn good() -> World {
    let mut world = World::new();
    providers(&mut world);
    for name in GATEWAYS {
        let all = json!({"namespaces": {"from": "All"}});
        let http = json!({"name": "http", "protocol": "HTTP", "port": 8080, "allowedRoutes": all});
        let tenants = json!({
            "name": "tenants", "protocol": "HTTP", "port": 8080, "hostname": "*.tenants.example.com",
            "allowedRoutes": all,
        });
        put(&mut world, Kind::Gateway, "ai", name, gateway("ack-gateway", json!([http, tenants])));
    }
    for index in 0..BYSTANDERS {
        bystander(&mut world, index);
    }
    victims(&mut world);
    world
}

/// Backends, Services, policies, filters, Secrets and grants that the bystanders share.
fn providers(world: &mut World) {
    for namespace in ["ai", "models"] {
        put(world, Kind::Namespace, "", namespace, json!({}));
    }
    let from = json!([{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "ai"}]);
    let to = json!([{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "lent"}]);
    put(world, Kind::ReferenceGrant, "models", "lent", json!({"from": from, "to": to}));
    put(world, Kind::Backend, "models", "lent", backend(&json!({"ip": {"address": "10.1.0.1", "port": 8000}})));
    for index in 0..PROVIDERS {
        let name = format!("provider-{index}");
        let endpoint = json!({"fqdn": {"hostname": format!("{name}.example.com"), "port": 443}});
        put(world, Kind::Backend, "ai", &name, backend(&endpoint));
        put(world, Kind::BackendTLSPolicy, "ai", &name, policy("gateway.envoyproxy.io", "Backend", &name));
        put(world, Kind::HTTPRouteFilter, "ai", &name, credential(&name));
        secret(world, &name);
        service(world, &name, &format!("10.2.0.{index}"));
    }
}

fn bystander(world: &mut World, index: usize) {
    let (provider, gateway) = (format!("provider-{}", index % PROVIDERS), GATEWAYS[index % GATEWAYS.len()]);
    let (hostname, section) = match index % 7 {
        0 => (format!("m{index}.tenants.example.com"), "tenants"),
        _ => (format!("m{index}.example.com"), "http"),
    };
    let rule = match index % 5 {
        0 => json!({"backendRefs": [{"name": provider, "port": 80}]}),
        1 => json!({"backendRefs": [
            {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "lent", "namespace": "models"},
        ]}),
        2 => json!({"filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "new.example.com"}}]}),
        _ => keyed(&provider, &provider),
    };
    let spec = json!({
        "parentRefs": [{"name": gateway, "sectionName": section}],
        "hostnames": [hostname],
        "rules": [rule],
    });
    put(world, Kind::HTTPRoute, "ai", &format!("bystander-{index}"), spec);
}

/// What the cases break. All of it stands beside bystanders, on the same listener where there is one.
fn victims(world: &mut World) {
    let shared = json!([{"name": "shared", "sectionName": "http"}]);
    let mut route = |name: &str, parents: &Value, rule: Value| {
        let hostname = format!("{name}.example.com");
        let spec = json!({"parentRefs": parents, "hostnames": [hostname], "rules": [rule]});
        put(world, Kind::HTTPRoute, "ai", name, spec);
    };
    route("victim", &shared, keyed("victim", "victim"));
    route("victim-service", &shared, json!({"backendRefs": [{"name": "victim", "port": 80}]}));
    let lent = json!([
        {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "victim", "namespace": "models"},
    ]);
    route("victim-lent", &shared, json!({"backendRefs": lent}));
    route("victim-own", &json!([{"name": "victim"}]), json!({"backendRefs": [{"name": "provider-0", "port": 80}]}));
    let fqdn = json!({"fqdn": {"hostname": "victim.example.com", "port": 443}});
    put(world, Kind::Backend, "ai", "victim", backend(&fqdn));
    put(world, Kind::Backend, "models", "victim", backend(&json!({"ip": {"address": "10.1.0.2", "port": 8000}})));
    put(
        world,
        Kind::ReferenceGrant,
        "models",
        "victim",
        json!({
            "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "ai"}],
            "to": [{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "victim"}],
        }),
    );
    let mut tls = policy("gateway.envoyproxy.io", "Backend", "victim");
    let ca = json!([{"group": "", "kind": "ConfigMap", "name": "victim"}]);
    tls["validation"] = json!({"hostname": "victim.example.com", "caCertificateRefs": ca});
    put(world, Kind::BackendTLSPolicy, "ai", "victim", tls);
    let ca = Ca::new("a CA");
    let config_map = json!({"metadata": metadata("ai", "victim"), "data": {"ca.crt": ca.pem()}});
    world.insert((Kind::ConfigMap, "ai/victim".to_owned()), config_map);
    put(world, Kind::HTTPRouteFilter, "ai", "victim", credential("victim"));
    secret(world, "victim");
    service(world, "victim", "10.2.1.1");
    let listeners = json!([
        {"name": "http", "protocol": "HTTP", "port": 8080},
        {"name": "second", "protocol": "HTTP", "port": 8081, "hostname": "*.example.com"},
    ]);
    let mut own = gateway("victim", listeners);
    own["infrastructure"] =
        json!({"parametersRef": {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "victim"}});
    put(world, Kind::Gateway, "ai", "victim", own);
    put(world, Kind::GatewayClass, "", "victim", json!({"controllerName": CONTROLLER_NAME}));
    put(world, Kind::EnvoyProxy, "ai", "victim", json!({"provider": {"type": "Kubernetes"}}));
}

fn gateway(class: &str, listeners: Value) -> Value {
    json!({"gatewayClassName": class, "listeners": listeners})
}

/// A rule with everything that a rule to a provider has.
fn keyed(backend: &str, filter: &str) -> Value {
    json!({
        "matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}],
        "filters": [
            {"type": "URLRewrite", "urlRewrite": {
                "hostname": format!("{backend}.example.com"),
                "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/compatible-mode/v1"},
            }},
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-team", "value": "a"}]}},
            {"type": "ExtensionRef", "extensionRef": {
                "group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": filter,
            }},
        ],
        "backendRefs": [{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": backend}],
        "timeouts": {"request": "10m"},
    })
}

fn backend(endpoint: &Value) -> Value {
    json!({"type": "Endpoints", "endpoints": [endpoint]})
}

fn policy(group: &str, kind: &str, target: &str) -> Value {
    json!({
        "targetRefs": [{"group": group, "kind": kind, "name": target}],
        "validation": {"hostname": format!("{target}.example.com"), "wellKnownCACertificates": "System"},
    })
}

fn credential(secret: &str) -> Value {
    json!({"credentialInjection": {"overwrite": true, "credential": {"valueRef": {"name": secret}}}})
}

fn secret(world: &mut World, name: &str) {
    // "Bearer key", as an API server has it.
    let value = json!({"metadata": metadata("ai", name), "type": "Opaque", "data": {"credential": "QmVhcmVyIGtleQ=="}});
    world.insert((Kind::Secret, format!("ai/{name}")), value);
}

fn service(world: &mut World, name: &str, address: &str) {
    let ports = json!([{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8000}]);
    let spec = json!({"type": "ClusterIP", "clusterIP": "10.96.0.1", "selector": {"app": name}, "ports": ports});
    put(world, Kind::Service, "ai", name, spec);
    let mut metadata = metadata("ai", name);
    metadata["labels"] = json!({"kubernetes.io/service-name": name});
    let slice = json!({
        "metadata": metadata,
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8000, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
    });
    world.insert((Kind::EndpointSlice, format!("ai/{name}")), slice);
}

fn put(world: &mut World, kind: Kind, namespace: &str, name: &str, spec: Value) {
    let key = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
    world.insert((kind, key), json!({"metadata": metadata(namespace, name), "spec": spec}));
}

/// As from an API server; all of one age, so that names decide who comes first.
pub(crate) fn metadata(namespace: &str, name: &str) -> Value {
    let mut metadata = json!({
        "name": name, "generation": 1, "resourceVersion": "1", "uid": "11111111-2222-3333-4444-555555555555",
        "creationTimestamp": "2026-11-24T12:00:00Z", "managedFields": [{"manager": "kubectl"}],
    });
    if !namespace.is_empty() {
        metadata["namespace"] = json!(namespace);
    }
    metadata
}
