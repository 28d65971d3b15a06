//! Everything one Gateway serves, wholly resolved, and how the newest version of it reaches the requests.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Serialize;

use crate::listener::Listener;
use crate::matcher::RequestParts;
use crate::matcher::host::HostPattern;
use crate::route::RouteRule;

/// The configuration of one Gateway. Immutable; what is equal is not published again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// Namespace and name of the Gateway, such as `ai/model-gateway`.
    pub gateway: String,
    /// Addresses that the Gateway asks for; the data plane's own default without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// Its listeners, the more specific hostname first among those of one port.
    listeners: Vec<Arc<Listener>>,
}

/// Where a request ended up.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The listener that took it.
    pub listener: &'a Arc<Listener>,
    /// The rule, or `None` when no rule matches (404).
    pub rule: Option<&'a Arc<RouteRule>>,
}

impl Snapshot {
    /// Puts listeners in order of specificity.
    pub fn new(gateway: String, addresses: Vec<IpAddr>, mut listeners: Vec<Listener>) -> Self {
        listeners.sort_by_key(|l| (l.port, Reverse(HostPattern::rank(l.hostname.as_ref()))));
        Self { gateway, addresses, listeners: listeners.into_iter().map(Arc::new).collect() }
    }

    /// All listeners.
    pub fn listeners(&self) -> &[Arc<Listener>] {
        &self.listeners
    }

    /// The listener names of each port.
    pub fn ports(&self) -> BTreeMap<u16, Vec<&str>> {
        let mut ports = BTreeMap::<u16, Vec<&str>>::new();
        for listener in &self.listeners {
            ports.entry(listener.port).or_default().push(&listener.name);
        }
        ports
    }

    /// Finds listener and rule for a request that came in on `port` for `host` (lower case, without port).
    ///
    /// `None` when no listener of the port is for that host. Listeners are isolated: the most specific one that
    /// matches decides, even if it has no rule for the request (Gateway API `Listener.hostname`).
    pub fn find(&self, port: u16, host: &str, request: &RequestParts<'_>) -> Option<Found<'_>> {
        let listener = self
            .listeners
            .iter()
            .filter(|l| l.port == port)
            .find(|l| l.hostname.as_ref().is_none_or(|pattern| pattern.holds(host)))?;
        Some(Found { listener, rule: listener.routes.find(host, request) })
    }
}

/// The writing end: swaps the snapshot that new requests see.
#[derive(Debug)]
pub struct Publisher(Arc<ArcSwap<Snapshot>>);

/// The reading end: cheap to clone, lock-free to load.
#[derive(Debug, Clone)]
pub struct Reader(Arc<ArcSwap<Snapshot>>);

impl Publisher {
    /// Starts with a first snapshot.
    pub fn new(first: Arc<Snapshot>) -> Self {
        Self(Arc::new(ArcSwap::new(first)))
    }

    /// Puts a snapshot in force for all requests that start from now on; says whether it differed.
    pub fn publish(&self, next: Arc<Snapshot>) -> bool {
        let differs = *self.0.load() != next;
        if differs {
            self.0.store(next);
        }
        differs
    }

    /// A reading end.
    pub fn reader(&self) -> Reader {
        Reader(Arc::clone(&self.0))
    }
}

impl Reader {
    /// The snapshot in force; a request loads it once and keeps it.
    pub fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;
    use crate::listener::Protocol;
    use crate::route::table::RouteTable;

    fn listener(port: u16, hostname: Option<&str>) -> Listener {
        let hostname = hostname.map(|h| h.parse().unwrap());
        let name = hostname.as_ref().map_or_else(|| format!("any-{port}"), HostPattern::to_string);
        Listener { name, port, protocol: Protocol::Http, hostname, routes: RouteTable::default() }
    }

    #[test]
    fn the_most_specific_listener_of_the_port_takes_a_request() {
        let hosts = [None, Some("*.example.com"), Some("*.a.example.com"), Some("x.a.example.com")];
        let listeners =
            hosts.map(|h| listener(80, h)).into_iter().chain([listener(81, Some("y.example.com"))]).collect();
        let snapshot = Snapshot::new("ns/gw".into(), Vec::new(), listeners);
        let headers = HeaderMap::new();
        let request = RequestParts { path: "/", query: None, method: &Method::GET, headers: &headers };
        let taker = |port, host| snapshot.find(port, host, &request).map(|found| found.listener.name.as_str());
        assert_eq!(taker(80, "x.a.example.com"), Some("x.a.example.com"));
        assert_eq!(taker(80, "y.a.example.com"), Some("*.a.example.com"));
        assert_eq!(taker(80, "y.example.com"), Some("*.example.com"));
        assert_eq!(taker(80, "other"), Some("any-80"));
        assert_eq!(taker(81, "other"), None);
    }

    #[test]
    fn what_is_equal_is_not_published_again() {
        let snapshot = |name: &str| Arc::new(Snapshot::new(name.into(), Vec::new(), Vec::new()));
        let publisher = Publisher::new(snapshot("a"));
        let reader = publisher.reader();
        let first = reader.load();
        assert!(!publisher.publish(snapshot("a")));
        assert!(Arc::ptr_eq(&first, &reader.load()));
        assert!(publisher.publish(snapshot("b")));
        assert_eq!(reader.load().gateway, "b");
        assert_eq!(first.gateway, "a", "who holds a snapshot keeps it");
    }
}
