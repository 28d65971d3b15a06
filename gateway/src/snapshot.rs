//! Everything one Gateway serves, wholly resolved, and how the newest version of it reaches the requests.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Serialize;

use crate::listener::Listener;
use crate::matcher::RequestParts;
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
        // Exact before wildcard before none; a longer wildcard before a shorter one.
        listeners.sort_by_key(|l| {
            let length = l.hostname.as_ref().map_or(0, |h| h.to_string().len());
            (
                l.port,
                l.hostname.is_none(),
                l.hostname.clone().map(|h| h.to_string().starts_with('*')),
                usize::MAX - length,
            )
        });
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
