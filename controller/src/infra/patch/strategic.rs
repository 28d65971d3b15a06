//! Strategic merge patch: as a JSON merge patch, but for lists whose entries have a key, and for directives.
//!
//! Source: the behaviour of k8s.io/apimachinery `util/strategicpatch`.

use serde_json::{Map, Value};

use super::keys::MergeKeys;
use crate::infra::problem::Problem;

/// `merge`, `replace` or `delete`, beside the fields of a map, or in an entry of a list.
const PATCH: &str = "$patch";

/// The fields that stay; all others go before the patch is laid over.
const RETAIN_KEYS: &str = "$retainKeys";

/// Lays a patch over a document, of which nothing is to be expected after an error.
///
/// # Errors
/// There is a directive that is not followed, or an entry without its key.
pub(super) fn merge(original: &mut Value, patch: &Value, keys: MergeKeys) -> Result<(), Problem> {
    value(original, patch, &At { path: String::new(), keys })
}

/// A place in the document; entries of a list are at the list's.
struct At {
    path: String,
    keys: MergeKeys,
}

enum Directive {
    Merge,
    Replace,
    Delete,
}

impl At {
    fn field(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("{}{dot}{name}", self.path), keys: self.keys }
    }

    fn problem(&self, message: impl Into<String>, remedy: &str) -> Problem {
        Problem::new(self.path.as_str(), message, remedy)
    }

    fn merge_key(&self) -> Option<&'static str> {
        self.keys.find(&self.path)
    }

    fn directive(&self, fields: &Map<String, Value>) -> Result<Directive, Problem> {
        match fields.get(PATCH).map(|word| word.as_str().unwrap_or_default()) {
            None | Some("merge") => Ok(Directive::Merge),
            Some("replace") => Ok(Directive::Replace),
            Some("delete") => Ok(Directive::Delete),
            Some(other) => Err(self.problem(format!("{PATCH}: {other} is not known"), "use merge, replace or delete")),
        }
    }
}

fn value(original: &mut Value, patch: &Value, at: &At) -> Result<(), Problem> {
    match (patch, at.merge_key()) {
        (Value::Object(patch), _) => {
            let mut fields = take_map(original);
            map(&mut fields, patch, at)?;
            *original = Value::Object(fields);
            Ok(())
        }
        (Value::Array(patch), Some(key)) => {
            let mut entries = take_list(original);
            list(&mut entries, patch, (key, at))?;
            *original = Value::Array(entries);
            Ok(())
        }
        (Value::Array(patch), None) if patch.iter().any(|entry| entry.get(PATCH).is_some()) => {
            Err(at.problem(format!("has no merge key, so that {PATCH} means nothing"), "write the whole list"))
        }
        (other, _) => {
            *original = other.clone();
            Ok(())
        }
    }
}

fn map(original: &mut Map<String, Value>, patch: &Map<String, Value>, at: &At) -> Result<(), Problem> {
    match at.directive(patch)? {
        Directive::Merge => {}
        Directive::Delete => {
            original.clear();
            return Ok(());
        }
        Directive::Replace => {
            *original = patch.clone();
            original.remove(PATCH);
            return Ok(());
        }
    }
    if let Some(retained) = patch.get(RETAIN_KEYS) {
        let Some(retained) = retained.as_array() else {
            return Err(at.problem(format!("{RETAIN_KEYS} is no list"), "list names of fields"));
        };
        original.retain(|name, _| retained.iter().any(|kept| kept.as_str() == Some(name)));
    }
    for (name, patch) in patch.iter().filter(|(name, _)| *name != PATCH && *name != RETAIN_KEYS) {
        if name.starts_with('$') {
            return Err(at.problem(format!("the directive {name} is not followed"), "write what you want instead"));
        }
        if patch.is_null() {
            original.remove(name);
        } else {
            value(original.entry(name.clone()).or_insert(Value::Null), patch, &at.field(name))?;
        }
    }
    Ok(())
}

fn list(original: &mut Vec<Value>, patch: &[Value], (key, at): (&str, &At)) -> Result<(), Problem> {
    let mut entries = Vec::new();
    for entry in patch {
        let Value::Object(entry) = entry else {
            return Err(at.problem("an entry is no object", "write objects"));
        };
        match at.directive(entry)? {
            // The whole list is replaced by the other entries.
            Directive::Replace => original.clear(),
            directive => entries.push((entry, directive)),
        }
    }
    for (entry, directive) in entries {
        let Some(name) = entry.get(key) else {
            return Err(at.problem(format!("an entry has no {key}"), "say which entry is meant"));
        };
        let is_meant = |candidate: &Value| candidate.get(key) == Some(name);
        match (directive, original.iter().position(is_meant)) {
            (Directive::Delete, _) => original.retain(|candidate| !is_meant(candidate)),
            (_, Some(index)) => {
                let mut fields = take_map(&mut original[index]);
                map(&mut fields, entry, at)?;
                original[index] = Value::Object(fields);
            }
            (_, None) => {
                let mut fields = Map::new();
                map(&mut fields, entry, at)?;
                original.push(Value::Object(fields));
            }
        }
    }
    Ok(())
}

