//! The admin port: readiness, metrics, what is configured. Read-only, and nothing that a client sends chooses a file.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
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

/// What the pages show. All of it is safe to show: credentials have no text.
pub(super) struct Admin {
    pub(super) metrics: Arc<Metrics>,
    pub(super) ready: AtomicBool,
    pages: Mutex<BTreeMap<&'static str, Bytes>>,
    snapshots: Mutex<Vec<Arc<Snapshot>>>,
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
            let Ok((tcp, _)) = listener.accept().await else {
                tokio::task::yield_now().await;
                continue;
            };
            let admin = Arc::clone(&self);
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let response = admin.answer(&request);
                    async move { Ok::<_, Infallible>(response) }
                });
                drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tcp), service).await);
            });
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n");
        }
        match request.uri().path() {
            "/livez" => page(StatusCode::OK, TEXT, "ok\n"),
            "/ready" if self.ready.load(Ordering::Acquire) => page(StatusCode::OK, TEXT, "ready\n"),
            "/ready" => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not ready\n"),
            "/metrics" => page(StatusCode::OK, "text/plain; version=0.0.4", self.metrics.render()),
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
