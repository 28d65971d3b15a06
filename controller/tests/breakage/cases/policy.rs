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
    let set = |name, field: &'static str, value: Value| case(name).set(BackendTLSPolicy, KEY, field, value);
    let ca = |name, value: Value| set(name, "/spec/validation/caCertificateRefs/0", value);
    let pem = |name, text: &str| case(name).set(ConfigMap, KEY, "/data", json!({"ca.crt": text}));
    let named = "spec.validation.caCertificateRefs[0].name";
    let known = "spec.validation.wellKnownCACertificates";
    let validation = |name, value: Value| set(name, "/spec/validation", value);
    // Nothing is sent to the target.
    let closed = |(case, reason): (Case, &'static str)| case.reason(POLICY, reason).differs(&[STATUS, ROUTE, RULE]);
    let cases = [
        (
            set("a hostname of a policy for many", "/spec/validation/hostname", json!("*.example.com")).told(
                POLICY,
                "spec.validation.hostname",
                "is no hostname",
            ),
            "Invalid",
        ),
        (
            ca("no such ConfigMap", json!({"group": "", "kind": "ConfigMap", "name": "gone"})).told(
                POLICY,
                named,
                "ConfigMap ai/gone does not exist",
            ),
            "NoValidCACertificate",
        ),
        (
            ca("certificates of another kind", json!({"group": "", "kind": "Pod", "name": "victim"})).told(
                POLICY,
                "spec.validation.caCertificateRefs[0].kind",
                "kind Pod",
            ),
            "NoValidCACertificate",
        ),
        (pem("a CA that is no PEM", "nonsense").told(POLICY, named, "no PEM certificate"), "NoValidCACertificate"),
        (
            pem("a CA that is no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").told(
                POLICY,
                named,
                "certificate 1",
            ),
            "NoValidCACertificate",
        ),
        (
            case("a ConfigMap without a key").set(ConfigMap, KEY, "/data", json!({})).told(POLICY, named, "is empty"),
            "InvalidCACertificateRef",
        ),
        (
            validation("no CA at all", json!({"hostname": "victim.example.com"})).told(
                POLICY,
                "spec.validation",
                "nothing of the CA certificates",
            ),
            "Invalid",
        ),
        (
            set("two sorts of CA", "/spec/validation/wellKnownCACertificates", json!("System")).told(
                POLICY,
                known,
                "exclude each other",
            ),
            "Invalid",
        ),
        (
            validation(
                "well-known certificates that nobody knows",
                json!({"hostname": "victim.example.com", "wellKnownCACertificates": "Vatican"}),
            )
            .told(POLICY, known, "no set of certificates"),
            "Invalid",
        ),
        (
            set(
                "names that are not supported",
                "/spec/validation/subjectAltNames",
                json!([{"type": "URI", "uri": "spiffe://a/b"}]),
            )
            .told(POLICY, "spec.validation.subjectAltNames", "not supported"),
            "Invalid",
        ),
    ];
    let mut cases: Vec<_> = cases.into_iter().map(closed).collect();
    cases.extend(beside());
    cases
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
