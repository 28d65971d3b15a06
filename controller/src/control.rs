//! The control loop's body: objects in, snapshots to the data plane, statuses out.

use std::collections::BTreeMap;

use serde_json::json;
use sluice_gateway::server::{Bound, Server};
use sluice_gateway::snapshot::Snapshot;

use crate::kept::with_kept;
use crate::objects::key::Key;
use crate::sink::log::LogSink;
use crate::sink::page;
use crate::source::file::World;
use crate::status::Live;
use crate::translate::{Settings, Translation, translate};

/// What is in force.
#[derive(Default)]
pub struct Control {
    settings: Settings,
    sink: LogSink,
    snapshots: BTreeMap<Key, Snapshot>,
    bound: Vec<Bound>,
}

impl Control {
    /// Puts a world in force and tells what became of it.
    pub async fn turn(&mut self, world: &World, server: &Server) {
        let Translation { snapshots, statuses, infrastructure: _, findings } =
            translate(&world.objects, &self.settings);
        self.publish(with_kept(snapshots, &statuses, &self.snapshots), server).await;
        let statuses = statuses.settle(&live(&self.bound));
        let diagnostics = world.diagnose(findings);
        server.publish_page("/listeners", json!(page::listeners(&self.bound)).to_string());
        server.publish_page("/statuses", page::statuses(world, &statuses, &diagnostics).to_string());
        self.sink.tell(&diagnostics, &statuses);
    }

    /// What became of each listener.
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// Equal snapshots are not published again, unless a port may have become free meanwhile.
    async fn publish(&mut self, snapshots: BTreeMap<Key, Snapshot>, server: &Server) {
        let all_bound = self.bound.iter().all(|bound| bound.result.is_ok());
        if snapshots == self.snapshots && all_bound {
            return;
        }
        self.bound = server.apply(snapshots.values().cloned().collect()).await;
        self.snapshots = snapshots;
    }
}

fn live(bound: &[Bound]) -> Live {
    bound.iter().map(|b| (b.gateway.clone(), b.listener.clone(), b.result.clone())).collect()
}
