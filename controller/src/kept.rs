//! What goes on being served although its Gateway is refused.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sluice_gateway::snapshot::Snapshot;

use crate::objects::key::Key;
use crate::status::Statuses;

/// A Gateway that is refused as a whole (its EnvoyProxy went bad) keeps what it serves, as Envoy Gateway has it.
pub(crate) fn with_kept(
    mut snapshots: BTreeMap<Key, Snapshot>,
    statuses: &Statuses,
    before: &BTreeMap<Key, Snapshot>,
) -> BTreeMap<Key, Snapshot> {
    for key in statuses.gateways.keys() {
        if let (Entry::Vacant(refused), Some(kept)) = (snapshots.entry(key.clone()), before.get(key)) {
            refused.insert(kept.clone());
        }
    }
    snapshots
}
