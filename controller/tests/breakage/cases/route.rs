//! HTTPRoutes: what they match, what they attach to, what they refer to.

use serde_json::{Value, json};
use sluice_controller::objects::Kind::{HTTPRoute, ReferenceGrant};

use crate::case::{Case, case};

const ROUTE: &str = "HTTPRoute ai/victim";
const KEY: &str = "ai/victim";
const STATUS: &str = "status HTTPRoute ai/victim";
const RULE: &str = "rule ai/shared http httproute/ai/victim/rule/0";
/// It counts the routes attached to each listener.
const COUNT: &str = "status Gateway ai/shared";

pub(crate) fn all() -> Vec<Case> {
    [malformed(), matches(), parents(), references(), timeouts_and_weights()].into_iter().flatten().collect()
}

fn set(name: &'static str, pointer: &'static str, value: Value) -> Case {
    case(name).set(HTTPRoute, KEY, pointer, value)
}

/// The type cannot hold it: it is as if it had no rules, and says so.
fn malformed() -> Vec<Case> {
    let gone = |case: Case| case.differs(&[STATUS, RULE, COUNT, POLICY]);
    let cases = [
        set("a list is a text", "/spec/hostnames", json!("victim.example.com")).told(
            ROUTE,
            "spec.hostnames",
            "is a text",
        ),
        set("a mapping is a text", "/spec/rules/0/timeouts", json!("10m")).told(
            ROUTE,
            "spec.rules[0].timeouts",
            "is a text",
        ),
        set("a port is too big", "/spec/rules/0/backendRefs/0/port", json!(70_000)).told(
            ROUTE,
            "spec.rules[0].backendRefs[0].port",
            "out of range",
        ),
        set("a weight is negative", "/spec/rules/0/backendRefs/0/weight", json!(-1)).told(
            ROUTE,
            "spec.rules[0].backendRefs[0].weight",
            "out of range",
        ),
        set("a reference has no name", "/spec/rules/0/backendRefs/0", json!({"kind": "Service"})).told(
            ROUTE,
            "spec.rules[0].backendRefs[0]",
            "`name` is missing",
        ),
        set("labels are a number", "/metadata/labels", json!(5)).told(ROUTE, "metadata.labels", "is a number"),
        set("the spec is a text", "/spec", json!("nonsense")).told(ROUTE, "spec", "is a text"),
    ];
    let mut cases: Vec<_> = cases.into_iter().map(gone).collect();
    cases.extend(unknown_fields());
    cases
}

/// One that may have narrowed something down closes its rule; any other is passed over.
fn unknown_fields() -> [Case; 2] {
    let of_a_rule = set("a field that there is not", "/spec/rules/0/timeout", json!("10m"));
    let of_a_match = set("a condition that there is not", "/spec/rules/0/matches/0/cookies", json!([{"name": "a"}]));
    [
        of_a_rule.told(ROUTE, "spec.rules[0].timeout", "no field `timeout`"),
        of_a_match
            .told(ROUTE, "spec.rules[0].matches[0].cookies", "no field `cookies`")
            .reason(ROUTE, "UnsupportedValue")
            .differs(&[STATUS, RULE, COUNT]),
    ]
}

fn matches() -> Vec<Case> {
    let path = |name, kind: &str, value: &str| {
        set(name, "/spec/rules/0/matches/0/path", json!({"type": kind, "value": value}))
    };
    let matched = |name, field, value: Value| set(name, field, json!([value]));
    let headers = "/spec/rules/0/matches/0/headers";
    // The only match is not understood, so that no request is the rule's.
    let dropped = |case: Case| case.reason(ROUTE, "UnsupportedValue").differs(&[STATUS, RULE, COUNT]);
    let cases = [
        path("a type of path that there is not", "Glob", "/v1").told(
            ROUTE,
            "spec.rules[0].matches[0].path.type",
            "type Glob",
        ),
        path("an expression that is none", "RegularExpression", "/v1/(").told(
            ROUTE,
            "spec.rules[0].matches[0].path.value",
            "no regular expression",
        ),
        path("an expression that is too big", "RegularExpression", "((a{500}){500}){500}").told(
            ROUTE,
            "spec.rules[0].matches[0].path.value",
            "no regular expression",
        ),
        set("a method that is none", "/spec/rules/0/matches/0/method", json!("GE T")).told(
            ROUTE,
            "spec.rules[0].matches[0].method",
            "no method",
        ),
        matched("a header name that is none", headers, json!({"name": "x team", "value": "a"})).told(
            ROUTE,
            "spec.rules[0].matches[0].headers[0].name",
            "no header name",
        ),
        matched("a header name that is too long", headers, json!({"name": "x".repeat(70_000), "value": "a"})).told(
            ROUTE,
            "spec.rules[0].matches[0].headers[0].name",
            "no header name",
        ),
        matched("a type of header that there is not", headers, json!({"name": "x", "type": "Like", "value": "a"}))
            .told(ROUTE, "spec.rules[0].matches[0].headers[0].type", "type Like"),
        matched(
            "a query expression that is none",
            "/spec/rules/0/matches/0/queryParams",
            json!({"name": "x", "type": "RegularExpression", "value": "["}),
        )
        .told(ROUTE, "spec.rules[0].matches[0].queryParams[0].value", "no regular expression"),
    ];
    cases.into_iter().map(dropped).collect()
}

