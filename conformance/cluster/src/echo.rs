//! The program of the image `bed/echo`: an HTTP server that tells what it finds in its pod, for tests of the bed.
//!
//! `/self` its environment, user and process id; `/file?PATH` a file; `/touch?PATH` makes one; `/fetch?HOST[:PORT]/PATH` what another server
//! answers; `/ready` 200 or 503, which `/ready?yes` and `/ready?no` set; `/exit?CODE` the end; anything else 200.

use std::convert::Infallible;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

type Answer = Response<Full<Bytes>>;

/// Serves on `$PORT` (8080) until SIGTERM; returns the exit code.
///
/// # Errors
/// The port cannot be had.
pub async fn echo() -> io::Result<u8> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8080_u16);
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    let ready = Arc::new(AtomicBool::new(std::env::var("READY").as_deref() != Ok("no")));
    say(&format!("serving on port {port}"));
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                tokio::spawn(converse(stream, Arc::clone(&ready)));
            }
            _ = terminate.recv() => {
                say("asked to end");
                return Ok(0);
            }
        }
    }
}

async fn converse(stream: TcpStream, ready: Arc<AtomicBool>) {
    let service = service_fn(move |request| {
        let ready = Arc::clone(&ready);
        async move { Ok::<_, Infallible>(answer(&request, &ready).await) }
    });
    // A client that goes away in the middle is its own affair.
    drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

async fn answer(request: &Request<Incoming>, ready: &AtomicBool) -> Answer {
    let query = request.uri().query().unwrap_or_default();
    match request.uri().path() {
        "/self" => text(StatusCode::OK, itself().to_string()),
        "/file" => match std::fs::read(query) {
            Ok(bytes) => text(StatusCode::OK, bytes),
            Err(error) => text(StatusCode::NOT_FOUND, error.to_string()),
        },
        "/touch" => match std::fs::write(query, "") {
            Ok(()) => text(StatusCode::OK, "there"),
            Err(error) => text(StatusCode::FORBIDDEN, error.to_string()),
        },
        "/fetch" => match fetch(query).await {
            Ok((status, body)) => text(status, body),
            Err(error) => text(StatusCode::BAD_GATEWAY, error.to_string()),
        },
        "/ready" => {
            match query {
                "yes" => ready.store(true, Ordering::Relaxed),
                "no" => ready.store(false, Ordering::Relaxed),
                _ if !ready.load(Ordering::Relaxed) => return text(StatusCode::SERVICE_UNAVAILABLE, "no"),
                _ => {}
            }
            text(StatusCode::OK, "yes")
        }
        "/exit" => {
            say("asked to exit");
            std::process::exit(query.parse().unwrap_or(1))
        }
        path => {
            say(&format!("asked for {path}"));
            text(StatusCode::OK, std::env::var("HOSTNAME").unwrap_or_default())
        }
    }
}

fn itself() -> serde_json::Value {
    let env: std::collections::BTreeMap<_, _> = std::env::vars().collect();
    let user = std::fs::metadata("/proc/self").map(|own| own.uid()).ok();
    json!({"env": env, "user": user, "pid": std::process::id()})
}

/// `HOST[:PORT]/PATH`, by a connection of its own.
async fn fetch(target: &str) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let (host, path) = target.split_once('/').unwrap_or((target, ""));
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(format!("/{path}")).header("host", host).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    Ok((response.status(), response.into_body().collect().await?.to_bytes()))
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer
}

fn say(line: &str) {
    use std::io::Write;
    // Nobody reads it any more: no reason to end.
    drop(writeln!(io::stdout(), "{line}"));
}
