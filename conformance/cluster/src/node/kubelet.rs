//! The kubelet's endpoint, as far as `kubectl logs` needs it: HTTPS, `/containerLogs/{namespace}/{pod}/{container}`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::node::address;
use crate::node::context::NAME;
use crate::node::error::Error;
use crate::node::logs::Logs;
use crate::node::reading::{Reading, send};

/// The port of a kubelet.
pub(crate) const PORT: u16 = 10250;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Starts the endpoint among `tasks`.
///
/// # Errors
/// Its address is not there, or taken.
pub(crate) async fn start(logs: Arc<Logs>, tasks: &mut JoinSet<()>) -> Result<(), Error> {
    let address = SocketAddr::from((address::NODE, PORT));
    let fail = |error: &dyn std::fmt::Display| Error::new(format!("kubelet's endpoint at {address}"), error);
    let acceptor = acceptor().map_err(|error| fail(&error))?;
    let listener = TcpListener::bind(address).await.map_err(|error| fail(&error))?;
    tasks.spawn(serve(listener, acceptor, logs));
    Ok(())
}

/// The API server does not check the name of a kubelet unless it is told to, so any certificate will do.
fn acceptor() -> Result<TlsAcceptor, Box<dyn std::error::Error>> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![NAME.to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, logs: Arc<Logs>) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                clients.spawn(converse(stream, acceptor.clone(), Arc::clone(&logs)));
            },
            Some(_) = clients.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, acceptor: TlsAcceptor, logs: Arc<Logs>) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(|request| {
        let answer = answer(&request, &logs);
        async move { Ok::<_, Infallible>(answer) }
    });
    let builder = Builder::new(TokioExecutor::new());
    // A client that goes away in the middle is its own affair.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

fn answer(request: &Request<Incoming>, logs: &Logs) -> Response<Body> {
    let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    let ["containerLogs", namespace, pod, container] = path.as_slice() else {
        return plain(StatusCode::NOT_FOUND, "this kubelet has logs only");
    };
    if request.method() != Method::GET {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "logs can be read only");
    }
    let reading = match Reading::parse(request.uri().query().unwrap_or_default()) {
        Ok(reading) => reading,
        Err(cause) => return plain(StatusCode::BAD_REQUEST, &cause),
    };
    let place = ((*namespace).to_owned(), (*pod).to_owned(), (*container).to_owned());
    let Some(log) = logs.find(&place, reading.previous) else {
        return plain(
            StatusCode::NOT_FOUND,
            &format!("container {container} of pod {namespace}/{pod} has no such log"),
        );
    };
    let (sender, lines) = mpsc::channel(16);
    tokio::spawn(send(log, reading, sender));
    let frames = ReceiverStream::new(lines).map(|line| Ok::<_, Infallible>(Frame::data(line)));
    Response::new(StreamBody::new(frames).boxed_unsync())
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{text}\n"))).boxed_unsync());
    *response.status_mut() = status;
    response
}
