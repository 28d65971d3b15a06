//! What a world means, in pieces that can be compared byte by byte.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sluice_controller::finding::Finding;
use sluice_controller::objects::key::{Key, ObjectRef};
use sluice_controller::objects::{Kind, Objects};
use sluice_controller::source::kubernetes::Reading;
use sluice_controller::translate::{Settings, translate};
use sluice_gateway::listener::Listener;
use sluice_gateway::snapshot::Snapshot;

use crate::world::World;

/// A world's meaning.
pub(crate) struct Model {
    /// By name: `gateway ai/shared` (all but its routes), `rule ai/shared http httproute/ai/victim/rule/0`,
    /// `status HTTPRoute ai/victim`.
    pub(crate) pieces: BTreeMap<String, String>,
    /// The names of the rules of each listener, in order.
    pub(crate) orders: BTreeMap<String, Vec<String>>,
    pub(crate) told: Vec<Told>,
}

/// What is said of an object, by who reads it or by translation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Such as `HTTPRoute ai/victim`.
    pub(crate) object: String,
    pub(crate) field: String,
    pub(crate) message: String,
}

/// Objects as they were read from an API server.
#[derive(Clone)]
pub(crate) struct Read {
    objects: Objects,
    findings: BTreeMap<(Kind, Key), Vec<Finding>>,
}

impl Read {
    /// Reads a world, object by object.
    pub(crate) fn of(world: &World) -> Self {
        let mut read = Self { objects: Objects::default(), findings: BTreeMap::new() };
        world.iter().for_each(|((kind, key), value)| read.take(*kind, key, Some(value.clone())));
        read
    }

    /// One object as it is now, or its end.
    pub(crate) fn take(&mut self, kind: Kind, key: &str, value: Option<Value>) {
        let (namespace, name) = key.split_once('/').unwrap_or(("", key));
        let key = Key::new(namespace, name);
        self.objects.remove(kind, &key);
        let reading = value.map(|value| Reading::of(kind, &key, value)).unwrap_or_default();
        self.objects.absorb(reading.objects);
        self.findings.insert((kind, key), reading.findings);
    }
}

impl Model {
    /// Translates what was read.
    pub(crate) fn of(read: &Read) -> Self {
        let translation = translate(&read.objects, &Settings::default());
        let findings = read.findings.values().flatten().chain(&translation.findings);
        let told = |finding: &Finding| Told {
            object: finding.subject.to_string(),
            field: finding.field.clone(),
            message: finding.message.clone(),
        };
        let told = findings.map(told).collect();
        let mut model = Self { pieces: BTreeMap::new(), orders: BTreeMap::new(), told };
        translation.snapshots.iter().for_each(|(gateway, snapshot)| model.take_gateway(gateway, snapshot));
        for (kind, key) in read.findings.keys() {
            let object = ObjectRef { kind: kind.name(), key: key.clone() };
            if let Some(status) = translation.statuses.of(&object) {
                model.pieces.insert(format!("status {object}"), status.to_string());
            }
        }
        model
    }

    fn take_gateway(&mut self, gateway: &Key, snapshot: &Snapshot) {
        let mut skeleton = vec![json!([snapshot.gateway, snapshot.addresses])];
        for listener in snapshot.listeners() {
            let Listener { name, port, protocol, hostname, routes } = &**listener;
            skeleton.push(json!([name, port, protocol, hostname]));
            let order = self.orders.entry(format!("{gateway} {name}")).or_default();
            for entry in routes.entries() {
                let piece = format!("rule {gateway} {name} {}", entry.rule.name);
                order.push(piece.clone());
                self.pieces.insert(piece, serde_json::to_string(entry).unwrap());
            }
        }
        self.pieces.insert(format!("gateway {gateway}"), json!(skeleton).to_string());
    }

    /// The names of the pieces that are not, byte for byte, the same in both.
    pub(crate) fn difference(&self, other: &Self) -> BTreeSet<String> {
        let names = self.pieces.keys().chain(other.pieces.keys());
        names.filter(|name| self.pieces.get(*name) != other.pieces.get(*name)).cloned().collect()
    }

    /// The order of all rules but those.
    pub(crate) fn order_without(&self, left_out: &BTreeSet<String>) -> Vec<&str> {
        let all = self.orders.values().flatten();
        all.filter(|piece| !left_out.contains(*piece)).map(String::as_str).collect()
    }

    /// Whether the status of an object has a condition with this reason.
    pub(crate) fn has_reason(&self, object: &str, reason: &str) -> bool {
        let status = self.pieces.get(&format!("status {object}"));
        status.is_some_and(|status| status.contains(&format!("\"reason\":\"{reason}\"")))
    }
}
