//! What a pod may know of itself: the fields of `fieldRef` and `resourceFieldRef` (the downward API).

use std::net::Ipv4Addr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, ObjectFieldSelector, Pod, PodSpec, ResourceFieldSelector};

use crate::node::address;
use crate::node::missing::Missing;
use crate::node::quantity;

/// A pod and what the node decided about it.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The pod as it was when it came to the node.
    pub(crate) pod: Arc<Pod>,
    /// Its address.
    pub(crate) address: Ipv4Addr,
    /// The node's name.
    pub(crate) node: String,
}

impl Facts {
    /// The pod's namespace.
    pub(crate) fn namespace(&self) -> &str {
        self.pod.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// The pod's name.
    pub(crate) fn name(&self) -> &str {
        self.pod.metadata.name.as_deref().unwrap_or_default()
    }

    /// The pod's UID.
    pub(crate) fn uid(&self) -> &str {
        self.pod.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The pod's spec.
    pub(crate) fn spec(&self) -> Option<&PodSpec> {
        self.pod.spec.as_ref()
    }

    /// The pod's ServiceAccount.
    pub(crate) fn service_account(&self) -> &str {
        self.spec().and_then(|spec| spec.service_account_name.as_deref()).unwrap_or("default")
    }

    /// The value of a `fieldRef`.
    ///
    /// # Errors
    /// The downward API has no such field.
    pub(crate) fn field(&self, selector: &ObjectFieldSelector) -> Result<String, Missing> {
        let metadata = &self.pod.metadata;
        let path = selector.field_path.as_str();
        Ok(match path {
            "metadata.name" => self.name().to_owned(),
            "metadata.namespace" => self.namespace().to_owned(),
            "metadata.uid" => self.uid().to_owned(),
            "metadata.labels" => listed(metadata.labels.as_ref()),
            "metadata.annotations" => listed(metadata.annotations.as_ref()),
            "spec.nodeName" => self.node.clone(),
            "spec.serviceAccountName" => self.service_account().to_owned(),
            "status.podIP" | "status.podIPs" => self.address.to_string(),
            "status.hostIP" | "status.hostIPs" => address::NODE.to_string(),
            _ => match subscript(path) {
                Some(("metadata.labels", key)) => one(metadata.labels.as_ref(), key),
                Some(("metadata.annotations", key)) => one(metadata.annotations.as_ref(), key),
                _ => return Err(Missing::Field { path: path.to_owned() }),
            },
        })
    }

    /// The value of a `resourceFieldRef`, in units of its divisor and rounded up. A limit that is not set is what the
    /// node has.
    ///
    /// # Errors
    /// The downward API has no such field, or there is no such container.
    pub(crate) fn resource(&self, selector: &ResourceFieldSelector, own: &Container) -> Result<String, Missing> {
        let path = selector.resource.as_str();
        let unknown = || Missing::Field { path: path.to_owned() };
        let (kind, name) = path.split_once('.').ok_or_else(unknown)?;
        let resources = own.resources.as_ref();
        let set = match kind {
            "limits" => resources.and_then(|all| all.limits.as_ref()?.get(name)),
            "requests" => resources.and_then(|all| all.requests.as_ref()?.get(name)),
            _ => return Err(unknown()),
        };
        let value = match (set, kind, name) {
            (Some(quantity), _, _) => quantity::thousandths(&quantity.0).ok_or_else(unknown)?,
            (None, "limits", "cpu") => quantity::node_cpu(),
            (None, "limits", "memory") => quantity::NODE_MEMORY,
            (None, ..) => 0,
        };
        let divisor = selector.divisor.as_ref().and_then(|divisor| quantity::thousandths(&divisor.0));
        let divisor = divisor.filter(|divisor| *divisor > 0).unwrap_or(1000);
        Ok(value.div_ceil(divisor).to_string())
    }
}

/// `a['b']` → (a, b)
fn subscript(path: &str) -> Option<(&str, &str)> {
    let (map, key) = path.strip_suffix("']")?.split_once("['")?;
    Some((map, key))
}

type Map = std::collections::BTreeMap<String, String>;

fn one(map: Option<&Map>, key: &str) -> String {
    map.and_then(|map| map.get(key)).cloned().unwrap_or_default()
}

/// One `key="value"` a line, as the downward API's files have them.
fn listed(map: Option<&Map>) -> String {
    let lines = map.into_iter().flatten().map(|(key, value)| format!("{key}={value:?}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let pod = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "p", "namespace": "ns", "uid": "u", "labels": {"app": "x", "tier": "a\"b"}},
            "spec": {"containers": [], "serviceAccountName": "robot"},
        }));
        Facts { pod: Arc::new(pod.unwrap()), address: Ipv4Addr::new(10, 244, 1, 7), node: "sim-0".to_owned() }
    }

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        let selector = ObjectFieldSelector { field_path: path.to_owned(), api_version: None };
        assert_eq!(facts().field(&selector).ok().as_deref(), expected);
    }

    #[test]
    fn fields() {
        check("metadata.name", Some("p"));
        check("metadata.labels['app']", Some("x"));
        check("metadata.labels['none']", Some(""));
        check("metadata.labels", Some("app=\"x\"\ntier=\"a\\\"b\""));
        check("spec.serviceAccountName", Some("robot"));
        check("status.podIP", Some("10.244.1.7"));
        check("status.phase", None);
    }

    #[test]
    fn resources_are_in_units_of_the_divisor() {
        let container: Container = serde_json::from_value(serde_json::json!({
            "name": "c", "resources": {"limits": {"cpu": "1500m", "memory": "64Mi"}}
        }))
        .unwrap();
        let value = |resource: &str, divisor: Option<&str>| {
            let selector = serde_json::json!({"resource": resource, "divisor": divisor});
            facts().resource(&serde_json::from_value(selector).unwrap(), &container).ok()
        };
        assert_eq!(value("limits.cpu", None).as_deref(), Some("2"));
        assert_eq!(value("limits.cpu", Some("1m")).as_deref(), Some("1500"));
        assert_eq!(value("limits.memory", Some("1Mi")).as_deref(), Some("64"));
        assert_eq!(value("requests.cpu", None).as_deref(), Some("0"));
        assert_eq!(value("cpu", None), None);
    }
}
