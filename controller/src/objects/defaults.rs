//! Defaults of the CRDs that the types do not fill in by themselves, because they depend on what stands around them.
//!
//! On Kubernetes the API server does this. Sources: the `default:` entries of Gateway API v1.6.1 and Envoy Gateway v1.9.0.

use serde_json::{Value, json};

use super::kinds::Kind;

/// Fills in an object as an API server would store it.
pub fn fill(kind: Kind, object: &mut Value) {
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else { return };
    match kind {
        Kind::HTTPRoute => route(spec),
        Kind::Backend => absent(spec, "type", json!("Endpoints")),
        _ => {}
    }
}

/// A route without rules, a rule without matches and a match without a path take every path.
fn route(spec: &mut Value) {
    absent(spec, "rules", json!([{}]));
    for rule in list(spec, "rules") {
        absent(rule, "matches", json!([{}]));
        list(rule, "matches").for_each(|found| absent(found, "path", json!({"type": "PathPrefix", "value": "/"})));
        list(rule, "filters").for_each(filter);
        list(rule, "backendRefs").flat_map(|backend| list(backend, "filters")).for_each(filter);
    }
}

fn filter(filter: &mut Value) {
    if let Some(redirect) = filter.get_mut("requestRedirect") {
        absent(redirect, "statusCode", json!(302));
    }
}

fn absent(object: &mut Value, field: &str, default: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.entry(field).or_insert(default);
    }
}

fn list<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, spec: Value, expected: Value) {
        let mut object = json!({ "spec": spec });
        fill(kind, &mut object);
        assert_eq!(object["spec"], expected);
    }

    #[test]
    fn a_route_matches_everything() {
        let path = json!({"type": "PathPrefix", "value": "/"});
        check(Kind::HTTPRoute, json!({}), json!({"rules": [{"matches": [{"path": path}]}]}));
        let given = json!({"rules": [{"matches": [{"method": "GET"}, {"path": {"value": "/x"}}]}]});
        let matches = json!([{"method": "GET", "path": path}, {"path": {"value": "/x"}}]);
        check(Kind::HTTPRoute, given, json!({"rules": [{"matches": matches}]}));
    }

    #[test]
    fn what_is_given_stays() {
        check(Kind::Backend, json!({"type": "DynamicResolver"}), json!({"type": "DynamicResolver"}));
        check(Kind::Backend, json!({}), json!({"type": "Endpoints"}));
        check(Kind::Backend, json!("nonsense"), json!("nonsense"));
    }
}
