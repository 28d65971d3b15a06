//! The controller's admin port: liveness, readiness, metrics, statuses and what is served. Read-only.
//!
//! It has no authentication: from another machine only what probes and Prometheus need is shown.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sluice_gateway::snapshot::Snapshot;
use tokio::net::TcpListener;

use super::metrics::Metrics;
use super::pages::Shown;
use crate::diagnostic::Diagnostic;
use crate::objects::key::Key;
use crate::status::Statuses;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const REMOTE: &str = "shown on this machine only; kubectl port-forward leads here\n";
const INDEX: &str = "/livez\n/ready\n/metrics\n/statuses\n/config_dump\n";

/// The admin port.
pub(super) struct Admin {
    shared: Arc<Shared>,
    address: SocketAddr,
}

type Refresh = Box<dyn Fn(&Metrics) + Send + Sync>;

struct Shared {
    metrics: Metrics,
    refresh: OnceLock<Refresh>,
    ready: AtomicBool,
    shown: Mutex<Shown>,
}

impl Admin {
    /// Binds it and answers from now on.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub(super) async fn start(address: SocketAddr) -> io::Result<Self> {
        let refused = |cause| io::Error::other(format!("the admin port cannot be bound at {address}: {cause}"));
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(Metrics::new().map_err(io::Error::other)?));
        tokio::spawn(serve(Arc::clone(&shared), listener));
        Ok(Self { shared, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// What brings the metrics up to date before they are shown; the first one that is given counts.
    pub(super) fn on_scrape(&self, refresh: impl Fn(&Metrics) + Send + Sync + 'static) {
        drop(self.shared.refresh.set(Box::new(refresh)));
    }

    pub(super) fn set_ready(&self, ready: bool) {
        self.shared.ready.store(ready, Ordering::Release);
    }

    pub(super) fn show_snapshots(&self, snapshots: &BTreeMap<Key, Snapshot>) {
        self.shared.shown().snapshots.clone_from(snapshots);
    }

    pub(super) fn show_statuses(&self, statuses: Statuses, diagnostics: Vec<Diagnostic>) {
        let mut shown = self.shared.shown();
        (shown.statuses, shown.diagnostics) = (statuses, diagnostics);
    }
}

impl Shared {
    fn new(metrics: Metrics) -> Self {
        Self { metrics, refresh: OnceLock::new(), ready: AtomicBool::new(false), shown: Mutex::default() }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, caller: IpAddr, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n");
        }
        self.page_for(caller, request.uri().path())
    }

    fn page_for(&self, caller: IpAddr, path: &str) -> Response<Full<Bytes>> {
        match path {
            "/livez" => page(StatusCode::OK, TEXT, "ok\n"),
            "/ready" if self.ready.load(Ordering::Acquire) => page(StatusCode::OK, TEXT, "ready\n"),
            "/ready" => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not ready\n"),
            "/metrics" => {
                self.refresh.get().into_iter().for_each(|refresh| refresh(&self.metrics));
                page(StatusCode::OK, "text/plain; version=0.0.4", self.metrics.render())
            }
            _ if !caller.to_canonical().is_loopback() => page(StatusCode::FORBIDDEN, TEXT, REMOTE),
            "/statuses" => json(&self.shown().statuses()),
            "/config_dump" => json(&self.shown().config_dump()),
            "/" => page(StatusCode::OK, TEXT, INDEX),
            _ => page(StatusCode::NOT_FOUND, TEXT, "no such page; / lists them\n"),
        }
    }
}

async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        let Ok((tcp, peer)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = shared.answer(peer.ip(), &request);
                async move { Ok::<_, Infallible>(response) }
            });
            drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tcp), service).await);
        });
    }
}

fn json(value: &Value) -> Response<Full<Bytes>> {
    page(StatusCode::OK, JSON, format!("{value:#}\n"))
}

fn page(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_sees_what_probes_and_prometheus_need() {
        let shared = Shared::new(Metrics::new().unwrap());
        let all = ["/livez", "/ready", "/metrics", "/config_dump", "/statuses", "/", "/x"];
        let answers = |from: &str| all.map(|path| shared.page_for(from.parse().unwrap(), path).status().as_u16());
        assert_eq!(answers("127.0.0.1"), [200, 503, 200, 200, 200, 200, 404]);
        assert_eq!(answers("::ffff:127.0.0.1"), answers("::1"));
        assert_eq!(answers("10.244.0.1"), [200, 503, 200, 403, 403, 403, 403]);
    }
}