fn parents() -> Vec<Case> {
    let parent = |name, value: Value| set(name, "/spec/parentRefs/0", value);
    let ignored = |case: Case| case.differs(&[STATUS, RULE, COUNT, POLICY]);
    let refused = |case: Case, reason| case.reason(ROUTE, reason).differs(&[STATUS, RULE, COUNT, POLICY]);
    vec![
        // A parent that is not ours gets no entry in the status.
        ignored(parent("no such Gateway", json!({"name": "gone"})).told(
            ROUTE,
            "spec.parentRefs[0].name",
            "Gateway ai/gone does not exist",
        )),
        ignored(parent("a parent of another kind", json!({"group": "", "kind": "Service", "name": "victim"})).told(
            ROUTE,
            "spec.parentRefs[0].kind",
            "kind Service",
        )),
        refused(
            parent("no such listener", json!({"name": "shared", "sectionName": "gone"})).told(
                ROUTE,
                "spec.parentRefs[0].sectionName",
                "no listener named gone",
            ),
            "NoMatchingParent",
        ),
        refused(
            parent("no such port", json!({"name": "shared", "port": 1})).told(
                ROUTE,
                "spec.parentRefs[0].port",
                "no listener on port 1",
            ),
            "NoMatchingParent",
        ),
        refused(
            set("a hostname that is none", "/spec/hostnames/0", json!("https://victim.example.com")).told(
                ROUTE,
                "spec.hostnames[0]",
                "is no hostname",
            ),
            "UnsupportedValue",
        ),
        refused(
            set("no hostname in common", "/spec/parentRefs/0/sectionName", json!("tenants")).told(
                ROUTE,
                "spec.hostnames",
                "hostname in common",
            ),
            "NoMatchingListenerHostname",
        ),
    ]
}

fn references() -> Vec<Case> {
    let backend = |name, value: Value| set(name, "/spec/rules/0/backendRefs/0", value);
    let unresolved = |case: Case, reason| case.reason(ROUTE, reason).differs(&[STATUS, RULE, POLICY]);
    vec![
        unresolved(
            backend("no such Backend", json!({"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "gone"}))
                .told(ROUTE, "spec.rules[0].backendRefs[0].name", "Backend ai/gone does not exist"),
            "BackendNotFound",
        ),
        unresolved(
            backend("no such Service", json!({"name": "gone", "port": 80})).told(
                ROUTE,
                "spec.rules[0].backendRefs[0].name",
                "Service ai/gone does not exist",
            ),
            "BackendNotFound",
        ),
        unresolved(
            backend(
                "a backend of a kind that there is not",
                json!({"group": "example.com", "kind": "Bucket", "name": "x"}),
            )
            .told(ROUTE, "spec.rules[0].backendRefs[0].kind", "kind Bucket"),
            "InvalidKind",
        ),
        backend("a Service without a port", json!({"name": "victim"}))
            .told(ROUTE, "spec.rules[0].backendRefs[0].port", "names no port")
            .reason(ROUTE, "PortNotSpecified")
            .differs(&[STATUS, RULE, COUNT, POLICY]),
        lent(case("no grant").delete(ReferenceGrant, "models/victim")),
        lent(case("a grant for another namespace").set(
            ReferenceGrant,
            "models/victim",
            "/spec/from/0/namespace",
            json!("other"),
        )),
        case("a grant that cannot be read")
            .set(ReferenceGrant, "models/victim", "/spec/to", json!("everything"))
            .told("ReferenceGrant models/victim", "spec.to", "is a text")
            .reason("HTTPRoute ai/victim-lent", "RefNotPermitted")
            .differs(LENT),
    ]
}

/// Nothing is sent to it, so that its policy is of no use to a route.
const POLICY: &str = "status BackendTLSPolicy ai/victim";
const LENT: &[&str] = &["status HTTPRoute ai/victim-lent", "rule ai/shared http httproute/ai/victim-lent/rule/0"];

fn lent(case: Case) -> Case {
    case.told("HTTPRoute ai/victim-lent", "spec.rules[0].backendRefs[0].namespace", "no ReferenceGrant")
        .reason("HTTPRoute ai/victim-lent", "RefNotPermitted")
        .differs(LENT)
}

fn timeouts_and_weights() -> Vec<Case> {
    vec![
        set("a duration that is none", "/spec/rules/0/timeouts/request", json!("10 minutes"))
            .told(ROUTE, "spec.rules[0].timeouts.request", "no duration")
            .reason(ROUTE, "UnsupportedValue")
            .differs(&[STATUS, RULE, COUNT]),
        // Nothing is wrong with the references; requests get a 500.
        set("no backend has a weight", "/spec/rules/0/backendRefs/0/weight", json!(0))
            .told(ROUTE, "spec.rules[0].backendRefs", "no backend that takes requests")
            .differs(&[RULE]),
        set("no backends at all", "/spec/rules/0/backendRefs", json!([]))
            .told(ROUTE, "spec.rules[0].backendRefs", "no backend that takes requests")
            .differs(&[RULE, POLICY]),
    ]
}
