//! Statuses as Kubernetes has them, but for the times, which whoever writes them adds.

use serde_json::{Map, Value, json};

use crate::api::{ParentReference, RouteGroupKind};
use crate::objects::Kind;
use crate::objects::key::ObjectRef;
use crate::status::condition::Condition;
use crate::status::feature::SUPPORTED_FEATURES;
use crate::status::statuses::{
    AncestorStatus, AncestorStatuses, GatewayStatus, ListenerStatus, ObjectStatus, Statuses,
};

/// Longest message that the API server takes (`metav1.Condition.message`).
const LONGEST_MESSAGE: usize = 32_768;

impl Statuses {
    /// The `status` of one object, if it has one.
    pub fn of(&self, object: &ObjectRef) -> Option<Value> {
        let ObjectRef { kind, key } = object;
        let controller = self.controller_name.as_str();
        match Kind::ALL.iter().find(|k| k.name() == *kind)? {
            Kind::GatewayClass => self.gateway_classes.get(key).map(gateway_class),
            Kind::Gateway => self.gateways.get(key).map(gateway),
            Kind::HTTPRoute => self.http_routes.get(key).map(|s| ancestors("parents", "parentRef", controller, s)),
            Kind::Backend => self.backends.get(key).map(object_status),
            Kind::BackendTLSPolicy => {
                self.backend_tls_policies.get(key).map(|s| ancestors("ancestors", "ancestorRef", controller, s))
            }
            Kind::EnvoyProxy => {
                self.envoy_proxies.get(key).map(|s| ancestors("ancestors", "ancestorRef", controller, s))
            }
            Kind::ReferenceGrant
            | Kind::HTTPRouteFilter
            | Kind::Secret
            | Kind::ConfigMap
            | Kind::Service
            | Kind::EndpointSlice
            | Kind::Namespace => None,
        }
    }
}

fn gateway_class(status: &ObjectStatus) -> Value {
    let features: Vec<Value> = SUPPORTED_FEATURES.iter().map(|name| json!({ "name": name })).collect();
    json!({ "conditions": conditions(&status.conditions, status.generation), "supportedFeatures": features })
}

fn object_status(status: &ObjectStatus) -> Value {
    json!({ "conditions": conditions(&status.conditions, status.generation) })
}

fn gateway(status: &GatewayStatus) -> Value {
    let addresses: Vec<Value> =
        status.addresses.iter().map(|a| json!({ "type": a.kind(), "value": a.to_string() })).collect();
    let listeners: Vec<Value> = status.listeners.iter().map(|l| listener(l, status.generation)).collect();
    json!({
        "addresses": addresses,
        "conditions": conditions(&status.conditions, status.generation),
        "listeners": listeners,
    })
}

fn listener(status: &ListenerStatus, generation: i64) -> Value {
    let kind = |k: &RouteGroupKind| json!({ "group": k.group, "kind": k.kind });
    json!({
        "name": status.name,
        "supportedKinds": status.supported_kinds.iter().map(kind).collect::<Vec<_>>(),
        "attachedRoutes": status.attached_routes,
        "conditions": conditions(&status.conditions, generation),
    })
}

fn ancestors(list: &str, reference: &str, controller: &str, statuses: &AncestorStatuses) -> Value {
    let entry = |status: &AncestorStatus| {
        json!({
            reference: parent_reference(&status.reference),
            "controllerName": controller,
            "conditions": conditions(&status.conditions, statuses.generation),
        })
    };
    json!({ list: statuses.ancestors.iter().map(entry).collect::<Vec<_>>() })
}

fn conditions(all: &[Condition], generation: i64) -> Vec<Value> {
    let one = |c: &Condition| {
        json!({
            "type": c.kind.as_str(),
            "status": c.status.as_str(),
            "reason": c.reason.as_str(),
            "message": truncated(&c.message),
            "observedGeneration": generation,
        })
    };
    all.iter().map(one).collect()
}

fn truncated(message: &str) -> &str {
    &message[..message.floor_char_boundary(LONGEST_MESSAGE)]
}

fn parent_reference(reference: &ParentReference) -> Value {
    let ParentReference { group, kind, namespace, name, section_name, port } = reference;
    let mut fields = Map::new();
    fields.insert("group".to_owned(), json!(group));
    fields.insert("kind".to_owned(), json!(kind));
    if let Some(namespace) = namespace {
        fields.insert("namespace".to_owned(), json!(namespace));
    }
    fields.insert("name".to_owned(), json!(name));
    if let Some(section_name) = section_name {
        fields.insert("sectionName".to_owned(), json!(section_name));
    }
    if let Some(port) = port {
        fields.insert("port".to_owned(), json!(port));
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_end_where_the_api_server_would_refuse_them() {
        let long = "é".repeat(LONGEST_MESSAGE);
        assert_eq!(truncated(&long).len(), LONGEST_MESSAGE);
        assert_eq!(truncated("short"), "short");
    }
}
