//! What replicas have said of the versions that they were sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::protocol::ListenerState;
use crate::objects::key::Key;

/// Longest text of a replica that is kept.
const MAX_TEXT: usize = 1024;
/// Most listeners of a Gateway (Gateway API `GatewaySpec.listeners`, and as many again from ListenerSets).
const MAX_LISTENERS: usize = 128;

/// The replicas of each Gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acknowledged(pub BTreeMap<Key, Replicas>);

/// The replicas of one Gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replicas {
    /// The version that was published last; `None` for a Gateway that was not published.
    pub published: Option<String>,
    /// Those that are connected, by name.
    pub connected: BTreeMap<String, Replica>,
}

/// One replica.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replica {
    /// The version that it serves.
    pub version: Option<String>,
    /// The version that it refused, and why.
    pub refused: Option<Refusal>,
    /// Where it serves each listener, or why not.
    pub listeners: BTreeMap<String, Result<SocketAddr, String>>,
    /// Which connection said so.
    connection: u64,
}

/// A version that a replica cannot put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which.
    pub version: String,
    /// Why.
    pub message: String,
}

impl Replicas {
    /// The replicas that serve what was published last.
    pub fn current(&self) -> impl Iterator<Item = &Replica> {
        self.connected.values().filter(|replica| replica.version.is_some() && replica.version == self.published)
    }
}

/// The writing end.
#[derive(Default)]
pub(super) struct Board {
    state: watch::Sender<Acknowledged>,
    connections: AtomicU64,
}

/// A place on the board, for as long as a replica is connected.
pub(super) struct Entry<'a> {
    board: &'a Board,
    gateway: Key,
    replica: String,
    connection: u64,
}

impl Board {
    pub(super) fn subscribe(&self) -> watch::Receiver<Acknowledged> {
        self.state.subscribe()
    }

    /// Notes what is in force. A Gateway that is gone stays while it has replicas.
    pub(super) fn publish(&self, versions: &BTreeMap<Key, String>) {
        self.state.send_if_modified(|Acknowledged(gateways)| {
            let before = gateways.clone();
            gateways.values_mut().for_each(|replicas| replicas.published = None);
            for (key, version) in versions {
                gateways.entry(key.clone()).or_default().published = Some(version.clone());
            }
            gateways.retain(|_, replicas| replicas.published.is_some() || !replicas.connected.is_empty());
            *gateways != before
        });
    }

    /// A replica is there. A connection that it had before, and that is not yet known to be dead, no longer counts.
    pub(super) fn enter(&self, gateway: &Key, replica: &str) -> Entry<'_> {
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        self.state.send_modify(|Acknowledged(gateways)| {
            let entry = Replica { connection, ..Replica::default() };
            gateways.entry(gateway.clone()).or_default().connected.insert(replica.to_owned(), entry);
        });
        Entry { board: self, gateway: gateway.clone(), replica: replica.to_owned(), connection }
    }
}

impl Entry<'_> {
    /// The replica serves a version.
    pub(super) fn serves(&self, version: &str, listeners: &[ListenerState]) {
        self.change(|replica| {
            replica.version = Some(version.to_owned());
            replica.refused = None;
            replica.listeners = listeners.iter().take(MAX_LISTENERS).map(fate).collect();
        });
    }

    /// The replica refuses a version.
    pub(super) fn refuses(&self, version: &str, message: &str) {
        let refusal = Refusal { version: version.to_owned(), message: printable(message) };
        self.change(|replica| replica.refused = Some(refusal));
    }

    fn change(&self, change: impl FnOnce(&mut Replica)) {
        self.board.state.send_if_modified(|Acknowledged(gateways)| {
            let replica = gateways.get_mut(&self.gateway).and_then(|all| all.connected.get_mut(&self.replica));
            let Some(replica) = replica.filter(|replica| replica.connection == self.connection) else { return false };
            let before = replica.clone();
            change(replica);
            *replica != before
        });
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.board.state.send_if_modified(|Acknowledged(gateways)| {
            let Some(replicas) = gateways.get_mut(&self.gateway) else { return false };
            let is_own = replicas.connected.get(&self.replica).is_some_and(|r| r.connection == self.connection);
            if is_own {
                replicas.connected.remove(&self.replica);
            }
            if replicas.published.is_none() && replicas.connected.is_empty() {
                gateways.remove(&self.gateway);
            }
            is_own
        });
    }
}

fn fate(state: &ListenerState) -> (String, Result<SocketAddr, String>) {
    let ListenerState { name, address, problem } = state;
    (printable(name), address.parse().map_err(|_| printable(problem)))
}

/// What a replica says ends up in statuses and logs.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(name: &str, address: &str, problem: &str) -> ListenerState {
        ListenerState { name: name.into(), address: address.into(), problem: problem.into() }
    }

    #[test]
    fn the_board_follows_what_is_said() {
        let board = Board::default();
        let key = Key::new("ai", "gateway");
        let versions = [(key.clone(), "v1".to_owned())].into();
        board.publish(&versions);
        let entry = board.enter(&key, "pod");
        entry.serves("v1", &[state("http", "10.0.0.1:80", ""), state("bad", "", "in use\n")]);
        let seen = board.subscribe();
        let replica = seen.borrow().0[&key].current().next().cloned().expect("it serves what was published");
        assert_eq!(replica.listeners["http"], Ok("10.0.0.1:80".parse().unwrap()));
        assert_eq!(replica.listeners["bad"], Err("in use".to_owned()));
        entry.refuses("v2", "resource x: unknown");
        assert_eq!(seen.borrow().0[&key].connected["pod"].refused.as_ref().unwrap().version, "v2");
        drop(entry);
        assert!(seen.borrow().0[&key].connected.is_empty());
        board.publish(&BTreeMap::new());
        assert!(seen.borrow().0.is_empty());
    }

    #[test]
    fn a_connection_that_was_followed_by_another_takes_nothing_away() {
        let board = Board::default();
        let key = Key::new("ai", "gateway");
        let first = board.enter(&key, "pod");
        let second = board.enter(&key, "pod");
        first.serves("old", &[]);
        second.serves("new", &[]);
        drop(first);
        let version = board.subscribe().borrow().0[&key].connected["pod"].version.clone();
        assert_eq!(version.as_deref(), Some("new"));
    }
}
