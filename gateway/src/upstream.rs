//! Everything towards backends that outlives a snapshot: addresses, load, the identity of pooled connections.
//!
//! Keyed by cluster name and by hostname, so that a publish disturbs nothing that stays.

mod balance;
mod bundle;
mod connect_to;
mod connections;
mod idle;
mod link;
mod making;
#[cfg(test)]
mod name_server;
mod names;
mod peer;
mod resolver;
mod shared;
mod sweep;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

pub use balance::Pick;
pub use connect_to::{ConnectTo, InvalidConnectTo};
pub use connections::{Connected, Connection, Connections, Connector};
pub use link::Slot;
pub use peer::{CONNECT_TIMEOUT, Way};
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
    loopback: Loopback,
    connect_to: Vec<ConnectTo>,
    names: Names,
    balances: RwLock<HashMap<String, Arc<Balance>>>,
    peers: Peers,
}

/// Whether a backend may be at a loopback address, written or resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loopback {
    /// On one's own machine it may.
    #[default]
    Reachable,
    /// In a pod it would be the pod itself, whose admin port shows the local caller more than others.
    Refused,
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
    /// All of its addresses are loopback ones, which are refused.
    Loopback,
}

impl Upstreams {
    /// Starts with nothing known. The first one of `connect_to` that is about an endpoint decides.
    pub fn new(connect_to: Vec<ConnectTo>, loopback: Loopback, resolver: Resolver) -> Arc<Self> {
        let (balances, peers) = (RwLock::default(), Peers::default());
        Arc::new(Self { loopback, connect_to, names: Names::new(resolver), balances, peers })
    }

    /// Follows the snapshots in force, all of them: starts resolving the names that are new, stops those that are
    /// gone, keeps what is known of the others. To be called before each publish, on a tokio runtime.
    pub fn retain(&self, snapshots: &[&Snapshot]) {
        let clusters: Vec<_> = snapshots.iter().flat_map(|snapshot| clusters(snapshot)).collect();
        let used: BTreeSet<_> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        self.balances.write().unwrap_or_else(PoisonError::into_inner).retain(|name, _| used.contains(name.as_str()));
        self.peers.forget_unused();
        let endpoints = clusters.iter().flat_map(|cluster| &cluster.endpoints);
        let hostname = |endpoint: &Endpoint| match self.really(endpoint).into_owned() {
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
        match self.pick_known(cluster, tried) {
            Err(NoAddress::Pending) => {
                let first = tokio::time::timeout(CONNECT_TIMEOUT, self.first_addresses(cluster));
                let addresses = first.await.unwrap_or(Err(NoAddress::Pending))?;
                self.next_of(cluster, &addresses, tried)
            }
            known => known,
        }
    }

    /// The same from what is known now.
    ///
    /// # Errors
    /// As of [`Upstreams::pick`]; [`NoAddress::Pending`] where waiting may help.
    pub(crate) fn pick_known(&self, cluster: &Cluster, tried: &[SocketAddr]) -> Result<Pick, NoAddress> {
        self.next_of(cluster, &self.addresses(cluster)?, tried)
    }

    fn next_of(&self, cluster: &Cluster, addresses: &[SocketAddr], tried: &[SocketAddr]) -> Result<Pick, NoAddress> {
        self.balance(&cluster.name).pick(addresses, tried, Instant::now()).ok_or(NoAddress::NoEndpoint)
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
    /// attempt, the rule's and the backend's.
    pub fn way<'e>(
        &self,
        cluster: &Arc<Cluster>,
        pick: Pick,
        edits: impl IntoIterator<Item = &'e RequestEdit>,
    ) -> Arc<Way> {
        self.peers.way(cluster, pick, edits)
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
        let (mut addresses, mut missing) = (Vec::with_capacity(cluster.endpoints.len()), NoAddress::NoEndpoint);
        for endpoint in &cluster.endpoints {
            match &*self.really(endpoint) {
                Endpoint::Ip(address) => addresses.push(*address),
                Endpoint::Fqdn { hostname, port } => match &*self.names.answer(hostname) {
                    Answer::Known(ips) => addresses.extend(ips.iter().map(|ip| SocketAddr::new(*ip, *port))),
                    Answer::Pending => missing = NoAddress::Pending,
                    Answer::Failed(_) if missing == NoAddress::Pending => {}
                    Answer::Failed(why) => {
                        missing = NoAddress::Unresolved { hostname: hostname.clone(), why: why.clone() };
                    }
                },
            }
        }
        if self.loopback == Loopback::Refused && !addresses.is_empty() {
            addresses.retain(|address| !address.ip().to_canonical().is_loopback());
            missing = NoAddress::Loopback;
        }
        addresses.sort_unstable();
        addresses.dedup();
        if addresses.is_empty() { Err(missing) } else { Ok(addresses) }
    }

    fn really<'e>(&self, endpoint: &'e Endpoint) -> Cow<'e, Endpoint> {
        let moved = self.connect_to.iter().find_map(|moved| moved.apply(endpoint));
        moved.map_or(Cow::Borrowed(endpoint), Cow::Owned)
    }

    fn balance(&self, cluster: &str) -> Arc<Balance> {
        if let Some(balance) = self.balances.read().unwrap_or_else(PoisonError::into_inner).get(cluster) {
            return Arc::clone(balance);
        }
        let mut balances = self.balances.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(balances.entry(cluster.to_owned()).or_default())
    }
}

