//! The data plane as a whole: snapshots in, sockets and the admin port out.

mod accept;
mod admin;
mod io;
pub mod pages;
mod sockets;
mod workers;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Error as IoError, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::engine::Engine;
use crate::engine::roots::SystemRoots;
use crate::proxy::{GatewayProxy, Shared};
use crate::snapshot::{Publisher, Snapshot};
use crate::telemetry::{AccessLog, Metrics, access_log};
use crate::upstream::{ConnectTo, Connector, Loopback, Resolver, Upstreams};
use accept::{Post, Socket};
use admin::Admin;
use sockets::{OpenSocket, Place, places};
use workers::Worker;

/// How long requests whose connection has ended may take to be logged.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How a data plane is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address of the listeners of Gateways that ask for none.
    pub bind: IpAddr,
    /// A listener's port → the local port it is served on; 0 is any free one.
    pub ports: BTreeMap<u16, u16>,
    /// Address of the admin port; port 0 is any free one.
    pub admin: SocketAddr,
    /// Where connections to some hosts really go.
    pub connect_to: Vec<ConnectTo>,
    /// Whether backends may be at loopback addresses.
    pub loopback: Loopback,
    /// What `Roots::System` means.
    pub system_roots: SystemRoots,
    /// Threads that serve requests, at least one; each has upstream connections of its own.
    pub workers: usize,
    /// How long running requests may go on when their socket closes.
    pub drain_timeout: Duration,
}

/// What became of one listener.
#[derive(Debug, Clone)]
pub struct Bound {
    /// Namespace and name of the Gateway.
    pub gateway: String,
    /// Name of the listener.
    pub listener: String,
    /// The port that the object says.
    pub port: u16,
    /// Where it is served, or why not.
    pub result: Result<SocketAddr, String>,
}

/// The data plane could not be started.
#[derive(Debug)]
pub enum StartError {
    /// The admin port cannot be bound there.
    Admin(SocketAddr, IoError),
    /// The trust anchors cannot be handed to the engine.
    Roots(IoError),
    /// The thread that writes the access log cannot be started.
    AccessLog(IoError),
    /// The threads that serve requests cannot be started.
    Workers(IoError),
    /// The metrics cannot be registered: a defect.
    Metrics(prometheus::Error),
}

/// A running data plane.
pub struct Server {
    options: Options,
    /// Its file of trust anchors lasts as long as this.
    _engine: Engine,
    shared: Arc<Shared>,
    workers: Vec<Arc<Worker>>,
    admin: Arc<Admin>,
    admin_address: SocketAddr,
    gateways: Mutex<BTreeMap<String, Gateway>>,
}

/// What runs for one Gateway, beside its snapshot.
struct Gateway {
    publisher: Publisher,
    sockets: BTreeMap<Place, OpenSocket>,
    /// Why a place is not served.
    failed: BTreeMap<Place, String>,
}

