//! An API server that misbehaves when a test asks for it: a proxy in front of the real one.
//!
//! It listens in plain HTTP on loopback and has a credential of its own for the API server, so that whoever uses it
//! needs none ([`FaultProxy::kubeconfig`]). Without a fault everything passes as it is, watches frame by frame.

mod answer;
mod call;
mod kind;
mod list;
mod server;
mod socket;
mod watch;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Bytes;
use kube::Client;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use kind::Fault;

/// What is sent to clients.
type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The proxy; it ends, with all its connections, when it is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

/// What all connections share.
struct State {
    upstream: Client,
    /// The fault in force.
    fault: tokio::sync::watch::Sender<Option<Fault>>,
    /// How often running watches were ended.
    expired: tokio::sync::watch::Sender<u64>,
    /// How many requests, streams and connections a fault was done to.
    hits: AtomicUsize,
    /// The first whole list of each path.
    recorded: Mutex<BTreeMap<String, Value>>,
}

impl FaultProxy {
    /// Starts before an API server, on a free port.
    ///
    /// # Errors
    /// There is no port to listen on.
    pub async fn start(upstream: Client) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            upstream,
            fault: tokio::sync::watch::Sender::new(None),
            expired: tokio::sync::watch::Sender::new(0),
            hits: AtomicUsize::new(0),
            recorded: Mutex::default(),
        });
        let serving = tokio::spawn(server::serve(listener, Arc::clone(&state)));
        Ok(Self { address, state, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig that leads here.
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: faults\n\
             clusters: [{{name: faults, cluster: {{server: \"http://{}\"}}}}]\n\
             users: [{{name: faults, user: {{}}}}]\n\
             contexts: [{{name: faults, context: {{cluster: faults, user: faults, namespace: default}}}}]\n",
            self.address
        )
    }

    /// Puts a fault in force, in place of one that is.
    pub fn inject(&self, fault: Fault) {
        self.state.hits.store(0, Ordering::SeqCst);
        self.state.fault.send_replace(Some(fault));
    }

    /// Ends the fault.
    pub fn clear(&self) {
        self.state.fault.send_replace(None);
    }

    /// Ends the running watches once, with code 410: whoever follows them has to list anew, and meets what is done to lists.
    pub fn expire_watches(&self) {
        self.state.expired.send_modify(|times| *times += 1);
    }

    /// How many requests, streams and connections the last fault was done to: zero means that nobody has noticed it.
    pub fn hits(&self) -> usize {
        self.state.hits.load(Ordering::SeqCst)
    }

    /// Forgets all lists: those that come next are what [`Fault::StaleLists`] will answer.
    pub fn record_anew(&self) {
        self.state.recorded.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    fn in_force(&self) -> Option<Fault> {
        self.fault.borrow().clone()
    }

    fn hit(&self) {
        self.hits.fetch_add(1, Ordering::SeqCst);
    }

    fn record(&self, path: &str, list: &Value) {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.entry(path.to_owned()).or_insert_with(|| list.clone());
    }

    fn recording(&self, path: &str) -> Option<Value> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

#[cfg(test)]
mod tests;
