//! Who an object is: kind, namespace and name; or why that cannot be told.

use serde_json::{Map, Value};

use crate::objects::Kind;
use crate::objects::admission::Violation;
use crate::objects::key::{Key, ObjectRef};

/// What stands in a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// An object that Sluice reads.
    Ours(Kind, ObjectRef),
    /// An object that somebody else reads: `apiVersion` and `kind`.
    Foreign(String, String),
    /// No object, or none that can be named.
    Unknown(Violation),
}

const NAMESPACE: &str = "default";

/// Identifies an object. One without a namespace that needs one gets `default`, as with `kubectl apply`.
pub(super) fn identify(value: &mut Value) -> Identity {
    ours(value).unwrap_or_else(Identity::Unknown)
}

fn ours(value: &mut Value) -> Result<Identity, Violation> {
    let Value::Object(object) = value else {
        return Err(no_object("", "is no object"));
    };
    let (version, name) = (text(object, "apiVersion")?, text(object, "kind")?);
    let Some(kind) = Kind::of(&version, &name) else {
        return misspelt(&version, &name).map_or(Ok(Identity::Foreign(version, name)), Err);
    };
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else {
        return Err(unnamed("metadata", "is missing or no mapping"));
    };
    let name = text(metadata, "name").map_err(|_| unnamed("metadata.name", "is missing or no text"))?;
    let key = Key { namespace: namespace(kind, metadata)?, name };
    Ok(Identity::Ours(kind, ObjectRef { kind: kind.name(), key }))
}

fn namespace(kind: Kind, metadata: &mut Map<String, Value>) -> Result<String, Violation> {
    if !kind.is_namespaced() {
        metadata.remove("namespace");
        return Ok(String::new());
    }
    match metadata.entry("namespace").or_insert(Value::Null) {
        Value::String(namespace) if !namespace.is_empty() => Ok(namespace.clone()),
        empty if empty.is_null() || *empty == "" => {
            *empty = Value::from(NAMESPACE);
            Ok(NAMESPACE.to_owned())
        }
        _ => Err(unnamed("metadata.namespace", "is no text")),
    }
}

fn text(object: &Map<String, Value>, field: &str) -> Result<String, Violation> {
    match object.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        _ => Err(no_object(field, "is missing or no text")),
    }
}

/// One of our kinds in a version that is not read, or with other capitals.
fn misspelt(api_version: &str, name: &str) -> Option<Violation> {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let kind = Kind::ALL.iter().find(|k| k.group() == group && k.name().eq_ignore_ascii_case(name))?;
    if kind.name() != name {
        let remedy = format!("write `kind: {}`", kind.name());
        return Some(Violation::new("kind", format!("`{name}` is no kind of `{api_version}`"), remedy));
    }
    let versions: Vec<_> = kind.versions().iter().map(|v| format!("`{}`", join(group, v))).collect();
    let message = format!("`{version}` is no version of {name} that Sluice reads");
    Some(Violation::new("apiVersion", message, format!("write {}", versions.join(" or "))))
}

fn join(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

fn no_object(field: &str, message: &str) -> Violation {
    Violation::new(field, message, "begin each document with `apiVersion`, `kind` and `metadata`")
}

fn unnamed(field: &str, message: &str) -> Violation {
    Violation::new(field, message, "give the object a name: `metadata: {name: …}`")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unknown(mut value: Value) -> (String, String) {
        match identify(&mut value) {
            Identity::Unknown(violation) => (violation.field, violation.remedy),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ours_get_a_namespace() {
        let mut value = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
        let object = ObjectRef { kind: "Secret", key: Key::new("default", "a") };
        assert_eq!(identify(&mut value), Identity::Ours(Kind::Secret, object));
        assert_eq!(value["metadata"]["namespace"], "default");
    }

    #[test]
    fn kinds_without_namespaces_lose_it() {
        let mut value = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "namespace": "b"}});
        let object = ObjectRef { kind: "Namespace", key: Key::new("", "a") };
        assert_eq!(identify(&mut value), Identity::Ours(Kind::Namespace, object));
        assert_eq!(value["metadata"], json!({"name": "a"}));
    }

    #[test]
    fn others_are_foreign() {
        let mut value = json!({"apiVersion": "apps/v1", "kind": "Deployment"});
        assert_eq!(identify(&mut value), Identity::Foreign("apps/v1".to_owned(), "Deployment".to_owned()));
    }

    #[test]
    fn what_cannot_be_named_says_what_is_missing() {
        assert_eq!(unknown(json!([1])).0, "");
        assert_eq!(unknown(json!({"kind": "Secret"})).0, "apiVersion");
        assert_eq!(unknown(json!({"apiVersion": "v1", "kind": "Secret"})).0, "metadata");
        assert_eq!(unknown(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": 1}})).0, "metadata.name");
    }

    #[test]
    fn unknown_versions_name_the_known() {
        let version = json!({"apiVersion": "gateway.networking.k8s.io/v9", "kind": "BackendTLSPolicy"});
        let remedy = "write `gateway.networking.k8s.io/v1` or `gateway.networking.k8s.io/v1alpha3`";
        assert_eq!(unknown(version), ("apiVersion".to_owned(), remedy.to_owned()));
        let capitals = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HttpRoute"});
        assert_eq!(unknown(capitals), ("kind".to_owned(), "write `kind: HTTPRoute`".to_owned()));
    }
}
