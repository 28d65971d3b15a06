//! A client of the gateway that tells what went wrong instead of ending the test.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Longest time for a whole answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks on a connection of its own; returns status and body.
pub(crate) async fn ask(at: SocketAddr, path: &str) -> Result<(u16, String), String> {
    let exchange = async { exchange(at, path).await.map_err(|error| format!("{path}: {error:?}")) };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err(format!("{path}: nothing in {PATIENCE:?}")))
}

async fn exchange(at: SocketAddr, path: &str) -> Result<(u16, String), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path).header("host", at.to_string()).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    connection.abort();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// The status of the answer to a path, 0 if there is none.
pub(crate) async fn status(at: SocketAddr, path: &str) -> u16 {
    ask(at, path).await.map_or(0, |(status, _)| status)
}
