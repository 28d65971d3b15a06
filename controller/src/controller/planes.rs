//! The data planes of all Gateways, wherever they run.

use std::collections::BTreeMap;

use sluice_gateway::server::Bound;
use sluice_gateway::snapshot::Snapshot;

use super::host::HostPlane;
use super::pods::PodPlanes;
use crate::kept::with_kept;
use crate::objects::Objects;
use crate::objects::key::Key;
use crate::status::Live;
use crate::translate::Translation;

/// What is served, and by whom.
pub(super) struct Planes {
    place: Place,
    snapshots: BTreeMap<Key, Snapshot>,
}

/// Where data planes run.
pub(super) enum Place {
    /// In this process.
    Host(Box<HostPlane>),
    /// In pods of their own.
    Pods(Box<PodPlanes>),
}

impl Planes {
    pub(super) fn new(place: Place) -> Self {
        Self { place, snapshots: BTreeMap::new() }
    }

    /// Puts a translation in force. A Gateway that is refused keeps what it serves.
    pub(super) async fn publish(&mut self, translation: &Translation, objects: &Objects) -> &BTreeMap<Key, Snapshot> {
        let Translation { snapshots, statuses, infrastructure, findings: _ } = translation;
        let snapshots = with_kept(snapshots.clone(), statuses, &self.snapshots);
        match &mut self.place {
            Place::Host(host) => {
                let all_bound = host.bound().iter().all(|bound| bound.result.is_ok());
                if snapshots != self.snapshots || !all_bound {
                    host.publish(snapshots.clone()).await;
                }
            }
            Place::Pods(pods) => {
                pods.want(infrastructure.clone(), objects, &statuses.controller_name);
                // Also the first time that there is nothing: replicas wait for it. It looks itself at what differs.
                pods.publish(snapshots.clone());
            }
        }
        self.snapshots = snapshots;
        &self.snapshots
    }

    /// Returns when the data planes report something new.
    pub(super) async fn changed(&mut self) {
        match &mut self.place {
            Place::Host(_) => std::future::pending().await,
            Place::Pods(pods) => pods.changed().await,
        }
    }

    /// What the data planes report.
    pub(super) fn live(&mut self) -> Live {
        match &mut self.place {
            Place::Host(host) => host.live(),
            Place::Pods(pods) => pods.live(),
        }
    }

    /// The listeners in this process.
    pub(super) fn bound(&self) -> &[Bound] {
        match &self.place {
            Place::Host(host) => host.bound(),
            Place::Pods(_) => &[],
        }
    }

    /// Lets running requests end.
    pub(super) async fn drain(&self) {
        match &self.place {
            Place::Host(host) => host.drain().await,
            Place::Pods(_) => {}
        }
    }
}
