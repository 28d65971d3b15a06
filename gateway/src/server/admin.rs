//! The admin port: readiness, metrics, what is configured. Read-only, and nothing that a client sends chooses a file.
//!
//! It has no authentication. In a pod it has to be reached by probes and by Prometheus, hence by others too: from another
//! machine only what those need is shown.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::snapshot::Snapshot;
use crate::telemetry::Metrics;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const REMOTE: &str = "shown on this machine only; kubectl port-forward leads here\n";

/// What the pages show. All of it is safe to show: credentials have no text.
pub(super) struct Admin {
    pub(super) metrics: Arc<Metrics>,
    pub(super) ready: AtomicBool,
    pages: Mutex<BTreeMap<&'static str, Bytes>>,
    snapshots: Mutex<Vec<Arc<Snapshot>>>,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// This machine or pod (`kubectl port-forward` included).
    Local,
    /// Another.
    Remote,
}

/// `/config_dump`.
#[derive(Serialize)]
struct ConfigDump<'a> {
    gateways: &'a [Arc<Snapshot>],
}

impl Admin {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let (pages, snapshots) = (Mutex::default(), Mutex::default());
        Self { metrics, ready: AtomicBool::new(false), pages, snapshots }
    }

    /// Puts a page in place, or replaces it.
    pub(super) fn publish(&self, path: &'static str, json: String) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(path, json.into());
    }

    /// What `/config_dump` shows from now on.
    pub(super) fn show(&self, snapshots: Vec<Arc<Snapshot>>) {
        *self.snapshots.lock().unwrap_or_else(PoisonError::into_inner) = snapshots;
    }

    /// Answers until the process ends.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let Ok((tcp, peer)) = listener.accept().await else {
                tokio::task::yield_now().await;
                continue;
            };
            let admin = Arc::clone(&self);
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let response = admin.answer_to(Caller::at(peer.ip()), &request);
                    async move { Ok::<_, Infallible>(response) }
                });
                drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tcp), service).await);
            });
        }
    }

    fn answer_to(&self, caller: Caller, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n");
        }
        self.page_for(caller, request.uri().path())
    }

    fn page_for(&self, caller: Caller, path: &str) -> Response<Full<Bytes>> {
        match path {
            "/livez" => page(StatusCode::OK, TEXT, "ok\n"),
            "/ready" if self.ready.load(Ordering::Acquire) => page(StatusCode::OK, TEXT, "ready\n"),
            "/ready" => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not ready\n"),
            "/metrics" => page(StatusCode::OK, "text/plain; version=0.0.4", self.metrics.render()),
            _ if caller == Caller::Remote => page(StatusCode::FORBIDDEN, TEXT, REMOTE),
            "/config_dump" => self.config_dump(),
            "/" => page(StatusCode::OK, TEXT, self.index()),
            path => self.published(path),
        }
    }

    fn config_dump(&self) -> Response<Full<Bytes>> {
        let gateways = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        match serde_json::to_vec_pretty(&ConfigDump { gateways: &gateways }) {
            Ok(json) => page(StatusCode::OK, JSON, json),
            Err(error) => page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
        }
    }

    fn published(&self, path: &str) -> Response<Full<Bytes>> {
        match self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            Some(json) => page(StatusCode::OK, JSON, json.clone()),
            None => page(StatusCode::NOT_FOUND, TEXT, "no such page; / lists them\n"),
        }
    }

    fn index(&self) -> String {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let fixed = ["/livez", "/ready", "/metrics", "/config_dump"];
        fixed.iter().chain(pages.keys()).map(|path| format!("{path}\n")).collect()
    }
}

impl Caller {
    fn at(address: IpAddr) -> Self {
        if address.to_canonical().is_loopback() { Self::Local } else { Self::Remote }
    }
}

/// Binds the admin port.
///
/// # Errors
/// The address cannot be bound.
pub(super) async fn bind(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

fn page(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_sees_what_probes_and_prometheus_need() {
        let admin = Admin::new(Arc::new(Metrics::new().unwrap()));
        admin.publish("/statuses", "{}".to_owned());
        let all = ["/livez", "/ready", "/metrics", "/config_dump", "/statuses", "/", "/x"];
        let answers = |caller| all.map(|path| admin.page_for(caller, path).status().as_u16());
        assert_eq!(answers(Caller::Local), [200, 503, 200, 200, 200, 200, 404]);
        assert_eq!(answers(Caller::Remote), [200, 503, 200, 403, 403, 403, 403]);
    }

    #[test]
    fn only_loopback_is_this_machine() {
        let callers = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.244.0.1", "::ffff:10.0.0.1", "fd00::1"];
        let local = callers.map(|address| Caller::at(address.parse().unwrap()) == Caller::Local);
        assert_eq!(local, [true, true, true, false, false, false]);
    }
}
