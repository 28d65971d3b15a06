//! The port: connections, TLS, HTTP/2.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::gate::Gate;
use super::protocol::PING;
use super::service::{self, Shared};

/// Connections that have not shown a token; the others wait in the socket's queue.
const STRANGERS: usize = 128;
/// How long a connection may take to show a token that holds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait when the system has no more files for connections.
const PAUSE: Duration = Duration::from_millis(50);
/// Streams of one connection; a replica needs one.
const STREAMS: u32 = 4;
/// Bytes of a request's head; nearly all of it is the token.
const HEAD: u32 = 32 << 10;

/// Serves until it is dropped, and all connections with it.
pub(super) async fn serve(listener: TcpListener, tls: Arc<ServerConfig>, shared: Arc<Shared>) {
    let acceptor = TlsAcceptor::from(tls);
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    let mut connections = JoinSet::new();
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&strangers).acquire_owned().await {
        match listener.accept().await {
            Ok((tcp, _)) => {
                let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
                connections.spawn(connection(tcp, acceptor, Gate::new(permit), shared));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// What goes wrong here is the other side's affair, and not logged: anybody could fill the log.
async fn connection(tcp: TcpStream, acceptor: TlsAcceptor, gate: Gate, shared: Arc<Shared>) {
    drop(tcp.set_nodelay(true));
    let door = gate.clone();
    let served = async move {
        let Ok(tls) = acceptor.accept(tcp).await else { return };
        let service = service_fn(move |request| {
            let (shared, gate) = (Arc::clone(&shared), gate.clone());
            async move { Ok::<_, Infallible>(service::answer(shared, &gate, request).await) }
        });
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new()).keep_alive_interval(PING).keep_alive_timeout(PING);
        http.max_concurrent_streams(STREAMS).max_header_list_size(HEAD);
        drop(http.serve_connection(TokioIo::new(tls), service).await);
    };
    tokio::select! {
        () = served => {}
        () = door.stays_shut(PATIENCE) => {}
    }
}
