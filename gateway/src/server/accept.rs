//! One listening socket: accepts connections, runs their requests, ends them when it is told to.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use pingora_core::apps::{HttpPersistentSettings, ReusedHttpStream, ServerApp};
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::io::DownstreamIo;
use super::patience::Patience;
use crate::proxy::GatewayProxy;
use crate::telemetry::Metrics;

/// Time for a whole head, from its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest pause between two requests of an HTTP/1.1 connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Pause after a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the connections of one socket have in common.
pub(super) struct Socket {
    proxy: Arc<GatewayProxy>,
    pub(super) metrics: Arc<Metrics>,
    /// Turns true when the socket is to close.
    pub(super) closing: watch::Receiver<bool>,
    /// How long running requests may go on after that.
    pub(super) drain: Duration,
}

impl Socket {
    pub(super) fn new(proxy: GatewayProxy, metrics: Arc<Metrics>, drain: Duration) -> Self {
        // Replaced when the socket opens.
        let closing = watch::channel(false).1;
        Self { proxy: Arc::new(proxy), metrics, closing, drain }
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
                    Ok((tcp, _)) => {
                        connections.spawn(Arc::clone(&socket).connection(tcp));
                    }
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

    async fn connection(self: Arc<Self>, tcp: TcpStream) {
        let _active = self.metrics.connection();
        drop(tcp.set_nodelay(true));
        let mut io = DownstreamIo::new(tcp);
        let mut patience = Patience::new(KEEP_ALIVE);
        let mut closing = self.closing.clone();
        let mut closed = pin!(told(&mut closing));
        let http2 = tokio::select! {
            () = &mut closed => return,
            sniffed = patience.wait(io.sniff()) => match sniffed {
                Some(Ok(http2)) => http2,
                _ => return,
            }
        };
        if http2 {
            self.proxy.process_new(Box::new(io), &self.closing).await;
        } else {
            self.requests(io, patience, closed).await;
        }
    }

    /// The requests of an HTTP/1.1 connection, one after the other.
    async fn requests(
        &self,
        mut io: DownstreamIo,
        mut patience: Patience,
        mut closed: Pin<&mut impl Future<Output = ()>>,
    ) {
        let mut settings: Option<HttpPersistentSettings> = None;
        loop {
            let more = tokio::select! {
                // A request whose first byte is here is served, also when the socket is closing.
                biased;
                more = patience.wait(io.next_request()) => more.unwrap_or(false),
                () = &mut closed => false,
            };
            if !more {
                return;
            }
            io.begin_head(HEAD_TIMEOUT);
            let mut session = ServerSession::new_http1(Box::new(io) as Stream);
            match settings.take() {
                Some(settings) => settings.apply_to_session(&mut session),
                None => session.set_keepalive(Some(KEEP_ALIVE.as_secs())),
            }
            // On the heap: between requests a connection is small.
            let Some(reused) = Box::pin(self.proxy.serve(session)).await else { return };
            let Some((stream, kept)) = own(reused) else { return };
            (io, settings) = (stream, kept);
        }
    }
}

fn own(reused: ReusedHttpStream) -> Option<(DownstreamIo, Option<HttpPersistentSettings>)> {
    let (stream, settings) = reused.consume();
    stream.into_any().downcast::<DownstreamIo>().ok().map(|io| (*io, settings))
}

/// Waits until the socket is told to close.
async fn told(closing: &mut watch::Receiver<bool>) {
    drop(closing.wait_for(|closing| *closing).await);
}
