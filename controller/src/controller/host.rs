//! Data planes in this process, for one machine: each Gateway at an address of its own.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use sluice_gateway::engine::roots::SystemRoots;
use sluice_gateway::server::{Bound, Options, Server};
use sluice_gateway::snapshot::Snapshot;
use sluice_gateway::upstream::Loopback;

use super::addresses::Addresses;
use crate::args::ControllerArgs;
use crate::objects::key::Key;
use crate::status::Live;

/// Any port of this machine alone: the controller's admin port is the one to look at.
const HIDDEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The data plane of all Gateways.
pub(super) struct HostPlane {
    server: Server,
    addresses: Addresses,
    bound: Vec<Bound>,
}

impl HostPlane {
    pub(super) async fn start(args: &ControllerArgs) -> io::Result<Self> {
        let options = Options {
            bind: Ipv4Addr::LOCALHOST.into(),
            ports: BTreeMap::new(),
            admin: HIDDEN,
            connect_to: Vec::new(),
            system_roots: SystemRoots::load(),
            workers: available_parallelism().map_or(1, NonZeroUsize::get),
            loopback: Loopback::Reachable,
            drain_timeout: args.drain_timeout,
        };
        let server = Server::start(options).await.map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self { server, addresses: Addresses::new(args.host_addresses), bound: Vec::new() })
    }

    /// Serves these snapshots, each at the addresses it asks for, else at one of the range.
    pub(super) async fn publish(&mut self, mut snapshots: BTreeMap<Key, Snapshot>) {
        let without = snapshots.iter().filter(|(_, snapshot)| snapshot.addresses.is_empty());
        let assigned = self.addresses.assign(without.map(|(key, _)| key));
        for (key, address) in assigned {
            if let Some(snapshot) = snapshots.get_mut(key) {
                snapshot.addresses.push(*address);
            }
        }
        snapshots.retain(|key, snapshot| {
            let has_place = !snapshot.addresses.is_empty();
            if !has_place {
                tracing::error!(gateway = %key, "no address of --host-addresses is free: give a larger range");
            }
            has_place
        });
        self.bound = self.server.apply(snapshots.into_values().collect()).await;
    }

    pub(super) fn bound(&self) -> &[Bound] {
        &self.bound
    }

    pub(super) fn live(&self) -> Live {
        self.bound.iter().map(|b| (b.gateway.clone(), b.listener.clone(), b.result.clone())).collect()
    }

    pub(super) async fn drain(&self) {
        self.server.drain().await;
    }
}
