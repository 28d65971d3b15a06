//! A scripted OpenAI-compatible upstream on loopback: plain or TLS, HTTP/1.1 and HTTP/2. It answers what its script
//! says and records all it sees, also when whoever asked goes away.

pub mod answer;
pub mod journal;
pub mod raw;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::ca::{Alpn, Leaf};
use crate::steps::StepBody;
use answer::{Answer, Reads};
use journal::{Ended, Entry, Journal, Seen};

/// Decides an answer by the head of a request.
pub type Script = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

/// The upstream. Dropping it closes its port and breaks off its connections.
pub struct Provider {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    journal: Journal,
    script: Mutex<Script>,
}

/// What is known of a connection.
#[derive(Clone, Default)]
struct Link {
    connection: u64,
    sni: Option<String>,
    alpn: Option<String>,
}

impl Provider {
    /// Serves HTTP/1.1 and HTTP/2 by prior knowledge, always with the same answer.
    pub async fn plain(answer: Answer) -> Self {
        Self::start(None, Arc::new(move |_| answer.clone())).await
    }

    /// Serves HTTP/1.1 and HTTP/2 by prior knowledge with answers that depend on the request.
    pub async fn scripted(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(script)).await
    }

    /// Serves over TLS, always with the same answer.
    pub async fn tls(leaf: &Leaf, alpn: Alpn, answer: Answer) -> Self {
        let acceptor = TlsAcceptor::from(leaf.server_config(alpn));
        Self::start(Some(acceptor), Arc::new(move |_| answer.clone())).await
    }

    /// Serves over TLS with answers that depend on the request.
    pub async fn tls_scripted(leaf: &Leaf, alpn: Alpn, script: Script) -> Self {
        Self::start(Some(TlsAcceptor::from(leaf.server_config(alpn))), script).await
    }

    /// Serves over TLS at a given address, which is there in a network namespace of the test's own.
    pub async fn tls_at(address: SocketAddr, leaf: &Leaf, alpn: Alpn, answer: Answer) -> Self {
        let acceptor = TlsAcceptor::from(leaf.server_config(alpn));
        Self::listen(address, Some(acceptor), Arc::new(move |_| answer.clone())).await
    }

    async fn start(tls: Option<TlsAcceptor>, script: Script) -> Self {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), tls, script).await
    }

    async fn listen(address: SocketAddr, tls: Option<TlsAcceptor>, script: Script) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { journal: Journal::default(), script: Mutex::new(script) });
        let accepting = tokio::spawn(accept(listener, tls, Arc::clone(&state)));
        Self { address, state, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers all requests from now on with `answer`.
    pub fn set(&self, answer: Answer) {
        *self.state.script.lock().unwrap() = Arc::new(move |_| answer.clone());
    }

    /// What it has seen, and ways to wait for it.
    pub fn journal(&self) -> &Journal {
        &self.state.journal
    }

    /// All requests so far, in the order of their heads.
    pub fn requests(&self) -> Vec<Seen> {
        self.journal().all()
    }

    /// The only request so far.
    ///
    /// # Panics
    /// There were none or several.
    pub fn only_request(&self) -> Seen {
        let mut all = self.requests();
        assert_eq!(all.len(), 1, "expected one request upstream, saw {all:?}");
        all.remove(0)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        drop(stream.set_nodelay(true));
        let link = Link { connection: state.journal.connected(), ..Link::default() };
        connections.spawn(connection(stream, tls.clone(), link, Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, mut link: Link, state: Arc<State>) {
    match tls {
        None => serve(stream, link, Arc::clone(&state)).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => {
                let session = stream.get_ref().1;
                link.sni = session.server_name().map(str::to_owned);
                link.alpn = session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
                serve(stream, link, Arc::clone(&state)).await;
            }
            Err(error) => state.journal.handshake_failed(error.to_string()),
        },
    }
    state.journal.disconnected();
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, link: Link, state: Arc<State>) {
    let service = service_fn(move |request| respond(request, link.clone(), Arc::clone(&state)));
    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // A client that breaks off is an error here and an entry in the journal.
    drop(builder.serve_connection(TokioIo::new(stream), service).await);
}

async fn respond(
    request: Request<Incoming>,
    link: Link,
    state: Arc<State>,
) -> Result<Response<StepBody>, std::io::Error> {
    let (head, body) = request.into_parts();
    let seen = seen(&head, link);
    let is_head = seen.method == Method::HEAD;
    let script = Arc::clone(&*state.script.lock().unwrap());
    let mut answer = script(&seen);
    let entry = state.journal.open(seen);
    let (received, unread) = match answer.reads {
        Reads::Whole => (receive(body, &entry).await?, None),
        // Kept until the answer ends: hyper reads nothing that nobody asks for.
        Reads::Nothing => (Bytes::new(), Some(body)),
    };
    if let Some(decide) = answer.by_body.take() {
        answer = decide(&received);
    }
    for step in std::mem::take(&mut answer.before) {
        step.wait().await?;
    }
    let mut response = response(answer, &received, is_head, entry);
    response.body_mut().keep(unread);
    Ok(response)
}

fn seen(head: &http::request::Parts, link: Link) -> Seen {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Seen {
        method: head.method.clone(),
        target: head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string),
        authority: head.uri.authority().map(ToString::to_string),
        version: head.version,
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: Bytes::new(),
        trailers: None,
        connection: link.connection,
        sni: link.sni,
        alpn: link.alpn,
        at: Instant::now(),
        sent: 0,
        received: 0,
        end: None,
    }
}

/// Reads a body to its end; one that breaks off ends the request, for nobody waits for an answer any more.
async fn receive(mut body: Incoming, entry: &Entry) -> std::io::Result<Bytes> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame.map_err(std::io::Error::other)?.into_data() {
            Ok(data) => {
                all.extend_from_slice(&data);
                entry.update(|seen| seen.received += data.len());
            }
            Err(frame) => {
                let trailers = frame.into_trailers().ok();
                entry.update(|seen| seen.trailers = trailers);
            }
        }
    }
    let all = Bytes::from(all);
    entry.update(|seen| seen.body = all.clone());
    Ok(all)
}

fn response(answer: Answer, received: &Bytes, is_head: bool, entry: Entry) -> Response<StepBody> {
    let steps = if answer.echo { vec![crate::steps::Step::Send(received.clone())] } else { answer.body };
    let mut body = StepBody::new(steps).trailers(answer.trailers);
    if is_head || body.is_end_stream() || answer.status == 204 || answer.status == 304 {
        entry.end(Ended::Finished);
    } else {
        body = body.watcher(Box::new(entry));
    }
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    for (name, value) in answer.headers {
        response.headers_mut().append(name, value);
    }
    if answer.echo {
        response.headers_mut().insert(header::CONTENT_LENGTH, received.len().into());
    }
    response
}
