//! What is in force: the snapshot of each Gateway, and its resources.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_gateway::snapshot::Snapshot;
use sluice_gateway::wire::{ResourceSet, encode, encode_after};
use tokio::sync::watch;

use crate::objects::key::Key;

/// What was published last. Nothing before the first publish, so that nobody is told of a world that is not whole yet.
pub(super) struct Publications(watch::Sender<Option<Arc<Published>>>);

/// All Gateways.
#[derive(Default)]
pub(super) struct Published(BTreeMap<Key, Publication>);

#[derive(Clone)]
struct Publication {
    snapshot: Arc<Snapshot>,
    resources: Arc<ResourceSet>,
}

impl Default for Publications {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Publications {
    /// Replaces what is in force; returns the version of each Gateway.
    pub(super) fn publish(&self, snapshots: BTreeMap<Key, Snapshot>) -> BTreeMap<Key, String> {
        let before = self.0.borrow().clone().unwrap_or_default();
        let each = snapshots.into_iter().map(|(key, snapshot)| {
            let publication = before.next(&key, snapshot);
            (key, publication)
        });
        let published = Published(each.collect());
        let versions = published.0.iter().map(|(key, p)| (key.clone(), p.resources.version().to_owned())).collect();
        if published.differs(&before) || self.0.borrow().is_none() {
            self.0.send_replace(Some(Arc::new(published)));
        }
        versions
    }

    /// Follows what is in force.
    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Arc<Published>>> {
        self.0.subscribe()
    }
}

impl Published {
    /// The resources of a Gateway.
    pub(super) fn resources(&self, gateway: &Key) -> Option<&Arc<ResourceSet>> {
        self.0.get(gateway).map(|publication| &publication.resources)
    }

    fn next(&self, key: &Key, snapshot: Snapshot) -> Publication {
        let known = self.0.get(key);
        if let Some(same) = known.filter(|known| *known.snapshot == snapshot) {
            return same.clone();
        }
        let resources = match known {
            Some(known) => encode_after(&snapshot, (&known.snapshot, &known.resources)),
            None => encode(&snapshot),
        };
        Publication { snapshot: Arc::new(snapshot), resources: Arc::new(resources) }
    }

    fn differs(&self, before: &Self) -> bool {
        let versions = |published: &Self| -> Vec<(Key, String)> {
            published.0.iter().map(|(key, p)| (key.clone(), p.resources.version().to_owned())).collect()
        };
        versions(self) != versions(before)
    }
}
