//! From what the API server has to an object of ours.
//!
//! An API server has checked its objects, but by its own definitions, which may be older or newer than ours:
//! * A field that we do not know is left out. Where leaving it out could let more through than its author allows (a
//!   match, a filter, a grant, a policy), it is a defect: the rule or object fails closed. Elsewhere it is a warning.
//! * A rule of our own definitions that is broken is a defect of the rule of the route, or of the object.
//! * Of an object that does not fit its type, what names its parents or targets is kept, so that it can be told.
//!
//! The version before is not kept in force, other than in files: a controller that has just started would not know it,
//! and two controllers must come to the same result. Only a Gateway keeps what it serves when it is refused, since that
//! stands in its replicas.

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::path;
use super::seen::Seen;
use crate::api::{ParentReference, PolicyTargetReference};
use crate::finding::{Finding, Severity};
use crate::objects::admission::{self, Violation};
use crate::objects::key::{Key, ObjectRef};
use crate::objects::{Kind, Objects, defaults};
use crate::source::malformed;

/// Most fields that are left out before an object counts as unreadable.
const MOST_UNKNOWN: usize = 64;

/// What was read of one object.
#[derive(Debug, Default)]
pub struct Reading {
    /// The object alone; nothing where it must not be used.
    pub objects: Objects,
    /// What is to be told and that translation does not know.
    pub findings: Vec<Finding>,
    /// Its state on the API server; none in tests.
    pub seen: Option<Seen>,
}

/// Reads an object.
pub(super) fn read(kind: Kind, key: &Key, object: DynamicObject, seen: Seen) -> Reading {
    Reading { seen: Some(seen), ..Reading::of(kind, key, value(object)) }
}

impl Reading {
    /// Reads an object as an API server has it.
    pub fn of(kind: Kind, key: &Key, object: Value) -> Self {
        let (objects, findings) = take(kind, key, object);
        Self { objects, findings, seen: None }
    }
}

fn value(mut object: DynamicObject) -> Value {
    object.metadata.managed_fields = None;
    let mut value = object.data;
    value["metadata"] = json!(object.metadata);
    value
}

fn take(kind: Kind, key: &Key, mut value: Value) -> (Objects, Vec<Finding>) {
    let object = ObjectRef { kind: kind.name(), key: key.clone() };
    defaults::fill(kind, &mut value);
    let Parsed { mut objects, unknown, refused } = parse(kind, value);
    let (mut defects, mut harmless): (Vec<_>, Vec<_>) = unknown.into_iter().partition(|v| is_grave(kind, &v.field));
    if is_built_in(kind) {
        harmless.clear();
    }
    match refused {
        Some(refused) => defects.push(refused),
        None if is_built_in(kind) => {}
        None => defects.extend(admission::review(&object, &objects)),
    }
    let finding = |severity| {
        let object = object.clone();
        move |v: Violation| {
            let Violation { field, message, remedy } = v;
            Finding { subject: object.clone(), field, severity, message, remedy }
        }
    };
    let mut findings: Vec<_> = harmless.into_iter().map(finding(Severity::Warning)).collect();
    match objects.meta_mut(kind, key).filter(|_| fails_closed(kind)) {
        Some(meta) => meta.defects = defects,
        None if defects.is_empty() => {}
        None => {
            findings.extend(defects.into_iter().map(finding(Severity::Error)));
            objects = Objects::default();
        }
    }
    (objects, findings)
}

/// What came of parsing.
struct Parsed {
    objects: Objects,
    /// Fields that were left out.
    unknown: Vec<Violation>,
    /// Why only a part of the object is there, or nothing.
    refused: Option<Violation>,
}

fn parse(kind: Kind, mut value: Value) -> Parsed {
    let mut unknown = Vec::new();
    loop {
        let mut objects = Objects::default();
        let Err(malformed) = objects.insert(kind, value.clone()) else {
            return Parsed { objects, unknown, refused: None };
        };
        let is_unknown = malformed.message.starts_with("unknown field");
        let violation = malformed::explain(kind, malformed);
        if is_unknown && unknown.len() < MOST_UNKNOWN && path::remove(&mut value, &violation.field) {
            unknown.push(violation);
            continue;
        }
        if let Some(part) = part(kind, &value) {
            // It was made of what can be read.
            drop(objects.insert(kind, part));
        }
        return Parsed { objects, unknown, refused: Some(violation) };
    }
}

/// What can be told about an object of this kind stands in its own status, or in that of what refers to it; all others
/// are left out if they have a defect, which closes what refers to them.
fn fails_closed(kind: Kind) -> bool {
    matches!(kind, Kind::GatewayClass | Kind::Gateway | Kind::HTTPRoute | Kind::Backend | Kind::BackendTLSPolicy)
}

/// Whether the API server defines the kind itself: it has checked it, and may know more fields than we do.
fn is_built_in(kind: Kind) -> bool {
    matches!(kind.group(), "" | "discovery.k8s.io")
}

/// Whether a field that is left out may have been meant to narrow something down.
fn is_grave(kind: Kind, field: &str) -> bool {
    match kind {
        Kind::HTTPRoute => field.contains(".matches[") || field.contains(".filters["),
        Kind::Gateway => field.contains(".allowedRoutes"),
        Kind::BackendTLSPolicy | Kind::ReferenceGrant | Kind::HTTPRouteFilter => true,
        _ => false,
    }
}

