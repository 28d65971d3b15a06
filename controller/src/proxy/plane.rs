//! The data plane as the stream sees it: updates in, what became of them out.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use serde_json::json;
use sluice_gateway::server::{Bound, Server};
use sluice_gateway::snapshot::Snapshot;
use sluice_gateway::wire::{Assembly, Change};

use crate::distribute::protocol::{Ack, Holding, ListenerState, Nack, Said};
use crate::sink::page;

/// A server with what it serves.
pub struct Plane {
    server: Server,
    assembly: Assembly,
    /// What is in force.
    current: Option<Current>,
    on_ready: OnReady,
}

/// Hears of the first version: the admin port, and what became of each listener.
pub type OnReady = fn(SocketAddr, &[Bound]) -> io::Result<()>;

struct Current {
    version: String,
    snapshot: Snapshot,
    bound: Vec<Bound>,
}

impl Plane {
    /// A server that serves nothing yet.
    pub fn new(server: Server, on_ready: OnReady) -> Self {
        Self { server, assembly: Assembly::default(), current: None, on_ready }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The version in force; empty before the first.
    pub fn version(&self) -> &str {
        self.current.as_ref().map_or("", |current| &current.version)
    }

    /// What is held, for the controller to know what is lacking.
    pub(super) fn held(&self) -> Vec<Holding> {
        let holding = |(name, hash): (&str, &Bytes)| Holding { name: name.to_owned(), hash: hash.clone() };
        self.assembly.held().map(holding).collect()
    }

    /// What became of each listener.
    pub(super) fn listeners(&self) -> Vec<ListenerState> {
        self.current.as_ref().map_or_else(Vec::new, |current| current.bound.iter().map(state).collect())
    }

    /// Puts an update in force, or keeps what is.
    pub(super) async fn apply(&mut self, version: String, change: Change) -> Said {
        match self.assembly.apply(change) {
            Ok(mut snapshot) => {
                // In Kubernetes the addresses of a Gateway are those of its Service; a pod has its own.
                snapshot.addresses.clear();
                self.serve(version.clone(), snapshot).await;
                Said::Ack(Ack { version, listeners: self.listeners() })
            }
            Err(error) => {
                tracing::error!(version, %error, "an update cannot be put in force; what is served stays as it was");
                Said::Nack(Nack { version, message: error.to_string() })
            }
        }
    }

    /// True when a listener has no socket: its port may become free.
    pub(super) fn lacks_sockets(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.bound.iter().any(|bound| bound.result.is_err()))
    }

    /// Tries again to open what is missing; says so when that changed something.
    pub(super) async fn retry_sockets(&mut self) -> Option<Said> {
        let before = self.listeners();
        let current = self.current.as_ref()?;
        let (version, snapshot) = (current.version.clone(), current.snapshot.clone());
        self.serve(version.clone(), snapshot).await;
        let listeners = self.listeners();
        (listeners != before).then_some(Said::Ack(Ack { version, listeners }))
    }

    async fn serve(&mut self, version: String, snapshot: Snapshot) {
        let is_first = self.current.is_none();
        let bound = self.server.apply(vec![snapshot.clone()]).await;
        self.server.publish_page("/listeners", json!(page::listeners(&bound)).to_string());
        self.server.publish_page("/version", json!({ "version": version }).to_string());
        if is_first {
            self.server.set_ready(true);
            // Nobody may be listening; requests are what matters.
            drop((self.on_ready)(self.server.admin_address(), &bound));
        }
        tracing::info!(version, "in force");
        self.current = Some(Current { version, snapshot, bound });
    }
}

fn state(bound: &Bound) -> ListenerState {
    let Bound { gateway: _, listener, port: _, result } = bound;
    let (address, problem) = match result {
        Ok(address) => (address.to_string(), String::new()),
        Err(why) => (String::new(), why.clone()),
    };
    ListenerState { name: listener.clone(), address, problem }
}
