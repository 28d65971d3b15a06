//! BackendTLSPolicies and the certificates behind them.

use serde_json::{Value, json};
use sluice_controller::objects::Kind::{BackendTLSPolicy, ConfigMap};

use crate::case::{Case, case};

const POLICY: &str = "BackendTLSPolicy ai/victim";
const KEY: &str = "ai/victim";
const STATUS: &str = "status BackendTLSPolicy ai/victim";
const ROUTE: &str = "status HTTPRoute ai/victim";
const RULE: &str = "rule ai/shared http httproute/ai/victim/rule/0";

pub(crate) fn all() -> Vec<Case> {
    // Nothing is sent to the target.
    let closed = |reason| move |case: Case| case.reason(POLICY, reason).differs(&[STATUS, ROUTE, RULE]);
    let certificates = certificates().into_iter().map(closed("NoValidCACertificate"));
    certificates.chain(validation().into_iter().map(closed("Invalid"))).chain(beside()).collect()
}

fn set(name: &'static str, field: &'static str, value: Value) -> Case {
    case(name).set(BackendTLSPolicy, KEY, field, value)
}

/// None of the certificates can be used.
fn certificates() -> [Case; 5] {
    let ca = |name, value: Value| set(name, "/spec/validation/caCertificateRefs/0", value);
    let data = |name, data: Value| case(name).set(ConfigMap, KEY, "/data", data);
    let named = "spec.validation.caCertificateRefs[0].name";
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    [
        ca("no such ConfigMap", json!({"group": "", "kind": "ConfigMap", "name": "gone"})).told(
            POLICY,
            named,
            "ConfigMap ai/gone does not exist",
        ),
        ca("certificates of another kind", json!({"group": "", "kind": "Pod", "name": "victim"})).told(
            POLICY,
            "spec.validation.caCertificateRefs[0].kind",
            "kind Pod",
        ),
        data("a CA that is no PEM", json!({"ca.crt": "nonsense"})).told(POLICY, named, "no PEM certificate"),
        data("a CA that is no certificate", json!({"ca.crt": broken})).told(POLICY, named, "certificate 1"),
        data("a ConfigMap without a key", json!({})).told(POLICY, named, "is empty"),
    ]
}

fn validation() -> [Case; 5] {
    let known = "spec.validation.wellKnownCACertificates";
    let whole = |name, value: Value| set(name, "/spec/validation", value);
    let unknown = json!({"hostname": "victim.example.com", "wellKnownCACertificates": "Vatican"});
    let names = json!([{"type": "URI", "uri": "spiffe://a/b"}]);
    [
        set("a hostname of a policy for many", "/spec/validation/hostname", json!("*.example.com")).told(
            POLICY,
            "spec.validation.hostname",
            "is no hostname",
        ),
        whole("no CA at all", json!({"hostname": "victim.example.com"})).told(
            POLICY,
            "spec.validation",
            "nothing of the CA certificates",
        ),
        set("two sorts of CA", "/spec/validation/wellKnownCACertificates", json!("System")).told(
            POLICY,
            known,
            "exclude each other",
        ),
        whole("well-known certificates that nobody knows", unknown).told(POLICY, known, "no set of certificates"),
        set("names that are not supported", "/spec/validation/subjectAltNames", names).told(
            POLICY,
            "spec.validation.subjectAltNames",
            "not supported",
        ),
    ]
}

/// The target is served all the same, or as if there were no policy.
fn beside() -> [Case; 4] {
    let target = |name: &str| json!([{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": name}]);
    let valid = json!({"hostname": "other.example.com", "wellKnownCACertificates": "System"});
    [
        // Of the same age, so that the name decides: the first one stays in force.
        case("two policies for one target")
            .add(BackendTLSPolicy, "ai/victim-too", json!({"targetRefs": target("victim"), "validation": valid}))
            .told("BackendTLSPolicy ai/victim-too", "spec.targetRefs[0]", "BackendTLSPolicy ai/victim is in force")
            .reason("BackendTLSPolicy ai/victim-too", "Conflicted")
            .differs(&["status BackendTLSPolicy ai/victim-too"]),
        case("no such target")
            .add(BackendTLSPolicy, "ai/idle", json!({"targetRefs": target("gone"), "validation": valid}))
            .told("BackendTLSPolicy ai/idle", "spec.targetRefs[0].name", "Backend ai/gone does not exist"),
        case("a target of another kind")
            .add(
                BackendTLSPolicy,
                "ai/idle",
                json!({"targetRefs": [{"group": "", "kind": "Pod", "name": "a"}], "validation": valid}),
            )
            .told("BackendTLSPolicy ai/idle", "spec.targetRefs[0].kind", "kind Pod"),
        // What was asked for cannot be read: plain TCP would be wrong, so nothing may go on as before.
        case("a policy that cannot be read")
            .set(BackendTLSPolicy, KEY, "/spec/validation/hostname", json!(7))
            .told(POLICY, "spec.validation.hostname", "is a number")
            .differs(&[STATUS, ROUTE, RULE]),
    ]
}
