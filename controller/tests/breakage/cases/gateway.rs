//! Gateways, their listeners, classes and EnvoyProxies.

use serde_json::{Value, json};
use sluice_controller::objects::Kind::{EnvoyProxy, Gateway, GatewayClass};

use crate::case::{Case, case};

const GATEWAY: &str = "Gateway ai/victim";
const KEY: &str = "ai/victim";
const STATUS: &str = "status Gateway ai/victim";
const MODEL: &str = "gateway ai/victim";
const PROXY: &str = "status EnvoyProxy ai/victim";
/// Of the one route that is attached to it.
const ROUTE: &str = "status HTTPRoute ai/victim-own";
const FIRST: &str = "rule ai/victim http httproute/ai/victim-own/rule/0";
const SECOND: &str = "rule ai/victim second httproute/ai/victim-own/rule/0";
/// The Gateway is refused as a whole: it has no snapshot, so that a data plane that runs for it keeps what it has.
const REFUSED: &[&str] = &[STATUS, MODEL, FIRST, SECOND, PROXY];
const OF_CLASS: &[&str] = &[STATUS, MODEL, FIRST, SECOND, PROXY, "status GatewayClass victim"];

pub(crate) fn all() -> Vec<Case> {
    listeners().into_iter().chain(refused()).chain(not_ours()).chain(classes()).collect()
}

fn set(name: &'static str, pointer: &'static str, value: Value) -> Case {
    case(name).set(Gateway, KEY, pointer, value)
}

/// The second listener is not served; the first goes on, unless a schema would have refused the Gateway.
fn listeners() -> Vec<Case> {
    let second = "spec.listeners[1]";
    let from = |name, value: Value| set(name, "/spec/listeners/1/allowedRoutes", json!({"namespaces": value}));
    let expression = json!({"matchExpressions": [{"key": "a", "operator": "Like"}]});
    let cases =
        [
            (
                set(
                    "two listeners alike",
                    "/spec/listeners/1",
                    json!({"name": "second", "protocol": "HTTP", "port": 8080}),
                )
                .told(GATEWAY, "spec.listeners[1].port", "an earlier listener"),
                "HostnameConflict",
            ),
            (
                set("a protocol of a listener that is not supported", "/spec/listeners/1/protocol", json!("SCTP"))
                    .told(GATEWAY, "spec.listeners[1].protocol", "protocol SCTP"),
                "UnsupportedProtocol",
            ),
            (
                set("a hostname of a listener that is none", "/spec/listeners/1/hostname", json!("a b")).told(
                    GATEWAY,
                    "spec.listeners[1].hostname",
                    "is no hostname",
                ),
                "Invalid",
            ),
            (
                set(
                    "a kind of route that there is not",
                    "/spec/listeners/1/allowedRoutes",
                    json!({"kinds": [{"kind": "FaxRoute"}]}),
                )
                .told(GATEWAY, "spec.listeners[1].allowedRoutes.kinds[0].kind", "kind FaxRoute"),
                "InvalidRouteKinds",
            ),
            (
                from("namespaces by a word that there is not", json!({"from": "Friends"})).told(
                    GATEWAY,
                    "spec.listeners[1].allowedRoutes.namespaces",
                    "from: Friends",
                ),
                "Invalid",
            ),
            (
                from("a selector that is missing", json!({"from": "Selector"})).told(
                    GATEWAY,
                    "spec.listeners[1].allowedRoutes.namespaces",
                    "needs a selector",
                ),
                "Invalid",
            ),
            (
                from("a selector that cannot be read", json!({"from": "Selector", "selector": expression})).told(
                    GATEWAY,
                    "spec.listeners[1].allowedRoutes.namespaces",
                    "operator Like",
                ),
                "Invalid",
            ),
        ];
    assert!(cases.iter().all(|(case, _)| case.told.1.starts_with(second)));
    // What a schema refuses of a listener refuses the Gateway.
    let by_schema =
        ["two listeners alike", "a hostname of a listener that is none", "namespaces by a word that there is not"];
    let differs = |name| if by_schema.contains(&name) { REFUSED } else { &[STATUS, MODEL, SECOND][..] };
    let one = |(case, reason): (Case, &'static str)| {
        let differs = differs(case.name);
        case.reason(GATEWAY, reason).differs(differs)
    };
    cases.into_iter().map(one).collect()
}

