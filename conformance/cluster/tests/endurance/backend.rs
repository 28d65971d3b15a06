//! What the gateway leads to: on the node, where pods reach it. `…/stream` is answered by events, all else at once.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sluice_testkit::steps::{StepBody, sse};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// The node's address on the bridge that its pods are on.
pub(crate) const NODE: [u8; 4] = [10, 244, 0, 1];

/// Dropping it closes its port.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Backend {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(SocketAddr::from((NODE, 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, serving: tokio::spawn(serve(listener)) }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        drop(stream.set_nodelay(true));
        let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(&request)) });
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        while connections.try_join_next().is_some() {}
    }
}

fn answer(request: &Request<Incoming>) -> Response<StepBody> {
    match request.uri().path().ends_with("/stream") {
        true => {
            let events = StepBody::new(sse(10, Duration::from_millis(100)));
            Response::builder().header("content-type", "text/event-stream").body(events).unwrap()
        }
        false => Response::new(StepBody::bytes("{}")),
    }
}
