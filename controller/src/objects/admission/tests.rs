//! Each rule by an object that breaks it, and the fields that are told.

use serde_json::{Value, json};

use super::*;
use crate::objects::Kind;

fn broken(kind: Kind, spec: Value) -> Vec<String> {
    let mut alone = Objects::default();
    let object = json!({"metadata": {"name": "x", "namespace": "ns"}, "spec": spec});
    let object = alone.insert(kind, object).expect("the types hold it");
    review(&object, &alone).into_iter().map(|violation| violation.field).collect()
}

fn check(kind: Kind, spec: Value, fields: &[&str]) {
    assert_eq!(broken(kind, spec.clone()), fields, "{spec:#}");
}

fn gateway(listeners: Value, fields: &[&str]) {
    check(Kind::Gateway, json!({"gatewayClassName": "c", "listeners": listeners}), fields);
}

fn rule(rule: Value, fields: &[&str]) {
    check(Kind::HTTPRoute, json!({"rules": [rule]}), fields);
}

fn filter(filter: Value, fields: &[&str]) {
    let fields: Vec<_> = fields.iter().map(|field| format!("spec.rules[0].filters[0]{field}")).collect();
    rule(json!({"filters": [filter]}), &fields.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn listeners() {
    let http = |name: &str, port: u16| json!({"name": name, "port": port, "protocol": "HTTP"});
    gateway(json!([http("a", 80), http("b", 81)]), &[]);
    gateway(json!([]), &["spec.listeners"]);
    gateway(json!([http("A", 0)]), &["spec.listeners[0].name", "spec.listeners[0].port"]);
    gateway(json!([http("a", 80), http("a", 81)]), &["spec.listeners[1].name"]);
    gateway(json!([http("a", 80), http("b", 80)]), &["spec.listeners[1]"]);
    let with = |field: &str, value: Value| {
        let mut listener = http("a", 80);
        listener[field] = value;
        json!([listener])
    };
    gateway(with("protocol", json!("HT TP")), &["spec.listeners[0].protocol"]);
    gateway(with("protocol", json!("example.com/bar")), &[]);
    gateway(with("hostname", json!("1.2.3.4")), &["spec.listeners[0].hostname"]);
    gateway(with("hostname", json!("*.a.b")), &[]);
    gateway(with("tls", json!({"mode": "Terminate"})), &["spec.listeners[0].tls"]);
    let from = json!({"namespaces": {"from": "Any"}});
    gateway(with("allowedRoutes", from), &["spec.listeners[0].allowedRoutes.namespaces.from"]);
}

#[test]
fn gateways_and_classes() {
    let listeners = json!([{"name": "a", "port": 80, "protocol": "HTTP"}]);
    let with = |field: &str, value: Value| json!({"gatewayClassName": "c", "listeners": listeners, field: value});
    check(Kind::Gateway, with("gatewayClassName", json!("")), &["spec.gatewayClassName"]);
    let twice = json!([{"value": "1.2.3.4"}, {"value": "1.2.3.4"}]);
    check(Kind::Gateway, with("addresses", twice), &["spec.addresses[1]"]);
    let wrong = json!([{"type": "Hostname", "value": "a b"}]);
    check(Kind::Gateway, with("addresses", wrong), &["spec.addresses[0].value"]);
    let parameters = json!({"parametersRef": {"group": "g/v1", "kind": "EnvoyProxy", "name": "x"}});
    check(Kind::Gateway, with("infrastructure", parameters), &["spec.infrastructure.parametersRef.group"]);
    check(Kind::GatewayClass, json!({"controllerName": "sluice.dev"}), &["spec.controllerName"]);
    check(Kind::GatewayClass, json!({"controllerName": "sluice.dev/x"}), &[]);
}

#[test]
fn routes() {
    let route = |spec: Value, fields: &[&str]| check(Kind::HTTPRoute, spec, fields);
    route(json!({}), &[]);
    route(json!({"hostnames": ["a.b", "a.b:80", "*"]}), &["spec.hostnames[1]", "spec.hostnames[2]"]);
    route(json!({"rules": []}), &["spec.rules"]);
    route(json!({"rules": vec![json!({}); 17]}), &["spec.rules"]);
    route(
        json!({"rules": [{"name": "a"}, {"name": "a"}, {"name": "A"}]}),
        &["spec.rules[2].name", "spec.rules[1].name"],
    );
    route(json!({"parentRefs": [{"name": "g"}, {"name": "h"}]}), &[]);
    route(json!({"parentRefs": [{"name": "g"}, {"name": "g", "port": 80}]}), &["spec.parentRefs[0]"]);
    let twice = json!({"name": "g", "sectionName": "a"});
    route(json!({"parentRefs": [twice, twice]}), &["spec.parentRefs[1]"]);
}

#[test]
fn matches() {
    let found = |found: Value, fields: &[&str]| {
        let fields: Vec<_> = fields.iter().map(|field| format!("spec.rules[0].matches[0].{field}")).collect();
        rule(json!({"matches": [found]}), &fields.iter().map(String::as_str).collect::<Vec<_>>());
    };
    found(json!({"path": {"type": "RegularExpression", "value": "no slash"}, "method": "POST"}), &[]);
    found(json!({"path": {"type": "Prefix"}, "method": "post"}), &["path.type", "method"]);
    found(json!({"path": {"value": "v1"}}), &["path.value"]);
    found(json!({"headers": [{"name": "a b", "value": ""}]}), &["headers[0].name", "headers[0].value"]);
    let twice = json!([{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]);
    found(json!({"headers": twice, "queryParams": twice}), &["headers[1].name", "queryParams[1].name"]);
    found(
        json!({"queryParams": [{"name": "a", "value": "", "type": "Regex"}]}),
        &["queryParams[0].type", "queryParams[0].value"],
    );
}

#[test]
fn backends_of_rules() {
    let backend = |backend: Value, fields: &[&str]| rule(json!({"backendRefs": [backend]}), fields);
    backend(json!({"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "b"}), &[]);
    backend(json!({"name": "service"}), &["spec.rules[0].backendRefs[0].port"]);
    backend(json!({"name": "service", "port": 0}), &["spec.rules[0].backendRefs[0].port"]);
    backend(json!({"name": "s", "port": 1, "weight": 1_000_001}), &["spec.rules[0].backendRefs[0].weight"]);
    backend(json!({"name": "s", "port": 1, "namespace": "N"}), &["spec.rules[0].backendRefs[0].namespace"]);
}

#[test]
fn filters() {
    filter(json!({"type": "URLRewrite", "urlRewrite": {"hostname": "a.b"}}), &[]);
    filter(json!({"type": "UrlRewrite", "urlRewrite": {}}), &[".type"]);
    filter(json!({"type": "URLRewrite"}), &[".urlRewrite"]);
    filter(json!({"type": "CORS", "cors": {}, "urlRewrite": {}}), &[".urlRewrite"]);
    filter(json!({"type": "URLRewrite", "urlRewrite": {"hostname": "*.a"}}), &[".urlRewrite.hostname"]);
    let path = |path: Value| json!({"type": "URLRewrite", "urlRewrite": {"path": path}});
    filter(path(json!({"type": "ReplaceFullPath"})), &[".urlRewrite.path.replaceFullPath"]);
    let both = json!({"type": "ReplaceFullPath", "replaceFullPath": "/", "replacePrefixMatch": "/"});
    filter(path(both), &[".urlRewrite.path.replacePrefixMatch"]);
    let redirect = json!({"scheme": "ftp", "statusCode": 300, "port": 0});
    let fields = [".requestRedirect.scheme", ".requestRedirect.port", ".requestRedirect.statusCode"];
    filter(json!({"type": "RequestRedirect", "requestRedirect": redirect}), &fields);
    let headers = json!({"set": [{"name": "a:", "value": "b\n"}], "remove": ["x", "x"]});
    let fields = [".set[0].name", ".set[0].value", ".remove[1]"].map(|field| format!(".requestHeaderModifier{field}"));
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    filter(json!({"type": "RequestHeaderModifier", "requestHeaderModifier": headers}), &fields);
}

#[test]
fn filters_together() {
    let rewrite = json!({"type": "URLRewrite", "urlRewrite": {}});
    let redirect = json!({"type": "RequestRedirect", "requestRedirect": {}});
    rule(json!({"filters": [rewrite, redirect]}), &["spec.rules[0].filters[1]"]);
    rule(json!({"filters": [rewrite, rewrite]}), &["spec.rules[0].filters[1]"]);
    let backend = json!({"group": "g", "kind": "K", "name": "n"});
    rule(json!({"filters": [redirect], "backendRefs": [backend]}), &["spec.rules[0].backendRefs"]);
}

#[test]
fn prefixes_are_replaced_where_there_is_one() {
    let path = json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": "/x"});
    let filters = json!([{"type": "URLRewrite", "urlRewrite": {"path": path}}]);
    let fields = ["spec.rules[0].filters[0].urlRewrite.path.type"];
    rule(json!({"filters": filters}), &[]);
    rule(json!({"filters": filters, "matches": [{"path": {"value": "/v1"}}]}), &[]);
    rule(json!({"filters": filters, "matches": [{"path": {"type": "Exact", "value": "/v1"}}]}), &fields);
    rule(json!({"filters": filters, "matches": [{}, {}]}), &fields);
    let backend = json!({"group": "g", "kind": "K", "name": "n", "filters": filters});
    let fields = ["spec.rules[0].backendRefs[0].filters[0].urlRewrite.path.type"];
    rule(json!({"backendRefs": [backend], "matches": [{}, {}]}), &fields);
}

#[test]
fn timeouts() {
    let timeouts = |request: &str, backend: &str, fields: &[&str]| {
        rule(json!({"timeouts": {"request": request, "backendRequest": backend}}), fields);
    };
    timeouts("10m", "600s", &[]);
    timeouts("0s", "1h", &[]);
    timeouts("1s", "1001ms", &["spec.rules[0].timeouts.backendRequest"]);
    timeouts("1.5s", "10", &["spec.rules[0].timeouts.request", "spec.rules[0].timeouts.backendRequest"]);
}

#[test]
fn backends() {
    let backend = |endpoints: Value, fields: &[&str]| check(Kind::Backend, json!({"endpoints": endpoints}), fields);
    let name = json!({"fqdn": {"hostname": "a.b.", "port": 443}});
    let address = json!({"ip": {"address": "::1", "port": 80}});
    backend(json!([name, name]), &[]);
    backend(json!([name, address]), &["spec.endpoints"]);
    backend(json!([{}]), &["spec.endpoints[0]"]);
    backend(json!([{"fqdn": name["fqdn"], "ip": address["ip"]}]), &["spec.endpoints[0]", "spec.endpoints"]);
    let url = json!({"fqdn": {"hostname": "https://a.b", "port": 0}});
    backend(json!([url]), &["spec.endpoints[0].fqdn.hostname", "spec.endpoints[0].fqdn.port"]);
    backend(json!([{"ip": {"address": "a.b", "port": 80}}]), &["spec.endpoints[0].ip.address"]);
    backend(json!([{"unix": {"path": ""}}]), &["spec.endpoints[0].unix.path"]);
    check(Kind::Backend, json!({"type": "DynamicResolver", "endpoints": [name]}), &["spec.endpoints"]);
    check(Kind::Backend, json!({"type": "Endpoint", "appProtocols": ["h2c"]}), &["spec.type", "spec.appProtocols[0]"]);
}

#[test]
fn services() {
    let ports = |ports: Value, fields: &[&str]| check(Kind::Service, json!({"ports": ports}), fields);
    ports(json!([{"port": 80}]), &[]);
    ports(json!([{"port": 80}, {"port": 81}]), &["spec.ports[0].name", "spec.ports[1].name"]);
    ports(json!([{"name": "a", "port": 80}, {"name": "a", "port": 81}]), &["spec.ports[1].name"]);
    let odd = json!([{"name": "A", "port": 0, "protocol": "tcp"}]);
    ports(odd, &["spec.ports[0].port", "spec.ports[0].protocol", "spec.ports[0].name"]);
    check(Kind::Service, json!({"type": "ExternalName"}), &["spec.externalName"]);
    check(Kind::Service, json!({"type": "Nonsense"}), &["spec.type"]);
}

#[test]
fn endpoint_slices() {
    let slice = |kind: &str, endpoints: Value, fields: &[&str]| {
        let mut alone = Objects::default();
        let ports = json!([{"port": 80}, {"port": null}]);
        let metadata = json!({"name": "x", "namespace": "ns"});
        let object = json!({"metadata": metadata, "addressType": kind, "endpoints": endpoints, "ports": ports});
        let object = alone.insert(Kind::EndpointSlice, object).expect("the types hold it");
        let told: Vec<_> = review(&object, &alone).into_iter().map(|violation| violation.field).collect();
        assert_eq!(told, fields);
    };
    slice("IPv4", json!([{"addresses": ["10.0.0.1"]}]), &[]);
    slice("IPv6", json!([{"addresses": ["::1", "1.2.3.4"]}]), &["endpoints[0].addresses[1]"]);
    slice("FQDN", json!([{"addresses": ["a.b"]}, {"addresses": ["A"]}]), &["endpoints[1].addresses[0]"]);
    slice("IPv4", json!([{"addresses": []}]), &["endpoints[0].addresses"]);
    slice("ipv4", json!(null), &["addressType"]);
}

#[test]
fn tls_policies() {
    let target = json!({"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "b"});
    let policy = |validation: Value, fields: &[&str]| {
        check(Kind::BackendTLSPolicy, json!({"targetRefs": [target], "validation": validation}), fields);
    };
    let ca = json!([{"kind": "ConfigMap", "name": "ca"}]);
    policy(json!({"hostname": "a.b", "wellKnownCACertificates": "System"}), &[]);
    policy(json!({"hostname": "a.b", "caCertificateRefs": ca}), &[]);
    policy(json!({"hostname": "a.b"}), &["spec.validation"]);
    let well_known = "spec.validation.wellKnownCACertificates";
    policy(json!({"hostname": "a.b", "wellKnownCACertificates": "System", "caCertificateRefs": ca}), &[well_known]);
    policy(json!({"hostname": "a.b", "wellKnownCACertificates": "system"}), &[well_known]);
    let fields = ["spec.validation.hostname"];
    policy(json!({"hostname": "*.a.b", "wellKnownCACertificates": "System"}), &fields);
    let names = json!([{"type": "URI", "hostname": "a.b"}]);
    let fields = ["hostname", "uri"].map(|field| format!("spec.validation.subjectAltNames[0].{field}"));
    policy(
        json!({"hostname": "a.b", "wellKnownCACertificates": "System", "subjectAltNames": names}),
        &[&*fields[0], &*fields[1]],
    );
    let validation = json!({"hostname": "a.b", "wellKnownCACertificates": "System"});
    let twice = json!({"targetRefs": [target, target], "validation": validation});
    check(Kind::BackendTLSPolicy, twice, &["spec.targetRefs[0]", "spec.targetRefs[1]"]);
}

#[test]
fn route_filters() {
    let injection =
        |header: &str| json!({"credentialInjection": {"header": header, "credential": {"valueRef": {"name": "s"}}}});
    check(Kind::HTTPRouteFilter, injection("X-Key"), &[]);
    check(Kind::HTTPRouteFilter, injection("X Key"), &["spec.credentialInjection.header"]);
    let response = |response: Value, fields: &[&str]| {
        check(Kind::HTTPRouteFilter, json!({"directResponse": response}), fields);
    };
    response(json!({"body": {"type": "Inline"}}), &["spec.directResponse.body.inline"]);
    response(json!({"body": {"type": "ValueRef"}}), &["spec.directResponse.body.valueRef"]);
    let secret = json!({"type": "ValueRef", "valueRef": {"kind": "Secret", "name": "s"}});
    response(json!({"body": secret}), &["spec.directResponse.body.valueRef.kind"]);
    response(json!({"header": {"remove": ["a"]}}), &["spec.directResponse.header.remove"]);
}

#[test]
fn grants() {
    let from = json!([{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "a"}]);
    let to = json!([{"group": "", "kind": "Secret"}]);
    check(Kind::ReferenceGrant, json!({"from": from, "to": to}), &[]);
    check(Kind::ReferenceGrant, json!({"from": [], "to": []}), &["spec.from", "spec.to"]);
    let from = json!([{"group": "g/v1", "kind": "", "namespace": "A"}]);
    let fields = ["spec.from[0].group", "spec.from[0].kind", "spec.from[0].namespace"];
    check(Kind::ReferenceGrant, json!({"from": from, "to": to}), &fields);
}

#[test]
fn no_header_value_is_shown() {
    let mut alone = Objects::default();
    let header = json!({"set": [{"name": "authorization", "value": "Bearer  top-secret\n"}]});
    let filters = json!([{"type": "RequestHeaderModifier", "requestHeaderModifier": header}]);
    let object = json!({"metadata": {"name": "x"}, "spec": {"rules": [{"filters": filters}]}});
    let object = alone.insert(Kind::HTTPRoute, object).unwrap();
    let told = format!("{:?}", review(&object, &alone));
    assert!(told.contains("is no header value") && !told.contains("top-secret"), "{told}");
}
