//! A port that shows pages: how the process is to probes and Prometheus, all else to this machine alone. Read-only, and
//! nothing that a client sends chooses a file.
//!
//! It has no authentication. In a pod it has to be reached by probes and by Prometheus, hence by others too: from another
//! machine only what those need is shown.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const REMOTE: &str = "shown on this machine only; kubectl port-forward leads here\n";

/// What an admin port shows beside `/livez`. All of it must be safe to show.
pub trait Pages: Send + Sync + 'static {
    /// `/ready`.
    fn is_ready(&self) -> bool;

    /// `/metrics`, as Prometheus reads it.
    fn metrics(&self) -> String;

    /// The paths of all other pages, in the order in which `/` lists them.
    fn paths(&self) -> Vec<&'static str>;

    /// One of those pages as JSON text, if there is one.
    ///
    /// # Errors
    /// It cannot be written as JSON; says why.
    fn json(&self, path: &str) -> Option<Result<Bytes, String>>;
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// This machine or pod (`kubectl port-forward` included).
    Local,
    /// Another.
    Remote,
}

/// Binds the port; says where, too.
///
/// # Errors
/// The address cannot be bound.
pub async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Answers until the process ends.
pub async fn serve(pages: Arc<impl Pages>, listener: TcpListener) {
    loop {
        let Ok((tcp, peer)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let pages = Arc::clone(&pages);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = answer(&*pages, peer.ip(), &request);
                async move { Ok::<_, Infallible>(response) }
            });
            drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tcp), service).await);
        });
    }
}

fn answer(pages: &impl Pages, from: IpAddr, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n");
    }
    find(pages, from, request.uri().path())
}

/// The answer to a GET of a path from an address.
pub fn find(pages: &impl Pages, from: IpAddr, path: &str) -> Response<Full<Bytes>> {
    match path {
        "/livez" => page(StatusCode::OK, TEXT, "ok\n"),
        "/ready" if pages.is_ready() => page(StatusCode::OK, TEXT, "ready\n"),
        "/ready" => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not ready\n"),
        "/metrics" => page(StatusCode::OK, "text/plain; version=0.0.4", pages.metrics()),
        _ if Caller::at(from) == Caller::Remote => page(StatusCode::FORBIDDEN, TEXT, REMOTE),
        "/" => page(StatusCode::OK, TEXT, index(pages)),
        path => match pages.json(path) {
            Some(Ok(json)) => page(StatusCode::OK, JSON, json),
            Some(Err(error)) => page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
            None => page(StatusCode::NOT_FOUND, TEXT, "no such page; / lists them\n"),
        },
    }
}

fn index(pages: &impl Pages) -> String {
    ["/livez", "/ready", "/metrics"].into_iter().chain(pages.paths()).map(|path| format!("{path}\n")).collect()
}

impl Caller {
    fn at(address: IpAddr) -> Self {
        if address.to_canonical().is_loopback() { Self::Local } else { Self::Remote }
    }
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
    fn only_loopback_is_this_machine() {
        let callers = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.244.0.1", "::ffff:10.0.0.1", "fd00::1"];
        let local = callers.map(|address| Caller::at(address.parse().unwrap()) == Caller::Local);
        assert_eq!(local, [true, true, true, false, false, false]);
    }
}