/// The part of an object that says whom it concerns.
fn part(kind: Kind, value: &Value) -> Option<Value> {
    let field = |name: &str| value.pointer(&format!("/spec/{name}"));
    let spec = match kind {
        Kind::GatewayClass => json!({ "controllerName": field("controllerName")?.as_str()? }),
        Kind::Gateway => json!({ "gatewayClassName": field("gatewayClassName")?.as_str()? }),
        Kind::HTTPRoute => json!({ "parentRefs": readable::<ParentReference>(field("parentRefs")), "rules": [] }),
        Kind::Backend => json!({}),
        Kind::BackendTLSPolicy => {
            let targets = readable::<PolicyTargetReference>(field("targetRefs"));
            json!({ "targetRefs": targets, "validation": { "hostname": "" } })
        }
        _ => return None,
    };
    Some(json!({ "metadata": value.get("metadata")?, "spec": spec }))
}

/// The entries of a list that can be read.
fn readable<T: serde::de::DeserializeOwned>(list: Option<&Value>) -> Vec<&Value> {
    let entries = list.and_then(Value::as_array).into_iter().flatten();
    entries.filter(|entry| T::deserialize(*entry).is_ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Field and message of defects and of findings.
    fn read(kind: Kind, spec: Value) -> (Objects, Vec<String>, Vec<String>) {
        let key = Key::new("ai", "x");
        let value = json!({"metadata": {"namespace": "ai", "name": "x", "generation": 2}, "spec": spec});
        let (mut objects, findings) = take(kind, &key, value);
        let defects = objects.meta_mut(kind, &key).map(|meta| meta.defects.clone()).unwrap_or_default();
        let defects = defects.iter().map(|d| format!("{}: {}", d.field, d.message)).collect();
        let findings = findings.iter().map(|f| format!("{:?} {}: {}", f.severity, f.field, f.message)).collect();
        (objects, defects, findings)
    }

    #[test]
    fn an_unknown_field_is_left_out_with_a_warning() {
        let rule = json!({"backendRefs": [{"name": "b", "port": 80}], "mirrorPercent": 3});
        let (objects, defects, findings) = read(Kind::HTTPRoute, json!({"shiny": 1, "rules": [rule]}));
        assert_eq!((objects.count(Kind::HTTPRoute), defects.len()), (1, 0));
        let expected = [
            "Warning spec.shiny: there is no field `shiny`",
            "Warning spec.rules[0].mirrorPercent: there is no field `mirrorPercent`",
        ];
        assert_eq!(
            findings.iter().collect::<std::collections::BTreeSet<_>>(),
            expected.map(str::to_owned).iter().collect()
        );
    }

    #[test]
    fn an_unknown_field_of_a_match_closes_the_rule() {
        let rule = json!({"matches": [{"path": {"value": "/"}, "cookies": [{"name": "a"}]}], "filters": [{"type": "New", "new": {}}]});
        let (objects, defects, _) = read(Kind::HTTPRoute, json!({"rules": [rule, {}]}));
        assert_eq!(objects.count(Kind::HTTPRoute), 1);
        for field in ["spec.rules[0].matches[0].cookies: ", "spec.rules[0].filters[0].new: "] {
            assert!(defects.iter().any(|defect| defect.starts_with(field)), "{defects:?}");
        }
        assert!(defects.iter().all(|defect| defect.starts_with("spec.rules[0]")), "{defects:?}");
    }

    #[test]
    fn of_a_malformed_route_the_parents_are_kept() {
        let spec = json!({"parentRefs": [{"name": "gw"}, {"name": 1}], "rules": "none"});
        let (objects, defects, _) = read(Kind::HTTPRoute, spec);
        let route = &objects.http_routes[&Key::new("ai", "x")];
        assert_eq!((route.spec.parent_refs.len(), route.spec.rules.len(), route.meta.generation), (1, 0, 2));
        assert_eq!(defects.len(), 1);
        assert!(defects[0].starts_with("spec.parentRefs[1].name: is a number"), "{defects:?}");
    }

    #[test]
    fn a_policy_that_is_not_understood_still_closes_its_target() {
        let target = json!({"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "b"});
        let spec = json!({"targetRefs": [target], "validation": {"hostname": "a.b", "wellKnownCACertificates": "System", "pins": []}});
        let (objects, defects, _) = read(Kind::BackendTLSPolicy, spec);
        assert_eq!(objects.backend_tls_policies[&Key::new("ai", "x")].spec.target_refs.len(), 1);
        assert!(defects[0].starts_with("spec.validation.pins: "), "{defects:?}");
    }

    #[test]
    fn a_grant_that_is_not_understood_grants_nothing() {
        let spec = json!({"from": [], "to": [], "only": "on Mondays"});
        let (objects, _, findings) = read(Kind::ReferenceGrant, spec);
        assert_eq!(objects.count(Kind::ReferenceGrant), 0);
        assert!(findings[0].starts_with("Error spec.only: "), "{findings:?}");
    }
}
