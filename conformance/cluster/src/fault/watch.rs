//! A running watch: events pass one by one, until a fault comes over it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Bytes, Frame};
use kube::client::Body as ApiBody;
use serde_json::json;
use tokio::sync::mpsc;

use super::{Body, Fault, State};

/// Frames that wait for a slow client.
const BACKLOG: usize = 16;

/// Half an event.
const HALF: &[u8] = b"{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\n";

/// Passes a stream on.
pub(super) fn pipe(state: Arc<State>, from: ApiBody) -> Body {
    let (to, frames) = mpsc::channel(BACKLOG);
    tokio::spawn(run(state, from, to));
    Frames(frames).boxed_unsync()
}

/// The event that ends a watch whose version is too old.
pub(super) fn gone_event() -> Bytes {
    let object = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too old resource version", "reason": "Expired", "code": 410,
    });
    format!("{}\n", json!({"type": "ERROR", "object": object})).into()
}

async fn run(state: Arc<State>, mut from: ApiBody, to: mpsc::Sender<io::Result<Bytes>>) {
    let mut faults = state.fault.subscribe();
    let mut expired = state.expired.subscribe();
    loop {
        let fault = faults.borrow_and_update().clone();
        let last = match fault {
            Some(Fault::Gone) => Some(gone_event()),
            Some(Fault::Garbage) => Some(HALF.into()),
            _ => None,
        };
        if let Some(last) = last {
            state.hit();
            drop(to.send(Ok(last)).await);
            return;
        }
        let silent = matches!(fault, Some(Fault::Hang | Fault::Silence));
        if silent {
            state.hit();
        }
        tokio::select! {
            changed = faults.changed() => {
                // What hung is dead when the way is open again.
                if changed.is_err() || fault == Some(Fault::Hang) {
                    drop(to.send(Err(io::Error::other("it hung"))).await);
                    return;
                }
            }
            // The sender lives as long as the state.
            Ok(()) = expired.changed() => {
                drop(to.send(Ok(gone_event())).await);
                return;
            }
            frame = from.frame(), if !silent => {
                let sent = match frame {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => to.send(Ok(data)).await,
                        Err(_trailers) => Ok(()),
                    },
                    Some(Err(why)) => return drop(to.send(Err(io::Error::other(why))).await),
                    None => return,
                };
                if sent.is_err() {
                    return;
                }
            }
            () = to.closed() => return,
        }
    }
}

/// Frames as they come.
struct Frames(mpsc::Receiver<io::Result<Bytes>>);

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(cx).map(|received| received.map(|bytes| bytes.map(Frame::data)))
    }
}
