//! What the admin port shows, made when it is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sluice_gateway::snapshot::Snapshot;

use crate::diagnostic::Diagnostic;
use crate::objects::Kind;
use crate::objects::key::{Key, ObjectRef};
use crate::status::Statuses;

/// What is in force. All of it is safe to show: credentials have no text.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) snapshots: BTreeMap<Key, Snapshot>,
    pub(super) statuses: Arc<Statuses>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Shown {
    /// `/statuses`: the status of each object that has one, as Kubernetes has it, and all findings.
    pub(super) fn statuses(&self) -> Value {
        let s = &self.statuses;
        let keys = |kind: Kind| -> Vec<&Key> {
            match kind {
                Kind::GatewayClass => s.gateway_classes.keys().collect(),
                Kind::Gateway => s.gateways.keys().collect(),
                Kind::HTTPRoute => s.http_routes.keys().collect(),
                Kind::Backend => s.backends.keys().collect(),
                Kind::BackendTLSPolicy => s.backend_tls_policies.keys().collect(),
                Kind::EnvoyProxy => s.envoy_proxies.keys().collect(),
                _ => Vec::new(),
            }
        };
        let mut objects = Map::new();
        for kind in Kind::ALL {
            for key in keys(*kind) {
                let object = ObjectRef { kind: kind.name(), key: key.clone() };
                objects.extend(s.of(&object).map(|status| (object.to_string(), status)));
            }
        }
        json!({ "objects": objects, "findings": self.diagnostics })
    }

    /// `/config_dump`: what each Gateway serves.
    pub(super) fn config_dump(&self) -> Value {
        json!({ "gateways": self.snapshots.values().collect::<Vec<_>>() })
    }
}
