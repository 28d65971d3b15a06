//! All objects as they were read last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::finding::Finding;
use crate::objects::key::Key;
use crate::objects::{Kind, Objects};
use crate::source::kubernetes::{Batch, Change};

/// The label that says whose an EndpointSlice is.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The objects, and what is to be told of how they were read.
#[derive(Debug, Default)]
pub(super) struct World {
    objects: Arc<Objects>,
    findings: BTreeMap<(Kind, Key), Vec<Finding>>,
    complete: BTreeSet<Kind>,
}

impl World {
    /// Lays a batch into the world; says whether anything is different for a translation. The echo of a status that was
    /// written is not.
    pub(super) fn take(&mut self, batch: Batch) -> bool {
        let Batch { changes, complete } = batch;
        self.complete.extend(complete);
        // Nobody else holds them between two turns, so that this copies nothing.
        let objects = Arc::make_mut(&mut self.objects);
        let mut differs = false;
        for ((kind, key), change) in changes {
            let findings = match change {
                Change::Is(reading) => {
                    let is_left_out = reading.objects.count(kind) == 0;
                    differs |= if is_left_out { objects.remove(kind, &key) } else { objects.absorb(reading.objects) };
                    reading.findings
                }
                Change::Gone => {
                    differs |= objects.remove(kind, &key);
                    Vec::new()
                }
            };
            let before = self.findings.remove(&(kind, key.clone())).unwrap_or_default();
            differs |= before != findings;
            if !findings.is_empty() {
                self.findings.insert((kind, key), findings);
            }
        }
        differs
    }

    /// Whether every kind was read whole at least once, or is not served.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.len() == Kind::ALL.len()
    }

    pub(super) fn contains(&self, kind: Kind, key: &Key) -> bool {
        self.objects.contains(kind, key)
    }

    /// Whether there is an EndpointSlice of a Service.
    pub(super) fn has_slices(&self, service: &Key) -> bool {
        let is_of = |labels: &BTreeMap<String, String>| labels.get(SERVICE_NAME) == Some(&service.name);
        let slices = self.objects.endpoint_slices.iter();
        slices.filter(|(key, _)| key.namespace == service.namespace).any(|(_, slice)| is_of(&slice.meta.labels))
    }

    pub(super) fn objects(&self) -> Arc<Objects> {
        Arc::clone(&self.objects)
    }

    /// All that is to be told: what reading found, and what translation found.
    pub(super) fn diagnose(&self, translated: &[Finding]) -> Vec<Diagnostic> {
        let all = self.findings.values().flatten().chain(translated).cloned();
        let mut all: Vec<_> = all.map(|finding| Diagnostic::new(finding, None)).collect();
        all.sort();
        all
    }
}

/// Whether objects of a kind have a status of which we write anything.
pub(super) fn has_status(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::GatewayClass
            | Kind::Gateway
            | Kind::HTTPRoute
            | Kind::Backend
            | Kind::BackendTLSPolicy
            | Kind::EnvoyProxy
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::source::kubernetes::Reading;

    fn batch(change: Option<u32>) -> Batch {
        let change = change.map_or(Change::Gone, |port| {
            let mut reading = Reading::default();
            let spec = json!({"endpoints": [{"ip": {"address": "1.2.3.4", "port": port}}]});
            let object = json!({"metadata": {"namespace": "ns", "name": "b"}, "spec": spec, "status": {"x": 1}});
            reading.objects.insert(Kind::Backend, object).unwrap();
            Change::Is(Box::new(reading))
        });
        Batch { changes: [((Kind::Backend, Key::new("ns", "b")), change)].into(), ..Batch::default() }
    }

    #[test]
    fn an_echo_changes_nothing() {
        let mut world = World::default();
        assert!(world.take(batch(Some(1))));
        assert!(!world.take(batch(Some(1))));
        assert!(world.take(batch(Some(2))));
        assert!(world.take(batch(None)));
        assert!(!world.take(batch(None)));
    }

    #[test]
    fn it_is_complete_when_every_kind_is() {
        let mut world = World::default();
        for kind in Kind::ALL {
            assert!(!world.is_complete());
            world.take(Batch { complete: [*kind].into(), ..Batch::default() });
        }
        assert!(world.is_complete());
    }
}
