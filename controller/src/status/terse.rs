//! Statuses in a few lines, for people: one line for each condition, and nothing where all is said elsewhere.

use serde_json::{Map, Value, json};

use crate::api::ParentReference;
use crate::status::condition::{Condition, ConditionStatus, ConditionType};
use crate::status::statuses::{AncestorStatuses, GatewayStatus, ListenerStatus, Statuses};

impl Statuses {
    /// All statuses, by kind and object. An object with nothing to tell is left out.
    pub fn terse(&self) -> Value {
        let mut all = Map::new();
        for (key, status) in &self.gateway_classes {
            all.insert(format!("GatewayClass {key}"), lines(&status.conditions));
        }
        for (key, status) in &self.gateways {
            all.insert(format!("Gateway {key}"), gateway(status));
        }
        for (key, status) in &self.http_routes {
            all.insert(format!("HTTPRoute {key}"), ancestors(status));
        }
        for (key, status) in &self.backends {
            all.insert(format!("Backend {key}"), lines(&status.conditions));
        }
        for (key, status) in &self.backend_tls_policies {
            all.insert(format!("BackendTLSPolicy {key}"), ancestors(status));
        }
        for (key, status) in &self.envoy_proxies {
            all.insert(format!("EnvoyProxy {key}"), ancestors(status));
        }
        Value::Object(all)
    }
}

fn gateway(status: &GatewayStatus) -> Value {
    let mut fields = Map::new();
    fields.insert("conditions".to_owned(), lines(&status.conditions));
    if !status.addresses.is_empty() {
        fields.insert("addresses".to_owned(), json!(status.addresses));
    }
    for entry in &status.listeners {
        fields.insert(format!("listener {}", entry.name), listener(entry));
    }
    Value::Object(fields)
}

fn listener(status: &ListenerStatus) -> Value {
    let kinds: Vec<&str> = status.supported_kinds.iter().map(|k| k.kind.as_str()).collect();
    json!({
        "attachedRoutes": status.attached_routes,
        "supportedKinds": kinds.join(", "),
        "conditions": lines(&status.conditions),
    })
}

fn ancestors(statuses: &AncestorStatuses) -> Value {
    let entries = statuses.ancestors.iter().map(|a| (reference(&a.reference), lines(&a.conditions)));
    Value::Object(entries.collect())
}

/// `Gateway ai/gateway`, with `/listener` and `:port` where they are given.
fn reference(reference: &ParentReference) -> String {
    let ParentReference { group: _, kind, namespace, name, section_name, port } = reference;
    let namespace = namespace.as_ref().map_or_else(String::new, |n| format!("{n}/"));
    let section = section_name.as_ref().map_or_else(String::new, |s| format!("/{s}"));
    let port = port.map_or_else(String::new, |p| format!(":{p}"));
    format!("{kind} {namespace}{name}{section}{port}")
}

/// That nothing conflicts is not worth a line.
fn lines(conditions: &[Condition]) -> Value {
    let silent = |c: &&Condition| c.kind == ConditionType::Conflicted && c.status == ConditionStatus::False;
    conditions.iter().filter(|c| !silent(c)).map(|c| Value::String(c.to_string())).collect()
}
