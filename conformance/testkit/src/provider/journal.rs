//! What a provider has seen.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Version};
use tokio::sync::watch;

use crate::steps::Watcher;
use crate::wait::within;

/// One request, as the provider saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method.
    pub method: Method,
    /// Path and query, byte for byte.
    pub target: String,
    /// Authority of the target (HTTP/2's `:authority`).
    pub authority: Option<String>,
    /// HTTP version.
    pub version: Version,
    /// Headers, names in lower case, in order of the first line of each name.
    pub headers: Vec<(String, String)>,
    /// The body, when it has been read.
    pub body: Bytes,
    /// The request's trailers.
    pub trailers: Option<HeaderMap>,
    /// Which connection it came on, counted from 1.
    pub connection: u64,
    /// Server name of the TLS handshake.
    pub sni: Option<String>,
    /// Protocol that ALPN settled on.
    pub alpn: Option<String>,
    /// When its head was complete.
    pub at: Instant,
    /// Bytes of the answer's body that the connection has taken.
    pub sent: usize,
    /// Bytes of the request's body that have been read.
    pub received: usize,
    /// How it ended, and when.
    pub end: Option<(Ended, Instant)>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The script was played to its end.
    Finished,
    /// Whoever asked went away before.
    Gone,
}

impl Seen {
    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }

    /// The first value of a header, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or("")
    }

    /// The host asked for, by header or authority.
    pub fn host(&self) -> &str {
        match self.header("host") {
            "" => self.authority.as_deref().unwrap_or(""),
            host => host,
        }
    }

    /// When whoever asked went away; `None` when it did not.
    pub fn gone(&self) -> Option<Instant> {
        self.end.filter(|(how, _)| *how == Ended::Gone).map(|(_, at)| at)
    }
}

/// All that a provider has seen.
#[derive(Clone, Default)]
pub struct Journal(Arc<Pages>);

struct Pages {
    requests: Mutex<Vec<Seen>>,
    changes: watch::Sender<()>,
    connections: AtomicU64,
    open: AtomicU64,
    handshakes: Mutex<Vec<String>>,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            requests: Mutex::default(),
            changes: watch::Sender::new(()),
            connections: AtomicU64::new(0),
            open: AtomicU64::new(0),
            handshakes: Mutex::default(),
        }
    }
}

/// One request's entry, open until it is dropped.
#[derive(Clone)]
pub(super) struct Entry(Arc<Open>);

struct Open {
    journal: Journal,
    index: usize,
}

impl Journal {
    /// All requests so far.
    pub fn all(&self) -> Vec<Seen> {
        self.0.requests.lock().unwrap().clone()
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> u64 {
        self.0.connections.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> u64 {
        self.0.open.load(Ordering::SeqCst)
    }

    /// What went wrong in TLS handshakes.
    pub fn failed_handshakes(&self) -> Vec<String> {
        self.0.handshakes.lock().unwrap().clone()
    }

    /// Looks at all requests after each change until `look` finds what it looks for.
    ///
    /// # Panics
    /// It does not within [`crate::wait::PATIENCE`]; says `what` was waited for.
    #[track_caller]
    pub fn wait<T>(&self, what: &str, mut look: impl FnMut(&[Seen]) -> Option<T>) -> impl Future<Output = T> {
        let journal = self.clone();
        within(what, async move {
            let mut changes = journal.0.changes.subscribe();
            loop {
                if let Some(found) = look(&journal.0.requests.lock().unwrap()) {
                    return found;
                }
                drop(changes.changed().await);
            }
        })
    }

    /// Waits until request number `index` (from 0) has arrived and ended.
    #[track_caller]
    pub fn wait_end(&self, index: usize) -> impl Future<Output = (Ended, Instant)> {
        self.wait("the end of a request at the provider", move |all| all.get(index).and_then(|seen| seen.end))
    }

    /// Waits until `n` requests have arrived.
    #[track_caller]
    pub fn wait_count(&self, n: usize) -> impl Future<Output = ()> {
        self.wait("requests at the provider", move |all| (all.len() >= n).then_some(()))
    }

    pub(super) fn connected(&self) -> u64 {
        self.0.open.fetch_add(1, Ordering::SeqCst);
        self.0.connections.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn disconnected(&self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.changes.send_replace(());
    }

    pub(super) fn handshake_failed(&self, error: String) {
        self.0.handshakes.lock().unwrap().push(error);
        self.0.changes.send_replace(());
    }

    pub(super) fn open(&self, seen: Seen) -> Entry {
        let index = {
            let mut requests = self.0.requests.lock().unwrap();
            requests.push(seen);
            requests.len() - 1
        };
        self.0.changes.send_replace(());
        Entry(Arc::new(Open { journal: self.clone(), index }))
    }

    fn update(&self, index: usize, change: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.0.requests.lock().unwrap().get_mut(index) {
            change(seen);
        }
        self.0.changes.send_replace(());
    }
}

impl Entry {
    pub(super) fn update(&self, change: impl FnOnce(&mut Seen)) {
        self.0.journal.update(self.0.index, change);
    }

    pub(super) fn end(&self, how: Ended) {
        self.update(|seen| {
            seen.end.get_or_insert((how, Instant::now()));
        });
    }
}

impl Watcher for Entry {
    fn sent(&mut self, bytes: usize) {
        self.update(|seen| seen.sent += bytes);
    }

    fn finished(&mut self) {
        self.end(Ended::Finished);
    }
}

impl Drop for Open {
    /// Dropped before its end: hyper lets go of handler and body when the connection or the stream breaks off.
    fn drop(&mut self) {
        self.journal.update(self.index, |seen| {
            seen.end.get_or_insert((Ended::Gone, Instant::now()));
        });
    }
}
