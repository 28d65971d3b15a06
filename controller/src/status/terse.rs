//! Statuses in a few lines, for people: one line for each condition, and nothing where all is said elsewhere.

use serde_json::{Map, Value};

use crate::api::ParentReference;
use crate::status::condition::{Condition, ConditionType, Reason};
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
    let own = status.conditions.iter().filter(|c| !is_silent(c)).map(Condition::to_string);
    let addresses = status.addresses.iter().map(|address| format!("address {address}"));
    own.chain(addresses).chain(status.listeners.iter().flat_map(listener)).map(Value::String).collect()
}

/// What is attached, and then only what is not as it should be.
fn listener(status: &ListenerStatus) -> Vec<String> {
    let ListenerStatus { name, supported_kinds, attached_routes, conditions } = status;
    let kinds: Vec<&str> = supported_kinds.iter().map(|k| k.kind.as_str()).collect();
    let kinds = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
    let worth_a_line = |c: &&Condition| !is_silent(c) && c.reason != Reason::Pending && !c.is_as_it_should_be();
    let conditions = conditions.iter().filter(worth_a_line).map(|c| format!("listener {name}: {c}"));
    let first = format!("listener {name}: takes {kinds}, {attached_routes} attached");
    std::iter::once(first).chain(conditions).collect()
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

fn lines(conditions: &[Condition]) -> Value {
    conditions.iter().filter(|c| !is_silent(c)).map(|c| Value::String(c.to_string())).collect()
}

/// That nothing conflicts is not worth a line.
fn is_silent(condition: &Condition) -> bool {
    condition.kind == ConditionType::Conflicted && !condition.is_true()
}
