//! A stand-in for the model provider: OpenAI's chat completions behind TLS, as particular about who asks, and how, as
//! DashScope's compatible mode is.

mod admission;
mod answer;
mod paced;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::{ProtocolVersion, ServerConfig};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::trouble::{REPORT, Trouble};
use admission::{Doorman, Refusal};
use answer::Answer;
use paced::Paced;

/// DashScope takes 16 MiB without attachments.
const LONGEST_BODY: usize = 16 << 20;

/// A running provider; dropping it closes its port.
pub(super) struct Provider {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// What it saw of the newest request that it let in.
    pub(super) seen: watch::Receiver<Option<Seen>>,
    accepting: JoinHandle<()>,
}

/// What arrived, as far as the gateway is answerable for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// The name in the TLS handshake.
    pub(super) sni: String,
    /// HTTP version.
    pub(super) version: http::Version,
    /// TLS version.
    pub(super) tls: &'static str,
    /// `Host` or `:authority`.
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
    /// How many `Authorization` headers there were; one was right.
    pub(super) credentials: usize,
}

/// One connection, as the handshake left it.
#[derive(Clone)]
struct Link {
    doorman: Arc<Doorman>,
    sni: String,
    tls: &'static str,
    seen: watch::Sender<Option<Seen>>,
}

impl Provider {
    /// Listens on a free port of loopback as `hostname`, and lets in who brings `Authorization: {credential}`.
    pub(super) async fn start(tls: Arc<ServerConfig>, hostname: &str, credential: &str) -> Result<Self, Trouble> {
        let refused =
            |cause| Trouble::new(format!("the stand-in provider cannot listen on 127.0.0.1: {cause}"), REPORT);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let (sender, seen) = watch::channel(None);
        let doorman = Arc::new(Doorman::new(hostname, credential));
        let link = Link { doorman, sni: String::new(), tls: "", seen: sender };
        let accepting = tokio::spawn(accept(listener, TlsAcceptor::from(tls), link));
        Ok(Self { address, seen, accepting })
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, link: Link) {
    loop {
        // It fails for want of file descriptors only; the next one waits in the backlog.
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(connection(stream, tls.clone(), link.clone()));
    }
}

/// A handshake that fails, or a client that leaves, is told by the gateway, whose fault it is.
async fn connection(stream: TcpStream, tls: TlsAcceptor, mut link: Link) {
    drop(stream.set_nodelay(true));
    let Ok(stream) = tls.accept(stream).await else { return };
    let session = stream.get_ref().1;
    link.sni = session.server_name().unwrap_or_default().to_owned();
    link.tls = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        // rustls speaks no other.
        _ => "TLSv1.3",
    };
    let service = service_fn(move |request| {
        let link = link.clone();
        async move { Ok::<_, Infallible>(respond(request, &link).await.unwrap_or_else(refuse)) }
    });
    drop(auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await);
}

async fn respond(request: Request<Incoming>, link: &Link) -> Result<Response<Paced>, Refusal> {
    let (head, body) = request.into_parts();
    let host = link.doorman.admit(&link.sni, &head)?;
    link.seen.send_replace(Some(Seen {
        sni: link.sni.clone(),
        version: head.version,
        tls: link.tls,
        host,
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        credentials: head.headers.get_all(header::AUTHORIZATION).iter().count(),
    }));
    let body = Limited::new(body, LONGEST_BODY).collect().await.map_err(|_| Refusal::too_large())?.to_bytes();
    let asked = serde_json::from_slice::<Value>(&body).map_err(|cause| Refusal::bad_body(&cause.to_string()))?;
    let answer = Answer::to(&asked)?;
    Ok(match answer.is_streamed {
        true => reply(StatusCode::OK, "text/event-stream;charset=UTF-8", Paced::over_time(answer.events())),
        false => json_reply(StatusCode::OK, &answer.whole()),
    })
}

fn refuse(refusal: Refusal) -> Response<Paced> {
    let error = json!({
        "message": refusal.message, "type": refusal.kind, "param": null, "code": refusal.code,
    });
    json_reply(refusal.status, &json!({ "error": error }))
}

fn json_reply(status: StatusCode, value: &Value) -> Response<Paced> {
    reply(status, "application/json", Paced::at_once(Bytes::from(value.to_string())))
}

fn reply(status: StatusCode, content_type: &'static str, body: Paced) -> Response<Paced> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
