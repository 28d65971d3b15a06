//! The environment of a container.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource};

use crate::node::facts::Facts;
use crate::node::missing::Missing;
use crate::node::sources::{Kind, Sources};

/// Variables by name.
pub(crate) type Env = BTreeMap<String, String>;

/// What every container gets, then `envFrom`, then `env`: the later wins, and may refer to the earlier as `$(NAME)`.
///
/// # Errors
/// Something that it refers to is not there.
pub(crate) fn resolve(container: &Container, facts: &Facts, sources: &dyn Sources) -> Result<Env, Missing> {
    let mut env = given(facts);
    for from in container.env_from.iter().flatten() {
        let (kind, name, optional) = match (&from.config_map_ref, &from.secret_ref) {
            (Some(object), _) => (Kind::ConfigMap, &object.name, object.optional),
            (None, Some(object)) => (Kind::Secret, &object.name, object.optional),
            (None, None) => continue,
        };
        let data = sources.object(kind, (facts.namespace(), name), optional == Some(true))?;
        let prefix = from.prefix.as_deref().unwrap_or_default();
        env.extend(data.into_iter().flatten().map(|(key, value)| (format!("{prefix}{key}"), text(&value))));
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = value(variable, &env, (container, facts, sources))? {
            env.insert(variable.name.clone(), value);
        }
    }
    Ok(env)
}

/// `$(NAME)` of variables that are known; `$$` is a dollar sign. What names no variable stays as it is.
pub(crate) fn expand(text: &str, env: &Env) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let known = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((value, after)) = known.and_then(|(name, after)| Some((env.get(name)?, after))) {
            out.push_str(value);
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn given(facts: &Facts) -> Env {
    let pairs = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/"),
        ("HOSTNAME", facts.name()),
        ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
        ("KUBERNETES_SERVICE_PORT", "443"),
        ("KUBERNETES_SERVICE_PORT_HTTPS", "443"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

type Context<'a> = (&'a Container, &'a Facts, &'a dyn Sources);

fn value(variable: &EnvVar, env: &Env, context: Context<'_>) -> Result<Option<String>, Missing> {
    match &variable.value_from {
        None => Ok(Some(expand(variable.value.as_deref().unwrap_or_default(), env))),
        Some(from) => referred(from, context),
    }
}

fn referred(from: &EnvVarSource, (container, facts, sources): Context<'_>) -> Result<Option<String>, Missing> {
    let key = |kind, name: &str, key: &str, optional: Option<bool>| {
        let value = sources.key(kind, (facts.namespace(), name), (key, optional == Some(true)))?;
        Ok(value.as_deref().map(text))
    };
    if let Some(field) = &from.field_ref {
        return facts.field(field).map(Some);
    }
    if let Some(resource) = &from.resource_field_ref {
        return facts.resource(resource, container).map(Some);
    }
    if let Some(object) = &from.config_map_key_ref {
        return key(Kind::ConfigMap, &object.name, &object.key, object.optional);
    }
    if let Some(object) = &from.secret_key_ref {
        return key(Kind::Secret, &object.name, &object.key, object.optional);
    }
    Ok(None)
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::node::sources::Data;

    struct Fixed;

    impl Sources for Fixed {
        fn data(&self, kind: Kind, namespace: &str, name: &str) -> Option<Data> {
            let found = match (kind, namespace, name) {
                (Kind::ConfigMap, "ns", "map") => ("A", "from map"),
                (Kind::Secret, "ns", "key") => ("TOKEN", "s3cret"),
                _ => return None,
            };
            Some(Data::from([(found.0.to_owned(), found.1.as_bytes().to_vec())]))
        }
    }

    fn resolved(container: Value) -> Result<Env, Missing> {
        let pod = json!({"metadata": {"name": "p", "namespace": "ns"}, "spec": {"containers": []}});
        let pod = Arc::new(serde_json::from_value(pod).unwrap());
        let facts = Facts { pod, address: Ipv4Addr::new(10, 244, 1, 7), node: "sim-0".to_owned() };
        let mut container = container;
        container["name"] = "c".into();
        resolve(&serde_json::from_value(container).unwrap(), &facts, &Fixed)
    }

    #[track_caller]
    fn check(container: Value, name: &str, expected: Option<&str>) {
        assert_eq!(resolved(container).unwrap().get(name).map(String::as_str), expected);
    }

    #[test]
    fn variables() {
        check(json!({"env": [{"name": "X", "value": "1"}]}), "X", Some("1"));
        check(json!({"env": [{"name": "X"}]}), "X", Some(""));
        check(
            json!({"env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "$(X)/$(Z)/$$(X)"}]}),
            "Y",
            Some("1/$(Z)/$(X)"),
        );
        let ip = json!({"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}});
        check(json!({"env": [ip]}), "IP", Some("10.244.1.7"));
        check(json!({"envFrom": [{"prefix": "P_", "configMapRef": {"name": "map"}}]}), "P_A", Some("from map"));
        let secret = json!({"name": "T", "valueFrom": {"secretKeyRef": {"name": "key", "key": "TOKEN"}}});
        check(json!({"env": [secret]}), "T", Some("s3cret"));
        check(
            json!({"envFrom": [{"configMapRef": {"name": "map"}}], "env": [{"name": "A", "value": "own"}]}),
            "A",
            Some("own"),
        );
        check(json!({}), "HOSTNAME", Some("p"));
    }

    #[test]
    fn what_may_be_absent_is_left_out() {
        check(json!({"envFrom": [{"secretRef": {"name": "none", "optional": true}}]}), "A", None);
        let key = json!({"secretKeyRef": {"name": "key", "key": "NONE", "optional": true}});
        check(json!({"env": [{"name": "X", "valueFrom": key}]}), "X", None);
    }

    #[test]
    fn what_must_be_there_is_named() {
        let absent = resolved(json!({"envFrom": [{"secretRef": {"name": "none"}}]})).unwrap_err();
        assert_eq!(absent.to_string(), "secret \"ns/none\" not found");
        let key = json!({"configMapKeyRef": {"name": "map", "key": "NONE"}});
        let absent = resolved(json!({"env": [{"name": "X", "valueFrom": key}]})).unwrap_err();
        assert_eq!(absent.to_string(), "couldn't find key NONE in configmap ns/map");
    }
}