impl Server {
    /// Opens the admin port and prepares the engine; nothing is served before the first [`Server::apply`]. The access
    /// log goes to standard output.
    ///
    /// # Errors
    /// The admin port cannot be bound, or the system lacks something.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        Self::start_logging_to(Box::new(std::io::stdout()), options).await
    }

    /// The same with the access log written to `sink`, by a thread of its own.
    ///
    /// # Errors
    /// As of [`Server::start`].
    pub async fn start_logging_to(sink: Box<dyn Write + Send>, options: Options) -> Result<Self, StartError> {
        let refused = |cause| StartError::Admin(options.admin, cause);
        let (listener, admin_address) = pages::bind(options.admin).await.map_err(refused)?;
        let engine = Engine::new(&options.system_roots).map_err(StartError::Roots)?;
        let metrics = Arc::new(Metrics::new().map_err(StartError::Metrics)?);
        let upstreams = Upstreams::new(options.connect_to.clone(), options.loopback, Resolver::system());
        let access_log = AccessLog::start(sink, access_log::QUEUE, metrics.access_log_dropped());
        let access_log = access_log.map_err(StartError::AccessLog)?;
        let admin = Arc::new(Admin::new(Arc::clone(&metrics)));
        let connector = Arc::new(Connector::new(engine.conf()));
        let workers = Worker::start(options.workers, &connector).map_err(StartError::Workers)?;
        let shared = Arc::new(Shared::new(upstreams, metrics, access_log));
        tokio::spawn(pages::serve(Arc::clone(&admin), listener));
        Ok(Self { options, _engine: engine, shared, workers, admin, admin_address, gateways: Mutex::default() })
    }

    /// Puts snapshots in force, one for each Gateway, and lets the sockets follow them. A Gateway without a snapshot
    /// is gone: its sockets close. Returns what became of each listener.
    pub async fn apply(&self, snapshots: Vec<Snapshot>) -> Vec<Bound> {
        let mut gateways = self.gateways.lock().await;
        let snapshots: Vec<_> = snapshots.into_iter().map(Arc::new).collect();
        self.shared.upstreams.retain(&snapshots.iter().map(AsRef::as_ref).collect::<Vec<_>>());
        self.close_unwanted(&mut gateways, &snapshots).await;
        for snapshot in &snapshots {
            let gateway =
                gateways.entry(snapshot.gateway.clone()).or_insert_with(|| Gateway::new(Arc::clone(snapshot)));
            if gateway.publisher.publish(Arc::clone(snapshot)) {
                self.shared.metrics.published(&snapshot.gateway);
            }
            self.open_missing(gateway, snapshot);
        }
        let bound = snapshots.iter().flat_map(|s| self.bound(&gateways, s)).collect();
        self.admin.show(snapshots);
        bound
    }

    /// Where the admin port listens.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// What `/ready` says.
    pub fn set_ready(&self, ready: bool) {
        self.admin.ready.store(ready, Ordering::Release);
    }

    /// Adds or replaces a page of the admin port.
    pub fn publish_page(&self, path: &'static str, json: String) {
        self.admin.publish(path, json);
    }

    /// Stops listening, lets running requests finish within the drain limit, and returns when the last has ended and
    /// the access log is written.
    pub async fn drain(&self) {
        let gateways = std::mem::take(&mut *self.gateways.lock().await);
        let mut ending = Vec::new();
        for socket in gateways.into_values().flat_map(|gateway| gateway.sockets.into_values()) {
            ending.push(socket.close().await);
        }
        sockets::all_ended(ending, self.options.drain_timeout).await;
        self.shared.running.close();
        drop(tokio::time::timeout(LAST_WORDS, self.shared.running.wait()).await);
        let shared = Arc::clone(&self.shared);
        drop(tokio::task::spawn_blocking(move || shared.access_log.close()).await);
    }

    fn wanted(&self, snapshot: &Snapshot) -> Vec<Place> {
        let default = [self.options.bind];
        let addresses = if snapshot.addresses.is_empty() { &default[..] } else { &snapshot.addresses };
        places(snapshot.ports().into_keys(), addresses, &self.options.ports)
    }

    async fn close_unwanted(&self, gateways: &mut BTreeMap<String, Gateway>, snapshots: &[Arc<Snapshot>]) {
        for (name, gateway) in gateways.iter_mut() {
            let wanted = snapshots.iter().find(|s| s.gateway == *name).map(|s| self.wanted(s)).unwrap_or_default();
            let unwanted: Vec<_> = gateway.sockets.keys().filter(|place| !wanted.contains(place)).copied().collect();
            for socket in unwanted.iter().filter_map(|place| gateway.sockets.remove(place)) {
                // The task ends by itself, at the drain limit at the latest.
                drop(socket.close().await);
            }
        }
        gateways.retain(|name, _| snapshots.iter().any(|s| s.gateway == *name));
    }

    fn open_missing(&self, gateway: &mut Gateway, snapshot: &Snapshot) {
        gateway.failed.clear();
        for place in self.wanted(snapshot) {
            if gateway.sockets.contains_key(&place) {
                continue;
            }
            match self.open(place, gateway) {
                Ok(open) => drop(gateway.sockets.insert(place, open)),
                Err(error) => drop(gateway.failed.insert(place, error.to_string())),
            }
        }
    }

    fn open(&self, place: Place, gateway: &Gateway) -> Result<OpenSocket, IoError> {
        let post = |worker: &Arc<Worker>| {
            let (reader, shared) = (gateway.publisher.reader(), Arc::clone(&self.shared));
            let proxy = GatewayProxy::new(reader, place.port, shared, Arc::clone(worker.connections()));
            Post { worker: Arc::clone(worker), proxy: Arc::new(proxy) }
        };
        let posts = self.workers.iter().map(post).collect();
        let socket = Socket::new(posts, Arc::clone(&self.shared.metrics), self.options.drain_timeout);
        OpenSocket::open(place.address, socket)
    }

    fn bound(&self, gateways: &BTreeMap<String, Gateway>, snapshot: &Snapshot) -> Vec<Bound> {
        let Some(gateway) = gateways.get(&snapshot.gateway) else { return Vec::new() };
        let result = |port: u16| {
            let failed = gateway.failed.iter().find(|(place, _)| place.port == port);
            let open = gateway.sockets.iter().find(|(place, _)| place.port == port);
            match (failed, open) {
                (Some((place, why)), _) => Err(format!("{} cannot be bound: {why}", place.address)),
                (None, Some((_, socket))) => Ok(socket.address),
                (None, None) => Err("no address is configured".to_owned()),
            }
        };
        let listeners = snapshot.listeners().iter();
        listeners
            .map(|l| Bound {
                gateway: snapshot.gateway.clone(),
                listener: l.name.clone(),
                port: l.port,
                result: result(l.port),
            })
            .collect()
    }
}

impl Gateway {
    fn new(first: Arc<Snapshot>) -> Self {
        Self { publisher: Publisher::new(first), sockets: BTreeMap::new(), failed: BTreeMap::new() }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin(address, cause) => write!(f, "the admin port cannot be bound at {address}: {cause}"),
            Self::Roots(cause) => write!(f, "no temporary file can be written for the trust anchors: {cause}"),
            Self::Metrics(cause) => write!(f, "the metrics cannot be registered: {cause}"),
            Self::AccessLog(cause) => write!(f, "the access log cannot be started: {cause}"),
            Self::Workers(cause) => write!(f, "the threads that serve requests cannot be started: {cause}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Admin(_, cause) | Self::Roots(cause) | Self::AccessLog(cause) | Self::Workers(cause) => Some(cause),
            Self::Metrics(cause) => Some(cause),
        }
    }
}
