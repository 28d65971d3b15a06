//! The parameters of a Gateway: its class's EnvoyProxy and its own, made one.

use serde_json::{Map, Value};

use super::patch::{self, MergeKeys};
use super::problem::Problem;
use crate::api::{EnvoyProxy, EnvoyProxySpec, MergeType};

/// Objects of an EnvoyProxy that have a patch of their own.
const PATCHED: [&str; 5] = ["envoyDeployment", "envoyDaemonSet", "envoyService", "envoyHpa", "envoyPDB"];

/// What an EnvoyProxy says.
///
/// # Errors
/// It is none; the field is one of its own, from `spec` on.
pub fn read(proxy: &EnvoyProxy) -> Result<EnvoyProxySpec, Problem> {
    serde_path_to_error::deserialize(Value::Object(proxy.0.clone())).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        let remedy = "write it as Envoy Gateway's CRD has it";
        Problem::new(field, error.into_inner().to_string(), remedy).within("spec")
    })
}

/// A Gateway's own EnvoyProxy laid over that of its class. Its `mergeType` says how; it replaces the class's as a whole
/// where nothing is said. Patches of generated objects are never merged with each other.
///
/// # Errors
/// They cannot be merged as asked, or what comes out is no EnvoyProxy.
pub fn merged(class: Option<&EnvoyProxy>, own: Option<&EnvoyProxy>) -> Result<EnvoyProxySpec, Problem> {
    match (class, own) {
        (None, None) => Ok(EnvoyProxySpec::default()),
        (Some(only), None) | (None, Some(only)) => read(only),
        (Some(class), Some(own)) => match read(own)?.merge_type {
            None | Some(MergeType::Replace) => read(own),
            Some(kind) => laid_over(class, own, kind),
        },
    }
}

fn laid_over(class: &EnvoyProxy, own: &EnvoyProxy, kind: MergeType) -> Result<EnvoyProxySpec, Problem> {
    let mut over = Value::Object(own.0.clone());
    let patches: Vec<_> =
        PATCHED.iter().filter_map(|object| Some((object, fields(&mut over, object)?.remove("patch")?))).collect();
    let mut both = Value::Object(class.0.clone());
    patch::merge(&mut both, &over, kind, MergeKeys::EnvoyProxy).map_err(|problem| problem.within("spec"))?;
    for (object, patch) in patches {
        if let Some(fields) = fields(&mut both, object) {
            fields.insert("patch".to_owned(), patch);
        }
    }
    let Value::Object(both) = both else { return Ok(EnvoyProxySpec::default()) };
    read(&EnvoyProxy(both))
}

fn fields<'a>(spec: &'a mut Value, object: &str) -> Option<&'a mut Map<String, Value>> {
    spec.pointer_mut(&format!("/provider/kubernetes/{object}"))?.as_object_mut()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn proxy(deployment: Value, merge_type: Option<&str>) -> EnvoyProxy {
        let provider = json!({ "type": "Kubernetes", "kubernetes": { "envoyDeployment": deployment } });
        let mut spec = json!({ "provider": provider });
        if let Some(kind) = merge_type {
            spec["mergeType"] = json!(kind);
        }
        serde_json::from_value(spec).unwrap()
    }

    fn check(own: (Value, Option<&str>), expected: Value) {
        let class = json!({"replicas": 2, "container": {"env": [{"name": "A", "value": "1"}]}});
        let merged = merged(Some(&proxy(class, None)), Some(&proxy(own.0, own.1))).unwrap();
        assert_eq!(merged, read(&proxy(expected, own.1)).unwrap());
    }

    #[test]
    fn a_gateways_own_replaces_its_classs() {
        check((json!({"name": "x"}), None), json!({"name": "x"}));
        check((json!({"name": "x"}), Some("Replace")), json!({"name": "x"}));
    }

    #[test]
    fn they_are_merged_on_demand() {
        let own = json!({"container": {"env": [{"name": "B", "value": "2"}]}, "patch": {"value": {"spec": null}}});
        let entry = |name: &str, value: &str| json!({"name": name, "value": value});
        let expected = |env: &[Value]| {
            json!({
                "replicas": 2, "container": {"env": env}, "patch": {"value": {"spec": null}},
            })
        };
        check((own.clone(), Some("StrategicMerge")), expected(&[entry("A", "1"), entry("B", "2")]));
        check((own, Some("JSONMerge")), expected(&[entry("B", "2")]));
    }

    #[test]
    fn what_is_no_envoy_proxy_says_where() {
        let problem = read(&proxy(json!({"replicas": "two"}), None)).unwrap_err();
        assert_eq!(problem.field, "spec.provider.kubernetes.envoyDeployment.replicas");
        let problem = read(&proxy(json!({"replica": 2}), None)).unwrap_err();
        assert_eq!(problem.field, "spec.provider.kubernetes.envoyDeployment.replica");
    }
}
