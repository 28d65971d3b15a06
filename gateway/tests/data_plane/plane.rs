//! A data plane with one listener, and short words for what tests put into it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluice_gateway::cluster::{
    Backend, Backends, CaBundle, Cluster, Endpoint, Roots, Target, UpstreamProtocol, UpstreamTls,
};
use sluice_gateway::engine::roots::SystemRoots;
use sluice_gateway::filter::RequestEdit;
use sluice_gateway::filter::credential::{Credential, CredentialInjection};
use sluice_gateway::listener::{Listener, Protocol};
use sluice_gateway::matcher::RequestMatch;
use sluice_gateway::matcher::path::PathMatch;
use sluice_gateway::route::table::{RouteEntry, RouteTable};
use sluice_gateway::route::{Action, Precedence, RouteRule, Timeouts};
use sluice_gateway::server::{Bound, Options, Server};
use sluice_gateway::snapshot::Snapshot;
use sluice_gateway::upstream::Loopback;
use sluice_testkit::ca::Ca;
use sluice_testkit::client::http::Http;
use sluice_testkit::client::raw::{Raw, Reply};

pub(crate) const PORT: u16 = 8080;

pub(crate) struct Plane {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
}

impl Plane {
    /// Serves these rules, for every host.
    pub(crate) async fn new(rules: Vec<RouteRule>) -> Self {
        Self::with(options(), rules).await
    }

    pub(crate) async fn with(options: Options, rules: Vec<RouteRule>) -> Self {
        let server = Server::start_logging_to(Box::new(std::io::sink()), options).await.unwrap();
        let bound = server.apply(vec![snapshot(rules)]).await;
        let address = bound[0].result.clone().unwrap();
        Self { server, address }
    }

    /// Sends everything to one upstream.
    pub(crate) async fn to(upstream: SocketAddr) -> Self {
        Self::new(vec![forward("/", cluster("only", upstream))]).await
    }

    /// Puts other rules in force.
    pub(crate) async fn apply(&self, rules: Vec<RouteRule>) -> Vec<Bound> {
        self.server.apply(vec![snapshot(rules)]).await
    }

    /// One raw request on a connection of its own.
    pub(crate) async fn once(&self, request: &str) -> Reply {
        Raw::once(self.address, request).await
    }

    /// A GET on a connection of its own.
    pub(crate) async fn get(&self, target: &str) -> Reply {
        self.once(&format!("GET {target} HTTP/1.1\r\nHost: gateway.test\r\n\r\n")).await
    }

    /// A client of either version.
    pub(crate) async fn client(&self, version: Version) -> Http {
        match version {
            Version::Http1 => Http::http1(self.address).await,
            Version::H2c => Http::h2c(self.address).await,
        }
    }
}

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    H2c,
}

pub(crate) const VERSIONS: [Version; 2] = [Version::Http1, Version::H2c];

pub(crate) fn options() -> Options {
    Options {
        bind: "127.0.0.1".parse().unwrap(),
        ports: BTreeMap::from([(PORT, 0)]),
        admin: "127.0.0.1:0".parse().unwrap(),
        connect_to: Vec::new(),
        system_roots: SystemRoots::from_paths(None, None),
        workers: 2,
        loopback: Loopback::Reachable,
        drain_timeout: Duration::from_secs(5),
    }
}

pub(crate) fn snapshot(rules: Vec<RouteRule>) -> Snapshot {
    let entries = rules
        .into_iter()
        .map(|rule| RouteEntry { hosts: Vec::new(), precedence: Precedence::default(), rule: Arc::new(rule) })
        .collect();
    Snapshot::new("test/gateway".into(), Vec::new(), vec![listener("http", PORT, entries)])
}

pub(crate) fn listener(name: &str, port: u16, entries: Vec<RouteEntry>) -> Listener {
    Listener { name: name.into(), port, protocol: Protocol::Http, hostname: None, routes: RouteTable::new(entries) }
}

/// A rule for a prefix, without filters and limits.
pub(crate) fn rule(prefix: &str, action: Action) -> RouteRule {
    RouteRule {
        name: format!("httproute/test/route{prefix}/rule/0"),
        matches: vec![RequestMatch { path: PathMatch::prefix(prefix), ..RequestMatch::any() }],
        edits: Vec::new(),
        response_edits: Vec::new(),
        action,
        timeouts: Timeouts::default(),
    }
}

pub(crate) fn forward(prefix: &str, cluster: Cluster) -> RouteRule {
    rule(prefix, Action::Forward(Backends(vec![backend(cluster)])))
}

pub(crate) fn backend(cluster: Cluster) -> Backend {
    Backend { weight: 1, target: Target::Cluster(Arc::new(cluster)), edits: Vec::new() }
}

pub(crate) fn cluster(name: &str, address: SocketAddr) -> Cluster {
    Cluster {
        name: format!("backend/test/{name}"),
        endpoints: vec![Endpoint::Ip(address)],
        tls: None,
        protocol: UpstreamProtocol::Auto,
    }
}

/// TLS to a name, trusting one authority.
pub(crate) fn tls(hostname: &str, ca: &Ca) -> Option<UpstreamTls> {
    let bundle = CaBundle::from_pem(ca.pem().as_bytes()).unwrap();
    Some(UpstreamTls { hostname: hostname.into(), roots: Roots::Bundle(Arc::new(bundle)) })
}

pub(crate) fn credential(header: &str, value: &str, overwrite: bool) -> RequestEdit {
    let credential = Credential::new(value.as_bytes()).unwrap();
    RequestEdit::Credential(CredentialInjection { header: header.parse().unwrap(), credential, overwrite })
}

/// An address where nobody listens.
pub(crate) async fn refusing() -> SocketAddr {
    // Taken and given back: the system hands out another port before it comes to this one again.
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}
