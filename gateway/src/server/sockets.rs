//! The sockets of one Gateway follow its snapshot: opened, kept or closed as its ports say.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::accept::{Post, Socket};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4096;

/// An open socket.
pub(super) struct OpenSocket {
    /// Where it really listens (a port of 0 resolved).
    pub(super) address: SocketAddr,
    close: watch::Sender<bool>,
    /// Resolves when the socket no longer listens.
    closed: oneshot::Receiver<()>,
    task: JoinHandle<()>,
}

/// Where a port of a Gateway is to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The port that the object says.
    pub(super) port: u16,
    /// The address to listen on; its port may differ, or be 0 for any.
    pub(super) address: SocketAddr,
}

/// The places of all ports of a Gateway.
pub(super) fn places(ports: impl Iterator<Item = u16>, addresses: &[IpAddr], map: &BTreeMap<u16, u16>) -> Vec<Place> {
    let place = |port: u16, ip: &IpAddr| Place { port, address: (*ip, *map.get(&port).unwrap_or(&port)).into() };
    ports.flat_map(|port| addresses.iter().map(move |ip| place(port, ip))).collect()
}

impl OpenSocket {
    /// Listens at `address` and serves with `socket`, whose `closing` is replaced.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub(super) fn open(address: SocketAddr, mut socket: Socket) -> io::Result<Self> {
        let Some(Post { worker, .. }) = socket.post() else { return Err(io::Error::other("there is no worker")) };
        let worker = worker.handle().clone();
        let inside = worker.enter();
        let listener = listen(address)?;
        drop(inside);
        let address = listener.local_addr()?;
        let (close, closing) = watch::channel(false);
        let (ended, closed) = oneshot::channel();
        socket.closing = closing;
        let task = worker.spawn(socket.serve(listener, ended));
        Ok(Self { address, close, closed, task })
    }

    /// Stops listening; running requests go on in the returned task, which ends with the last of them.
    pub(super) async fn close(self) -> JoinHandle<()> {
        self.close.send_replace(true);
        drop(self.closed.await);
        self.task
    }
}

/// Listens, on the runtime that it is called on.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Waits for all tasks, at most `limit`.
pub(super) async fn all_ended(tasks: Vec<JoinHandle<()>>, limit: Duration) {
    let wait = async {
        for task in tasks {
            drop(task.await);
        }
    };
    if tokio::time::timeout(limit, wait).await.is_err() {
        tracing::warn!("the drain limit is reached");
    }
}
