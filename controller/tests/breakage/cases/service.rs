//! Services and their EndpointSlices.

use serde_json::{Value, json};
use sluice_controller::objects::Kind::{EndpointSlice, HTTPRoute, Service};

use crate::case::{Case, case};

const ROUTE: &str = "HTTPRoute ai/victim-service";
const KEY: &str = "ai/victim";
const STATUS: &str = "status HTTPRoute ai/victim-service";
const RULE: &str = "rule ai/shared http httproute/ai/victim-service/rule/0";
const NAME: &str = "spec.rules[0].backendRefs[0].name";

pub(crate) fn all() -> Vec<Case> {
    let unresolved = |(case, reason): (Case, &'static str)| case.reason(ROUTE, reason).differs(&[STATUS, RULE]);
    let set = |name, pointer, value: Value| case(name).set(Service, KEY, pointer, value);
    let port = "spec.rules[0].backendRefs[0].port";
    let cases = [
        (
            case("a port that the Service has not")
                .set(HTTPRoute, "ai/victim-service", "/spec/rules/0/backendRefs/0/port", json!(81))
                .told(ROUTE, port, "no TCP port 81"),
            "PortNotFound",
        ),
        (
            set("a port of another protocol", "/spec/ports/0/protocol", json!("UDP")).told(
                ROUTE,
                port,
                "no TCP port 80",
            ),
            "PortNotFound",
        ),
        (
            set("a Service that is a name only", "/spec/type", json!("ExternalName")).told(
                ROUTE,
                NAME,
                "of type ExternalName",
            ),
            "UnsupportedValue",
        ),
        (case("a Service that is gone").delete(Service, KEY).told(ROUTE, NAME, "does not exist"), "BackendNotFound"),
        (
            set("a Service that cannot be read", "/spec/ports/0/port", json!("http")).told(
                "Service ai/victim",
                "spec.ports[0].port",
                "is a text",
            ),
            "BackendNotFound",
        ),
    ];
    let mut cases: Vec<_> = cases.into_iter().map(unresolved).collect();
    cases.extend(unavailable());
    cases.extend(garbage());
    cases
}

/// Requests get a 503.
fn unavailable() -> impl Iterator<Item = Case> {
    let none = "no endpoint that is ready";
    let set = |name, pointer, value: Value| case(name).set(EndpointSlice, KEY, pointer, value);
    let cases = [
        case("no slices").delete(EndpointSlice, KEY).told(ROUTE, NAME, none),
        set("nothing is ready", "/endpoints/0/conditions", json!({"ready": false})).told(ROUTE, NAME, none),
        set("a slice of another port", "/ports/0/name", json!("metrics")).told(ROUTE, NAME, none),
        set("a slice without a Service", "/metadata/labels", json!({})).told(ROUTE, NAME, none),
        set("a slice that cannot be read", "/ports/0/port", json!(70_000)).told(
            "EndpointSlice ai/victim",
            "ports[0].port",
            "out of range",
        ),
        set("a slice of a type that there is not", "/addressType", json!("IPv9")).told(
            "EndpointSlice ai/victim",
            "addressType",
            "is not known",
        ),
    ];
    cases.into_iter().map(|case| case.reason(ROUTE, "EndpointsNotFound").differs(&[STATUS, RULE]))
}

/// The endpoints that can be understood go on.
fn garbage() -> [Case; 3] {
    let endpoint = |name, addresses: Value| {
        let set = case(name).set(EndpointSlice, KEY, "/endpoints/-", json!({"addresses": addresses}));
        set.told("EndpointSlice ai/victim", "endpoints[1].addresses[0]", "")
    };
    [
        endpoint("an endpoint that is no address", json!(["nonsense"])),
        endpoint("an endpoint of the other family", json!(["2001:db8::1"])),
        endpoint("an endpoint that is everywhere", json!(["0.0.0.0"])),
    ]
}