/// What is there, if it is a map: it goes back changed.
fn take_map(value: &mut Value) -> Map<String, Value> {
    match value.take() {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn take_list(value: &mut Value) -> Vec<Value> {
    match value.take() {
        Value::Array(list) => list,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(spec: Value) -> Value {
        json!({ "spec": { "template": { "spec": spec } } })
    }

    fn check(original: Value, patch: Value, expected: Value) {
        let mut patched = pod(original);
        merge(&mut patched, &pod(patch), MergeKeys::Workload).unwrap();
        assert_eq!(patched, pod(expected));
    }

    fn refused(patch: Value) -> String {
        let mut original = pod(json!({ "containers": [{ "name": "envoy" }] }));
        merge(&mut original, &pod(patch), MergeKeys::Workload).unwrap_err().to_string()
    }

    #[test]
    fn entries_are_told_apart_by_their_key() {
        check(
            json!({"containers": [{"name": "envoy", "image": "i", "env": [{"name": "A", "value": "1"}]}]}),
            json!({"containers": [
                {"name": "tap", "image": "t"},
                {"name": "envoy", "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "3"}]},
            ]}),
            json!({"containers": [
                {"name": "envoy", "image": "i", "env": [{"name": "A", "value": "3"}, {"name": "B", "value": "2"}]},
                {"name": "tap", "image": "t"},
            ]}),
        );
    }

    #[test]
    fn lists_without_a_key_are_replaced() {
        let args = |args: &[&str]| json!({"containers": [{"name": "envoy", "args": args}]});
        check(args(&["a", "b"]), args(&["c"]), args(&["c"]));
    }

    #[test]
    fn nothing_is_removed_by_null_and_by_directive() {
        check(
            json!({"nodeSelector": {"a": "1"}, "dnsPolicy": "Default", "volumes": [{"name": "x"}, {"name": "y"}]}),
            json!({"nodeSelector": null, "dnsPolicy": null, "volumes": [{"name": "x", "$patch": "delete"}]}),
            json!({"volumes": [{"name": "y"}]}),
        );
        check(json!({"affinity": {"a": {}}}), json!({"affinity": {"$patch": "delete"}}), json!({"affinity": {}}));
    }

    #[test]
    fn whole_lists_and_maps_are_replaced_on_demand() {
        check(
            json!({"volumes": [{"name": "x"}], "securityContext": {"runAsUser": 1, "fsGroup": 2}}),
            json!({
                "volumes": [{"$patch": "replace"}, {"name": "z"}],
                "securityContext": {"$patch": "replace", "runAsUser": 3},
            }),
            json!({"volumes": [{"name": "z"}], "securityContext": {"runAsUser": 3}}),
        );
        check(
            json!({"securityContext": {"runAsUser": 1, "fsGroup": 2}}),
            json!({"securityContext": {"$retainKeys": ["runAsUser"], "runAsUser": 3}}),
            json!({"securityContext": {"runAsUser": 3}}),
        );
    }

    #[test]
    fn what_is_new_has_no_nulls() {
        check(
            json!({}),
            json!({"volumes": [{"name": "x", "emptyDir": {}, "secret": null}], "affinity": {"a": null}}),
            json!({"volumes": [{"name": "x", "emptyDir": {}}], "affinity": {}}),
        );
    }

    #[test]
    fn what_cannot_be_followed_is_told() {
        for (patch, expected) in [
            (
                json!({"$setElementOrder/containers": []}),
                "spec.template.spec: the directive $setElementOrder/containers",
            ),
            (json!({"containers": [{"image": "x"}]}), "spec.template.spec.containers: an entry has no name"),
            (json!({"containers": ["envoy"]}), "spec.template.spec.containers: an entry is no object"),
            (json!({"tolerations": [{"$patch": "delete"}]}), "spec.template.spec.tolerations: has no merge key"),
            (json!({"affinity": {"$patch": "forget"}}), "spec.template.spec.affinity: $patch: forget is not known"),
        ] {
            assert!(refused(patch).starts_with(expected), "{expected}");
        }
    }
}