/// Each cluster once, however many rules lead to it.
fn clusters(snapshot: &Snapshot) -> impl Iterator<Item = &Cluster> {
    let mut seen = HashSet::new();
    let rules = snapshot.listeners().iter().flat_map(|listener| listener.routes.entries()).map(|entry| &entry.rule);
    let backends = rules.filter_map(|rule| match &rule.action {
        Action::Forward(backends) => Some(&backends.0),
        Action::Redirect(_) | Action::Answer(_) => None,
    });
    backends.flatten().filter_map(move |backend| match &backend.target {
        Target::Cluster(cluster) => seen.insert(Arc::as_ptr(cluster)).then_some(&**cluster),
        Target::Unresolved => None,
    })
}

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEndpoint => f.write_str("the backend has no endpoint"),
            Self::Unresolved { hostname, why } => write!(f, "{hostname:?} does not resolve: {why}"),
            Self::Pending => f.write_str("the backend's name is still being resolved"),
            Self::Loopback => f.write_str("the backend is at a loopback address, which is this data plane itself"),
        }
    }
}

impl std::error::Error for NoAddress {}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use hickory_proto::op::ResponseCode;

    use super::name_server::{NameServer, Zone};
    use super::*;
    use crate::cluster::{Backend, Backends, UpstreamProtocol};
    use crate::listener::{Listener, Protocol};
    use crate::route::table::{RouteEntry, RouteTable};
    use crate::route::{Precedence, RouteRule, Timeouts};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn fqdn(hostname: &str) -> Endpoint {
        Endpoint::Fqdn { hostname: hostname.to_owned(), port: 443 }
    }

    fn cluster(endpoints: Vec<Endpoint>) -> Cluster {
        Cluster { name: "backend/ai/qwen".to_owned(), endpoints, tls: None, protocol: UpstreamProtocol::Auto }
    }

    fn snapshot(cluster: &Cluster) -> Snapshot {
        let target = Target::Cluster(Arc::new(cluster.clone()));
        let rule = RouteRule {
            name: "httproute/ai/qwen/rule/0".to_owned(),
            matches: Vec::new(),
            edits: Vec::new(),
            response_edits: Vec::new(),
            action: Action::Forward(Backends(vec![Backend { weight: 1, target, edits: Vec::new() }])),
            timeouts: Timeouts::default(),
        };
        let routes = RouteTable::new(vec![RouteEntry {
            hosts: Vec::new(),
            precedence: Precedence::default(),
            rule: Arc::new(rule),
        }]);
        let listener = Listener { name: "http".to_owned(), port: 80, protocol: Protocol::Http, hostname: None, routes };
        Snapshot::new("ai/gateway".to_owned(), Vec::new(), vec![listener])
    }

    fn upstreams(server: &NameServer, connect_to: &[&str]) -> Arc<Upstreams> {
        let connect_to = connect_to.iter().map(|text| text.parse().unwrap()).collect();
        Upstreams::new(connect_to, Loopback::Reachable, Resolver::with_name_servers(&[server.address]).unwrap())
    }

    async fn picks(upstreams: &Upstreams, cluster: &Cluster, count: usize) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for _ in 0..count {
            found.insert(upstreams.pick(cluster, &[]).await.unwrap().address.to_string());
        }
        found
    }

    #[tokio::test]
    async fn all_addresses_of_all_endpoints_take_turns() {
        let server = NameServer::start(Zone::Addresses(vec![ip("10.0.0.2"), ip("10.0.0.1")], 30)).await;
        let fixed = Endpoint::Ip("10.0.0.3:80".parse().unwrap());
        let cluster = cluster(vec![fqdn("a.test"), fixed.clone(), fixed]);
        let upstreams = upstreams(&server, &[]);
        assert_eq!(
            picks(&upstreams, &cluster, 1).await,
            BTreeSet::from(["10.0.0.3:80".to_owned()]),
            "waits for no name"
        );
        upstreams.names.changes().changed().await.unwrap();
        let all = ["10.0.0.1:443", "10.0.0.2:443", "10.0.0.3:80"].map(str::to_owned);
        assert_eq!(picks(&upstreams, &cluster, 3).await, BTreeSet::from(all));
    }

    #[tokio::test]
    async fn first_requests_share_one_lookup() {
        let server = NameServer::start(Zone::Silent).await;
        let (upstreams, cluster) = (upstreams(&server, &[]), cluster(vec![fqdn("a.test")]));
        upstreams.retain(&[&snapshot(&cluster)]);
        let requests: Vec<_> = (0..20)
            .map(|_| {
                let (upstreams, cluster) = (Arc::clone(&upstreams), cluster.clone());
                tokio::spawn(async move { upstreams.pick(&cluster, &[]).await.unwrap().address })
            })
            .collect();
        server.set(Zone::Addresses(vec![ip("10.0.0.1")], 30));
        for request in requests {
            assert_eq!(request.await.unwrap(), "10.0.0.1:443".parse().unwrap());
        }
        assert_eq!(server.asked(), ["A a.test."]);
    }

    #[tokio::test]
    async fn changes_of_the_zone_arrive_by_themselves() {
        let server = NameServer::start(Zone::Addresses(vec![ip("10.0.0.1")], 1)).await;
        let (upstreams, cluster) = (upstreams(&server, &[]), cluster(vec![fqdn("a.test")]));
        upstreams.retain(&[&snapshot(&cluster)]);
        assert_eq!(picks(&upstreams, &cluster, 1).await, BTreeSet::from(["10.0.0.1:443".to_owned()]));
        let mut changes = upstreams.names.changes();
        server.set(Zone::Addresses(vec![ip("10.0.0.2")], 1));
        tokio::time::timeout(std::time::Duration::from_secs(2), changes.changed()).await.expect("TTL + 1 s").unwrap();
        assert_eq!(picks(&upstreams, &cluster, 1).await, BTreeSet::from(["10.0.0.2:443".to_owned()]));
    }

    #[tokio::test]
    async fn a_publish_keeps_what_stays_and_stops_what_is_gone() {
        let server = NameServer::start(Zone::Addresses(vec![ip("10.0.0.1"), ip("10.0.0.2")], 30)).await;
        let (upstreams, cluster) = (upstreams(&server, &[]), cluster(vec![fqdn("a.test")]));
        let snapshot = snapshot(&cluster);
        upstreams.retain(&[&snapshot]);
        let failed = upstreams.pick(&cluster, &[]).await.unwrap().address;
        upstreams.report_connect_failure(&cluster, failed);
        upstreams.retain(&[&snapshot]);
        assert!(!picks(&upstreams, &cluster, 4).await.contains(&failed.to_string()), "failures are remembered");
        assert_eq!(server.asked(), ["A a.test."], "addresses are remembered");
        upstreams.retain(&[]);
        assert!(upstreams.balances.read().unwrap().is_empty());
        assert_eq!(picks(&upstreams, &cluster, 4).await.len(), 2, "a request under the old snapshot still gets there");
        assert_eq!(server.asked(), ["A a.test."]);
    }

    #[tokio::test]
    async fn connect_to_changes_the_place_alone() {
        let server = NameServer::start(Zone::Addresses(vec![ip("10.0.0.9")], 30)).await;
        let upstreams = upstreams(&server, &["api.test:443:127.0.0.1:1", "other.test::stand-in.test:2"]);
        for (hostname, address, asked) in
            [("api.test", "127.0.0.1:1", None), ("other.test", "10.0.0.9:2", Some("A stand-in.test."))]
        {
            let cluster = cluster(vec![fqdn(hostname)]);
            assert_eq!(picks(&upstreams, &cluster, 1).await, BTreeSet::from([address.to_owned()]));
            assert_eq!(server.asked(), asked.as_slice());
        }
    }

    #[tokio::test]
    async fn loopback_is_refused_however_it_is_written() {
        let server = NameServer::start(Zone::Addresses(vec![ip("127.0.0.9")], 30)).await;
        let resolver = Resolver::with_name_servers(&[server.address]).unwrap();
        let upstreams = Upstreams::new(Vec::new(), Loopback::Refused, resolver);
        let fixed = |text: &str| Endpoint::Ip(text.parse().unwrap());
        for own in [fqdn("a.test"), fixed("127.0.0.1:19001"), fixed("[::1]:80"), fixed("[::ffff:127.0.0.1]:80")] {
            assert_eq!(upstreams.pick(&cluster(vec![own.clone()]), &[]).await, Err(NoAddress::Loopback), "{own:?}");
            let others = cluster(vec![own, fixed("10.0.0.3:80")]);
            assert_eq!(picks(&upstreams, &others, 2).await, BTreeSet::from(["10.0.0.3:80".to_owned()]));
        }
    }

    #[tokio::test]
    async fn nowhere_to_go_is_said() {
        let server = NameServer::start(Zone::Fails(ResponseCode::NXDomain)).await;
        let upstreams = upstreams(&server, &[]);
        let said = async |endpoints| upstreams.pick(&cluster(endpoints), &[]).await.unwrap_err().to_string();
        assert_eq!(said(vec![]).await, "the backend has no endpoint");
        assert_eq!(said(vec![fqdn("a.test")]).await, "\"a.test\" does not resolve: the name has no address");
    }
}
