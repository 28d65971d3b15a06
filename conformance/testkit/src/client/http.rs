//! An HTTP/1.1 and HTTP/2 client on one connection, through hyper.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::steps::StepBody;
use crate::wait::within;

/// One connection, or another handle of it. Dropping the last handle closes the connection.
pub struct Http {
    address: SocketAddr,
    sender: Sender,
    connection: Arc<Connection>,
}

struct Connection(JoinHandle<()>);

enum Sender {
    Http1(http1::SendRequest<StepBody>),
    H2c(http2::SendRequest<StepBody>),
}

/// An answer whose body is on its way.
#[derive(Debug)]
pub struct Answered {
    /// Status code.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    body: Incoming,
}

/// A body that was read to its end.
#[derive(Debug, Default)]
pub struct Whole {
    /// Its bytes.
    pub bytes: Bytes,
    /// When each piece came.
    pub arrivals: Vec<(Instant, usize)>,
    /// Trailers after it.
    pub trailers: Option<HeaderMap>,
    /// Why it broke off; `None` when it ended as it should.
    pub cut: Option<String>,
}

impl Http {
    /// Connects for HTTP/1.1.
    pub async fn http1(address: SocketAddr) -> Self {
        let (sender, connection) = http1::handshake(connect(address).await).await.unwrap();
        let connection = Arc::new(Connection(tokio::spawn(async move { drop(connection.await) })));
        Self { address, sender: Sender::Http1(sender), connection }
    }

    /// Connects for HTTP/2 without TLS, by prior knowledge.
    pub async fn h2c(address: SocketAddr) -> Self {
        let io = connect(address).await;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        let connection = Arc::new(Connection(tokio::spawn(async move { drop(connection.await) })));
        Self { address, sender: Sender::H2c(sender), connection }
    }

    /// Another handle of an HTTP/2 connection, for streams side by side.
    ///
    /// # Panics
    /// It speaks HTTP/1.1.
    pub fn another(&self) -> Self {
        let Sender::H2c(sender) = &self.sender else { panic!("HTTP/1.1 has one request at a time") };
        Self { address: self.address, sender: Sender::H2c(sender.clone()), connection: Arc::clone(&self.connection) }
    }

    /// Sends a request; the answer's head is awaited, its body is not.
    ///
    /// # Errors
    /// The connection or the stream broke off before a head came.
    pub async fn try_send(&mut self, mut request: Request<StepBody>) -> Result<Answered, String> {
        let response = match &mut self.sender {
            Sender::Http1(sender) => {
                let host = self.address.to_string();
                request.headers_mut().entry(http::header::HOST).or_insert(host.parse().unwrap());
                sender.ready().await.map_err(|error| describe(&error))?;
                within("an answer", sender.send_request(request)).await
            }
            Sender::H2c(sender) => {
                absolute(&mut request, self.address);
                sender.ready().await.map_err(|error| describe(&error))?;
                within("an answer", sender.send_request(request)).await
            }
        };
        response.map(Answered::new).map_err(|error| describe(&error))
    }

    /// Sends a request that must be answered.
    ///
    /// # Panics
    /// It is not.
    pub async fn send(&mut self, request: Request<StepBody>) -> Answered {
        self.try_send(request).await.unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// Sends a GET.
    pub async fn get(&mut self, target: &str) -> Answered {
        self.send(request(Method::GET, target, StepBody::new([]))).await
    }

    /// Sends a POST with a JSON body.
    pub async fn post(&mut self, target: &str, json: &str) -> Answered {
        self.send(self::json(target, json)).await
    }

    /// True when the connection still takes requests.
    pub fn is_open(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => !sender.is_closed(),
            Sender::H2c(sender) => !sender.is_closed(),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A request for [`Http::send`].
pub fn request(method: Method, target: &str, body: StepBody) -> Request<StepBody> {
    Request::builder().method(method).uri(target).body(body).unwrap()
}

/// A POST with a JSON body, for [`Http::send`].
pub fn json(target: &str, json: &str) -> Request<StepBody> {
    let mut request = request(Method::POST, target, StepBody::bytes(json.to_owned()));
    request.headers_mut().insert(http::header::CONTENT_TYPE, "application/json".parse().unwrap());
    request
}

async fn connect(address: SocketAddr) -> TokioIo<TcpStream> {
    let stream = within("a connection", TcpStream::connect(address)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    TokioIo::new(stream)
}

/// HTTP/2 wants scheme and authority; a Host header that the test set becomes the authority.
fn absolute(request: &mut Request<StepBody>, address: SocketAddr) {
    if request.uri().authority().is_none() {
        let host = request.headers_mut().remove(http::header::HOST);
        let host = host.map_or_else(|| address.to_string(), |host| host.to_str().unwrap().to_owned());
        let target = request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned();
        *request.uri_mut() = format!("http://{host}{target}").parse().unwrap();
    }
}

fn describe(error: &hyper::Error) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}

impl Answered {
    fn new(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: head.headers, body }
    }

    /// The first value of a header, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The next piece of the body; `None` at a clean end (trailers are passed over).
    ///
    /// # Errors
    /// The body broke off.
    pub async fn piece(&mut self) -> Option<Result<(Instant, Bytes), String>> {
        loop {
            match within("a piece of the body", self.body.frame()).await? {
                Err(error) => return Some(Err(describe(&error))),
                Ok(frame) => match frame.into_data() {
                    // HTTP/2 ends a stream with an empty frame.
                    Ok(data) if !data.is_empty() => return Some(Ok((Instant::now(), data))),
                    _ => continue,
                },
            }
        }
    }

    /// Reads the body to its end.
    pub async fn whole(mut self) -> Whole {
        let (mut whole, mut all) = (Whole::default(), BytesMut::new());
        while let Some(frame) = within("the rest of the body", self.body.frame()).await {
            match frame.map(hyper::body::Frame::into_data) {
                Err(error) => whole.cut = Some(describe(&error)),
                Ok(Err(frame)) => whole.trailers = frame.into_trailers().ok(),
                Ok(Ok(data)) => {
                    whole.arrivals.push((Instant::now(), data.len()));
                    all.extend_from_slice(&data);
                }
            }
            if whole.cut.is_some() {
                break;
            }
        }
        whole.bytes = all.freeze();
        whole
    }
}

impl Whole {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }
}