fn refused() -> Vec<Case> {
    let address = |name, value: Value| set(name, "/spec/addresses", json!([value]));
    let parameters = |name, value: Value| set(name, "/spec/infrastructure/parametersRef", value);
    let at = "spec.infrastructure.parametersRef";
    vec![
        address("an address that is a name", json!({"type": "Hostname", "value": "a.example.com"}))
            .told(GATEWAY, "spec.addresses[0].type", "type Hostname")
            .reason(GATEWAY, "AddressNotUsable")
            .differs(REFUSED),
        address("an address of a Gateway that is none", json!({"type": "IPAddress", "value": "10.0.0.256"}))
            .told(GATEWAY, "spec.addresses[0].value", "no IP address")
            .reason(GATEWAY, "UnsupportedAddress")
            .differs(REFUSED),
        case("no such EnvoyProxy")
            .delete(EnvoyProxy, KEY)
            .told(GATEWAY, format!("{at}.name").leak(), "EnvoyProxy ai/victim does not exist")
            .reason(GATEWAY, "InvalidParameters")
            .differs(REFUSED),
        case("an EnvoyProxy that cannot be read")
            .set(EnvoyProxy, KEY, "/spec", json!("nonsense"))
            .told("EnvoyProxy ai/victim", "spec", "is a text")
            .reason(GATEWAY, "InvalidParameters")
            .differs(REFUSED),
        parameters("parameters of another kind", json!({"group": "", "kind": "ConfigMap", "name": "victim"}))
            .told(GATEWAY, format!("{at}.kind").leak(), "kind ConfigMap")
            .reason(GATEWAY, "InvalidParameters")
            .differs(REFUSED),
    ]
}

/// Nobody's Gateway, or another's: neither served nor told of in a status.
fn not_ours() -> Vec<Case> {
    let gone: &[&str] = &[STATUS, MODEL, FIRST, SECOND, ROUTE, PROXY];
    let class = |name, class: &str| set(name, "/spec/gatewayClassName", json!(class));
    vec![
        class("no such class", "gone").told(GATEWAY, "spec.gatewayClassName", "does not exist").differs(gone),
        class("a class of another controller", "foreign")
            .set(GatewayClass, "victim", "/spec/controllerName", json!("example.com/other"))
            .set(Gateway, KEY, "/spec/gatewayClassName", json!("victim"))
            .told(GATEWAY, "spec.gatewayClassName", "another controller")
            .differs(&[STATUS, MODEL, FIRST, SECOND, ROUTE, PROXY, "status GatewayClass victim"]),
        set("a Gateway that cannot be read", "/spec/listeners/0/port", json!("http"))
            .told(GATEWAY, "spec.listeners[0].port", "is a text")
            .differs(gone),
    ]
}

fn classes() -> Vec<Case> {
    let class = |name, value: Value| case(name).set(GatewayClass, "victim", "/spec/parametersRef", value);
    let at = |field: &str| -> &'static str { format!("spec.parametersRef.{field}").leak() };
    vec![
        class("parameters of a class that are of another kind", json!({"group": "", "kind": "ConfigMap", "name": "a"}))
            .told("GatewayClass victim", at("kind"), "kind ConfigMap")
            .reason("GatewayClass victim", "InvalidParameters")
            .differs(OF_CLASS),
        class(
            "no such EnvoyProxy of a class",
            json!({"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "gone", "namespace": "ai"}),
        )
        .told("GatewayClass victim", at("name"), "EnvoyProxy ai/gone does not exist")
        .reason("GatewayClass victim", "InvalidParameters")
        .differs(OF_CLASS),
    ]
}
