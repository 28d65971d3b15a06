//! One request: passed on, changed on the way, or answered here.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER, TRANSFER_ENCODING};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::call::Call;
use super::{Body, Fault, State, list, watch};

/// What becomes of a request.
pub(super) enum Outcome {
    Answer(Response<Body>),
    /// The connection is reset.
    Reset,
}

/// Answers a request, by the fault that is in force when it comes.
pub(super) async fn answer(state: &std::sync::Arc<State>, request: Request<Incoming>) -> Outcome {
    let call = Call::of(request.method(), request.uri());
    let fault = state.in_force();
    match (&fault, call) {
        (Some(Fault::Reset), _) => {
            state.hit();
            return Outcome::Reset;
        }
        (Some(Fault::Hang), _) => {
            state.hit();
            until_over(state).await;
            return Outcome::Reset;
        }
        (Some(Fault::TooManyRequests(seconds)), _) => {
            state.hit();
            return Outcome::Answer(too_many(*seconds));
        }
        (Some(Fault::InternalError), _) => {
            state.hit();
            return Outcome::Answer(status(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"));
        }
        (Some(Fault::Gone), Call::Watch { from: true }) => {
            state.hit();
            return Outcome::Answer(gone());
        }
        (Some(Fault::SlowLists(delay)), Call::List(_)) => {
            state.hit();
            tokio::time::sleep(*delay).await;
        }
        _ => {}
    }
    Outcome::Answer(pass(state, fault.as_ref(), request).await.unwrap_or_else(|why| bad_gateway(&why.to_string())))
}

async fn until_over(state: &State) {
    let mut faults = state.fault.subscribe();
    // The sender lives as long as the state.
    drop(faults.wait_for(|fault| *fault != Some(Fault::Hang)).await);
}

async fn pass(
    state: &std::sync::Arc<State>,
    fault: Option<&Fault>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>> {
    let (mut head, body) = request.into_parts();
    // The client of the API server sets its own.
    head.headers.remove(HOST);
    let uri = head.uri.clone();
    let call = Call::of(&head.method, &uri);
    let body = body.collect().await?.to_bytes();
    let (mut head, body) = state.upstream.send(Request::from_parts(head, body.into())).await?.into_parts();
    match call {
        Call::Watch { .. } if head.status.is_success() => {
            Ok(Response::from_parts(head, watch::pipe(std::sync::Arc::clone(state), body)))
        }
        Call::List(resource) if head.status.is_success() => {
            let bytes = body.collect().await?.to_bytes();
            let bytes = changed(state, fault, (uri.path(), uri.query(), resource), bytes);
            head.headers.remove(CONTENT_LENGTH);
            head.headers.remove(TRANSFER_ENCODING);
            Ok(Response::from_parts(head, whole(bytes)))
        }
        _ => Ok(Response::from_parts(head, body.map_err(io::Error::other).boxed_unsync())),
    }
}

/// A list as the fault has it.
fn changed(
    state: &State,
    fault: Option<&Fault>,
    (path, query, resource): (&str, Option<&str>, &str),
    bytes: Bytes,
) -> Bytes {
    let Ok(mut list) = serde_json::from_slice::<Value>(&bytes) else { return bytes };
    match fault {
        Some(Fault::StaleLists) => {
            let Some(old) = state.recording(path) else { return bytes };
            state.hit();
            old.to_string().into()
        }
        Some(Fault::ShortLists { resource: short, keep }) if *short == resource => {
            state.hit();
            list::shorten(&mut list, *keep);
            list.to_string().into()
        }
        Some(Fault::Garbage) => {
            state.hit();
            bytes.slice(..bytes.len() / 2)
        }
        _ => {
            if list::is_whole(&list, query) {
                state.record(path, &list);
            }
            bytes
        }
    }
}

/// By turns an answer that says so, and a stream whose only event does.
fn gone() -> Response<Body> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    if TURN.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
        return status(StatusCode::GONE, "Expired");
    }
    let mut response = Response::new(whole(watch::gone_event()));
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}

fn too_many(seconds: u32) -> Response<Body> {
    let mut response = status(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests");
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

fn bad_gateway(why: &str) -> Response<Body> {
    let mut response = status(StatusCode::BAD_GATEWAY, "BadGateway");
    *response.body_mut() = whole(Bytes::from(why.to_owned()));
    response
}

/// A Kubernetes `Status`.
fn status(code: StatusCode, reason: &str) -> Response<Body> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "a fault that a test asked for", "reason": reason, "code": code.as_u16(),
    });
    let mut response = Response::new(whole(body.to_string().into()));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
