//! The stream to replicas: each data plane gets the snapshot of its own Gateway, as far as it does not hold it yet, and
//! says what became of it.
//!
//! ```text
//! replica                                         controller
//!   ── TLS (the replica checks the name of the Service), HTTP/2, `authorization: Bearer <its own token>` ──►
//!   ── Hello { gateway, replica, version, held } ──►
//!   ◄── Update { version, upserts, removals, complete } ──   only what differs from what is held
//!   ── Ack { version, listeners } | Nack { version, message } ──►
//! ```
//!
//! An update that is not answered holds back all that follow; when the answer comes, the newest one goes out. So a
//! burst is folded, and what is kept for a replica is bounded by what it holds and what it is to hold.
//!
//! Whoever has no token of a data plane learns nothing: no method, no name, no version.

pub mod acknowledged;
pub mod authenticate;
pub mod confirm;
mod gate;
pub mod identity;
mod listen;
mod metrics;
pub mod protocol;
mod publication;
mod role;
mod service;
mod session;
pub mod token_review;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use prometheus::Registry;
use sluice_gateway::snapshot::Snapshot;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::objects::key::Key;
use acknowledged::{Acknowledged, Board};
use authenticate::{AccountOf, Authenticator};
use confirm::Confirm;
use identity::ServerIdentity;
use metrics::Metrics;
use publication::Publications;
use service::Shared;

pub use role::Role;

/// How streams are served.
pub struct Options {
    /// Where to listen; port 0 is any free one.
    pub listen: SocketAddr,
    /// What the server shows.
    pub identity: ServerIdentity,
    /// Who a token belongs to.
    pub authenticator: Arc<dyn Authenticator>,
    /// Who may have which Gateway's snapshot.
    pub account: AccountOf,
    /// Whether what a replica holds, and the world lacks, is gone for certain.
    pub confirm: Arc<dyn Confirm>,
    /// Whether this controller is the one that replicas should follow.
    pub role: watch::Receiver<Role>,
    /// Where the metrics go.
    pub registry: Registry,
}

/// The server's side of all streams. Dropping it ends them.
pub struct Distributor {
    address: SocketAddr,
    publications: Arc<Publications>,
    board: Arc<Board>,
    tasks: Vec<JoinHandle<()>>,
}

impl Distributor {
    /// Listens. Streams wait for the first [`Distributor::publish`].
    ///
    /// # Errors
    /// The address cannot be bound, or the metrics are registered already.
    pub async fn start(options: Options) -> io::Result<Self> {
        let Options { listen, identity, authenticator, account, confirm, role, registry } = options;
        let listener = TcpListener::bind(listen).await?;
        let metrics = Metrics::register(&registry).map_err(io::Error::other)?;
        let address = listener.local_addr()?;
        let (publications, board) = (Arc::new(Publications::default()), Arc::new(Board::default()));
        let shared = Arc::new(Shared {
            authenticator,
            account,
            confirm,
            role,
            publications: Arc::clone(&publications),
            board: Arc::clone(&board),
            metrics,
        });
        let tls = identity.tls();
        let tasks = vec![tokio::spawn(identity.keep_fresh()), tokio::spawn(listen::serve(listener, tls, shared))];
        Ok(Self { address, publications, board, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts snapshots in force, one for each Gateway, and returns the version of each. What is equal to what was
    /// published before costs a comparison. Replicas of a Gateway that is not among them are left alone.
    pub fn publish(&self, snapshots: BTreeMap<Key, Snapshot>) -> BTreeMap<Key, String> {
        let versions = self.publications.publish(snapshots);
        self.board.publish(&versions);
        versions
    }

    /// What replicas have said; changes whenever one comes, goes or answers.
    pub fn acknowledged(&self) -> watch::Receiver<Acknowledged> {
        self.board.subscribe()
    }
}

impl Drop for Distributor {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
