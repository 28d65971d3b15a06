//! Everything towards backends that outlives a snapshot: addresses, load, the identity of pooled connections.
//!
//! Keyed by cluster name and by hostname, so that a publish disturbs nothing that stays.

mod balance;
mod bundle;
mod connect_to;
mod names;
mod peer;
mod resolver;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use pingora_core::upstreams::peer::HttpPeer;

pub use balance::Pick;
pub use connect_to::{ConnectTo, InvalidConnectTo};
pub use peer::CONNECT_TIMEOUT;
pub use resolver::Resolver;

use crate::cluster::{Cluster, Endpoint, Target};
use crate::filter::RequestEdit;
use crate::route::Action;
use crate::snapshot::Snapshot;
use balance::Balance;
use names::{Answer, Names};
use peer::Peers;

/// The state beside the snapshots; one for the whole process.
#[derive(Debug)]
pub struct Upstreams {
    connect_to: Vec<ConnectTo>,
    names: Names,
    balances: RwLock<HashMap<String, Arc<Balance>>>,
    peers: Peers,
}

/// A cluster has no address to connect to now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAddress {
    /// It has no endpoint at all.
    NoEndpoint,
    /// None of its names resolves: the last one, and why.
    Unresolved {
        /// The name.
        hostname: String,
        /// What its lookup said.
        why: String,
    },
    /// The first lookup of its names did not end within [`CONNECT_TIMEOUT`].
    Pending,
}

impl Upstreams {
    /// Starts with nothing known. The first one of `connect_to` that is about an endpoint decides.
    pub fn new(connect_to: Vec<ConnectTo>, resolver: Resolver) -> Arc<Self> {
        let (balances, peers) = (RwLock::default(), Peers::default());
        Arc::new(Self { connect_to, names: Names::new(resolver), balances, peers })
    }

    /// Follows the snapshots in force, all of them: starts resolving the names that are new, stops those that are
    /// gone, keeps what is known of the others. To be called before each publish, on a tokio runtime.
    pub fn retain(&self, snapshots: &[&Snapshot]) {
        let clusters: Vec<_> = snapshots.iter().flat_map(|snapshot| clusters(snapshot)).collect();
        let used: BTreeSet<_> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        self.balances.write().unwrap_or_else(PoisonError::into_inner).retain(|name, _| used.contains(name.as_str()));
        let endpoints = clusters.iter().flat_map(|cluster| &cluster.endpoints);
        let hostname = |endpoint: &Endpoint| match self.really(endpoint) {
            Endpoint::Fqdn { hostname, .. } => Some(hostname),
            Endpoint::Ip(_) => None,
        };
        self.names.retain(&endpoints.filter_map(hostname).collect());
    }

    /// The address for the next attempt of a request that has tried `tried`.
    ///
    /// All addresses of all endpoints take turns. A tried one comes again only when each was tried; those whose
    /// connection failed in the last 30 s go last. Waits for a lookup only while it is the first one of its name and
    /// the cluster has no other address, and for [`CONNECT_TIMEOUT`] at most.
    ///
    /// # Errors
    /// There is no address to try.
    pub async fn pick(&self, cluster: &Cluster, tried: &[SocketAddr]) -> Result<Pick, NoAddress> {
        let addresses = tokio::time::timeout(CONNECT_TIMEOUT, self.first_addresses(cluster));
        let addresses = addresses.await.unwrap_or(Err(NoAddress::Pending))?;
        self.balance(&cluster.name).pick(&addresses, tried, Instant::now()).ok_or(NoAddress::NoEndpoint)
    }

    /// A connection to an address of the cluster failed: others come before it for a while.
    pub fn report_connect_failure(&self, cluster: &Cluster, address: SocketAddr) {
        self.balance(&cluster.name).failed(address, Instant::now());
    }

    /// A new connection to an address of the cluster came about.
    pub fn report_connected(&self, cluster: &Cluster, address: SocketAddr) {
        self.balance(&cluster.name).connected(address);
    }

    /// What the engine needs for an attempt: address, TLS, HTTP version, connect timeouts, and the key that keeps
    /// connections of different backends, TLS policies and credentials apart. `edits` are all those in force for the
    /// attempt, the rule's and the backend's. The caller sets read and write timeouts.
    pub fn peer<'e>(
        &self,
        cluster: &Cluster,
        pick: Pick,
        edits: impl IntoIterator<Item = &'e RequestEdit>,
    ) -> HttpPeer {
        self.peers.peer(cluster, pick, edits)
    }

    async fn first_addresses(&self, cluster: &Cluster) -> Result<Vec<SocketAddr>, NoAddress> {
        let mut changes = self.names.changes();
        loop {
            match self.addresses(cluster) {
                // The sending end lives as long as `self`.
                Err(NoAddress::Pending) => drop(changes.changed().await),
                done => return done,
            }
        }
    }

    /// Everything known now, without duplicates.
    fn addresses(&self, cluster: &Cluster) -> Result<Vec<SocketAddr>, NoAddress> {
        let (mut addresses, mut missing) = (Vec::new(), NoAddress::NoEndpoint);
        for endpoint in &cluster.endpoints {
            match self.really(endpoint) {
                Endpoint::Ip(address) => addresses.push(address),
                Endpoint::Fqdn { hostname, port } => match &*self.names.answer(&hostname) {
                    Answer::Known(ips) => addresses.extend(ips.iter().map(|ip| SocketAddr::new(*ip, port))),
                    Answer::Pending => missing = NoAddress::Pending,
                    Answer::Failed(_) if missing == NoAddress::Pending => {}
                    Answer::Failed(why) => missing = NoAddress::Unresolved { hostname, why: why.clone() },
                },
            }
        }
        addresses.sort_unstable();
        addresses.dedup();
        if addresses.is_empty() { Err(missing) } else { Ok(addresses) }
    }

    fn really(&self, endpoint: &Endpoint) -> Endpoint {
        self.connect_to.iter().find_map(|moved| moved.apply(endpoint)).unwrap_or_else(|| endpoint.clone())
    }

    fn balance(&self, cluster: &str) -> Arc<Balance> {
        if let Some(balance) = self.balances.read().unwrap_or_else(PoisonError::into_inner).get(cluster) {
            return Arc::clone(balance);
        }
        let mut balances = self.balances.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(balances.entry(cluster.to_owned()).or_default())
    }
}

fn clusters(snapshot: &Snapshot) -> impl Iterator<Item = &Cluster> {
    let rules = snapshot.listeners().iter().flat_map(|listener| listener.routes.entries()).map(|entry| &entry.rule);
    let backends = rules.filter_map(|rule| match &rule.action {
        Action::Forward(backends) => Some(&backends.0),
        Action::Redirect(_) | Action::Answer(_) => None,
    });
    backends.flatten().filter_map(|backend| match &backend.target {
        Target::Cluster(cluster) => Some(&**cluster),
        Target::Unresolved => None,
    })
}

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEndpoint => f.write_str("the backend has no endpoint"),
            Self::Unresolved { hostname, why } => write!(f, "{hostname:?} does not resolve: {why}"),
            Self::Pending => f.write_str("the backend's name is still being resolved"),
        }
    }
}

impl std::error::Error for NoAddress {}
