//! Connections: taken, served, reset.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::answer::{Outcome, answer};
use super::socket::{Reset, Socket};
use super::{Fault, State};

/// Serves until it is dropped; all connections end then.
pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&state)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection. A reset ends it in the middle of whatever it is at.
async fn connection(stream: TcpStream, state: Arc<State>) {
    let reset = Reset::default();
    let mut faults = state.fault.subscribe();
    faults.mark_unchanged();
    let service = service_fn(|request| {
        let (state, reset) = (Arc::clone(&state), reset.clone());
        async move {
            match answer(&state, request).await {
                Outcome::Answer(response) => Ok::<_, Infallible>(response),
                Outcome::Reset => {
                    reset.set();
                    std::future::pending().await
                }
            }
        }
    });
    let io = TokioIo::new(Socket::new(stream, reset.clone()));
    let mut serving = pin!(http1::Builder::new().serve_connection(io, service));
    let mut changed = pin!(async {
        while faults.changed().await.is_ok() {
            if *faults.borrow() == Some(Fault::Reset) {
                state.hit();
                reset.set();
                return;
            }
        }
    });
    // A request that is to be reset has been noted while the connection was being served.
    let ended = poll_fn(|cx| {
        let served = serving.as_mut().poll(cx).is_ready();
        let told = changed.as_mut().poll(cx).is_ready();
        if served || told || reset.is_set() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    });
    ended.await;
}
