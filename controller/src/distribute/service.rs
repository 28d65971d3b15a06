//! Calls: who makes them, and the one method that there is.

use std::future::{Ready, ready};
use std::sync::Arc;

use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::server::{Grpc, StreamingService};
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use super::acknowledged::Board;
use super::authenticate::{AccountOf, Authenticator, Identity, Refused, bearer};
use super::confirm::Confirm;
use super::gate::Gate;
use super::metrics::Metrics;
use super::protocol::{FOLLOW, FromReplica, MAX_FROM_REPLICA, Update};
use super::publication::Publications;
use super::role::Role;
use super::session::Session;

/// What all calls share.
pub(super) struct Shared {
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) account: AccountOf,
    pub(super) confirm: Arc<dyn Confirm>,
    pub(super) role: watch::Receiver<Role>,
    pub(super) publications: Arc<Publications>,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Metrics,
}

/// Answers a call. Who the caller is comes first: a stranger is told the same whatever it asks for.
pub(super) async fn answer(shared: Arc<Shared>, gate: &Gate, request: Request<Incoming>) -> Response<Body> {
    let identity = match identify(&shared, request.headers()).await {
        Ok(identity) => identity,
        Err(status) => {
            shared.metrics.refused.inc();
            return status.into_http();
        }
    };
    gate.open();
    match request.uri().path() {
        FOLLOW => {
            let grpc = Grpc::new(ProstCodec::<Update, FromReplica>::default());
            grpc.max_decoding_message_size(MAX_FROM_REPLICA).streaming(Follow { shared, identity }, request).await
        }
        _ => Status::unimplemented("there is no such method").into_http(),
    }
}

async fn identify(shared: &Shared, headers: &HeaderMap) -> Result<Identity, Status> {
    let token = bearer(headers).ok_or_else(|| Status::unauthenticated("no valid token"))?;
    shared.authenticator.authenticate(token).await.map_err(|refused| match refused {
        Refused::Invalid => Status::unauthenticated("no valid token"),
        Refused::Unavailable => Status::unavailable("the token cannot be checked at present"),
    })
}

/// The method.
struct Follow {
    shared: Arc<Shared>,
    identity: Identity,
}

impl StreamingService<FromReplica> for Follow {
    type Response = Update;
    type ResponseStream = ReceiverStream<Result<Update, Status>>;
    type Future = Ready<Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<FromReplica>>) -> Self::Future {
        // One message at a time: what is made is sent before the next is made.
        let (outbound, stream) = mpsc::channel(1);
        let session = Session::new(Arc::clone(&self.shared), self.identity.clone(), outbound);
        tokio::spawn(session.run(request.into_inner()));
        ready(Ok(tonic::Response::new(ReceiverStream::new(stream))))
    }
}
