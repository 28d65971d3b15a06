//! One listening socket: accepts connections, has workers run their requests, ends them when it is told to.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use pingora_core::apps::ServerApp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::io::Http2Io;
use super::workers::{Seat, Worker};
use crate::proxy::{GatewayProxy, Left};
use crate::session::Session;
use crate::session::http1::{self, Connection};
use crate::telemetry::Metrics;

/// Time for a whole head, from its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest pause between two requests of an HTTP/1.1 connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Pause after a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the connections of one socket have in common.
pub(super) struct Socket {
    posts: Vec<Post>,
    pub(super) metrics: Arc<Metrics>,
    /// Turns true when the socket is to close.
    pub(super) closing: watch::Receiver<bool>,
    /// How long running requests may go on after that.
    pub(super) drain: Duration,
}

/// A worker, and what serves this socket's requests there.
pub(super) struct Post {
    pub(super) worker: Arc<Worker>,
    pub(super) proxy: Arc<GatewayProxy>,
}

impl Socket {
    pub(super) fn new(posts: Vec<Post>, metrics: Arc<Metrics>, drain: Duration) -> Self {
        // Replaced when the socket opens.
        let closing = watch::channel(false).1;
        Self { posts, metrics, closing, drain }
    }

    /// Where there are the fewest connections. (They last, so a turn for each would not keep them even.)
    pub(super) fn post(&self) -> Option<&Post> {
        self.posts.iter().min_by_key(|post| post.worker.load())
    }

    /// Serves until closing, tells `closed` when it no longer listens, then lets running requests finish within the
    /// drain limit.
    pub(super) async fn serve(self, listener: TcpListener, closed: oneshot::Sender<()>) {
        let socket = Arc::new(self);
        let mut closing = socket.closing.clone();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = told(&mut closing) => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok((tcp, client)) => socket.give_away(tcp, client, &mut connections),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
        drop(listener);
        drop(closed);
        let all_ended = async { while connections.join_next().await.is_some() {} };
        if timeout(socket.drain, all_ended).await.is_err() {
            tracing::warn!(connections = connections.len(), "the drain limit is reached: running requests are cut");
        }
    }

    fn give_away(self: &Arc<Self>, tcp: TcpStream, client: SocketAddr, connections: &mut JoinSet<()>) {
        let (Some(Post { worker, proxy }), Ok(tcp)) = (self.post(), tcp.into_std()) else { return };
        let connection = Arc::clone(self).connection(worker.seat(), Arc::clone(proxy), tcp, client);
        connections.spawn_on(connection, worker.handle());
    }

    async fn connection(
        self: Arc<Self>,
        _seat: Seat,
        proxy: Arc<GatewayProxy>,
        tcp: std::net::TcpStream,
        client: SocketAddr,
    ) {
        let _active = self.metrics.connection();
        let Ok(tcp) = TcpStream::from_std(tcp) else { return };
        drop(tcp.set_nodelay(true));
        let mut connection = Connection::new(tcp, client);
        let mut closing = self.closing.clone();
        let mut closed = pin!(told(&mut closing));
        let http2 = tokio::select! {
            () = &mut closed => return,
            sniffed = timeout(KEEP_ALIVE, connection.sniff()) => match sniffed {
                Ok(Ok(http2)) => http2,
                _ => return,
            }
        };
        if http2 {
            proxy.process_new(Box::new(Http2Io::new(connection)), &self.closing).await;
        } else {
            requests(&proxy, connection, closed).await;
        }
    }
}

/// The requests of an HTTP/1.1 connection, one after the other.
async fn requests(proxy: &GatewayProxy, mut connection: Connection, mut closed: Pin<&mut impl Future<Output = ()>>) {
    loop {
        let more = tokio::select! {
            // A request whose first byte is here is served, also when the socket is closing.
            biased;
            more = connection.next_request(KEEP_ALIVE) => more,
            () = &mut closed => false,
        };
        if !more {
            return;
        }
        // On the heap: between requests a connection is small.
        let Some(kept) = Box::pin(request(proxy, connection)).await else { return };
        connection = kept;
    }
}

/// A request that has begun; gives its connection back when it may have another.
async fn request(proxy: &GatewayProxy, mut connection: Connection) -> Option<Connection> {
    let head = connection.read_head(HEAD_TIMEOUT).await?;
    let mut session = Session::Http1(http1::Session::new(connection, head));
    match (proxy.serve(&mut session).await, session) {
        (Left::Usable, Session::Http1(session)) => session.finish().await,
        _ => None,
    }
}

/// Waits until the socket is told to close.
async fn told(closing: &mut watch::Receiver<bool>) {
    drop(closing.wait_for(|closing| *closing).await);
}
