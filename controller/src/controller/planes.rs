//! The data planes of all Gateways, wherever they run.

use std::collections::BTreeMap;
use std::io;

use sluice_gateway::server::Bound;
use sluice_gateway::snapshot::Snapshot;

use super::host::HostPlane;
use crate::args::{ControllerArgs, Infrastructure};
use crate::kept::with_kept;
use crate::objects::key::Key;
use crate::status::Live;
use crate::translate::Translation;

/// What is served, and by whom.
pub(super) struct Planes {
    place: Place,
    snapshots: BTreeMap<Key, Snapshot>,
}

enum Place {
    /// In this process.
    Host(Box<HostPlane>),
    /// In pods of their own.
    Pods,
}

impl Planes {
    pub(super) async fn start(args: &ControllerArgs) -> io::Result<Self> {
        let place = match args.infrastructure {
            Infrastructure::Host => Place::Host(Box::new(HostPlane::start(args).await?)),
            Infrastructure::Kubernetes => Place::Pods,
        };
        Ok(Self { place, snapshots: BTreeMap::new() })
    }

    /// Puts a translation in force. A Gateway that is refused keeps what it serves.
    pub(super) async fn publish(&mut self, translation: &Translation) -> &BTreeMap<Key, Snapshot> {
        let Translation { snapshots, statuses, infrastructure: _, findings: _ } = translation;
        let snapshots = with_kept(snapshots.clone(), statuses, &self.snapshots);
        let all_bound = self.bound().iter().all(|bound| bound.result.is_ok());
        if snapshots != self.snapshots || !all_bound {
            match &mut self.place {
                Place::Host(host) => host.publish(snapshots.clone()).await,
                Place::Pods => {}
            }
            self.snapshots = snapshots;
        }
        &self.snapshots
    }

    /// Returns when the data planes report something new.
    pub(super) async fn changed(&mut self) {
        match &mut self.place {
            Place::Host(_) | Place::Pods => std::future::pending().await,
        }
    }

    /// What the data planes report.
    pub(super) fn live(&self) -> Live {
        match &self.place {
            Place::Host(host) => host.live(),
            Place::Pods => Live::default(),
        }
    }

    /// The listeners in this process.
    pub(super) fn bound(&self) -> &[Bound] {
        match &self.place {
            Place::Host(host) => host.bound(),
            Place::Pods => &[],
        }
    }

    /// Lets running requests end.
    pub(super) async fn drain(&self) {
        match &self.place {
            Place::Host(host) => host.drain().await,
            Place::Pods => {}
        }
    }
}
