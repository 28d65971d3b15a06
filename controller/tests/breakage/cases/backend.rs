//! Backends.

use serde_json::{Value, json};
use sluice_controller::objects::Kind::Backend;

use crate::case::{Case, case};

const BACKEND: &str = "Backend ai/victim";
const KEY: &str = "ai/victim";
const ROUTE: &str = "HTTPRoute ai/victim";
const DIFFERS: &[&str] =
    &["status Backend ai/victim", "status HTTPRoute ai/victim", "rule ai/shared http httproute/ai/victim/rule/0"];

pub(crate) fn all() -> Vec<Case> {
    let set = |name, pointer, value: Value| case(name).set(Backend, KEY, pointer, value);
    let endpoint = |name, value: Value| set(name, "/spec/endpoints/0", value);
    let fqdn = |hostname: &str| json!({"fqdn": {"hostname": hostname, "port": 443}});
    let refused =
        [
            set("a Backend of a type that there is not", "/spec/type", json!("Bucket")).told(
                BACKEND,
                "spec.type",
                "type Bucket",
            ),
            set("no endpoints", "/spec/endpoints", json!([])).told(BACKEND, "spec.endpoints", "at least one endpoint"),
            endpoint("a name of one label", fqdn("localhost")).told(
                BACKEND,
                "spec.endpoints[0].fqdn.hostname",
                "no fully qualified hostname",
            ),
            endpoint("an address for a name", fqdn("10.0.0.1")).told(
                BACKEND,
                "spec.endpoints[0].fqdn.hostname",
                "is an address",
            ),
            endpoint("a name with spaces", fqdn("a b.example.com")).told(
                BACKEND,
                "spec.endpoints[0].fqdn.hostname",
                "no fully qualified hostname",
            ),
            endpoint("an address that is none", json!({"ip": {"address": "10.0.0.256", "port": 80}})).told(
                BACKEND,
                "spec.endpoints[0].ip.address",
                "no address to connect to",
            ),
            endpoint(
                "two addresses in one",
                json!({"fqdn": {"hostname": "a.b", "port": 1}, "ip": {"address": "::1", "port": 1}}),
            )
            .told(BACKEND, "spec.endpoints[0]", "exactly one"),
            endpoint("a unix socket", json!({"unix": {"path": "/run/x"}})).told(
                BACKEND,
                "spec.endpoints[0].unix",
                "unix sockets",
            ),
            set("names beside addresses", "/spec/endpoints/-", json!({"ip": {"address": "10.0.0.1", "port": 80}}))
                .told(BACKEND, "spec.endpoints", "mixed with addresses"),
            set("a protocol that there is not", "/spec/appProtocols", json!(["gateway.envoyproxy.io/h9"])).told(
                BACKEND,
                "spec.appProtocols[0]",
                "is not known",
            ),
            set("a certificate that is not verified", "/spec/tls", json!({"insecureSkipVerify": true})).told(
                BACKEND,
                "spec.tls.insecureSkipVerify",
                "not supported",
            ),
            set("TLS in another form", "/spec/tls", json!({"caCertificateRefs": "all"})).told(
                BACKEND,
                "spec.tls.caCertificateRefs",
                "not in this form",
            ),
        ];
    let mut cases: Vec<_> =
        refused.into_iter().map(|case| case.reason(ROUTE, "InvalidBackendRef").differs(DIFFERS)).collect();
    let malformed = endpoint("a Backend that cannot be read", json!({"fqdn": {"hostname": "a.b"}}));
    let malformed = malformed.told(BACKEND, "spec.endpoints[0].fqdn", "`port` is missing");
    cases.push(malformed.reason(ROUTE, "InvalidBackendRef").differs(DIFFERS));
    cases
}
