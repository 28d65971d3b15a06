//! A replica's side by hand: says what a test wants it to, and shows what comes back.

use std::time::Duration;

use http::uri::PathAndQuery;
use sluice_controller::distribute::protocol::{FOLLOW, FromReplica, Hello, Said, Update};
use sluice_testkit::wait::within;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::bed::{Bed, NAME};

pub(crate) struct Caller {
    outbound: mpsc::Sender<FromReplica>,
    inbound: Streaming<Update>,
}

/// A connection that trusts the bed's authority.
pub(crate) async fn channel(bed: &Bed) -> Channel {
    let ca = Certificate::from_pem(std::fs::read(bed.ca()).unwrap());
    let endpoint = Endpoint::from_shared(format!("https://{}", bed.address)).unwrap();
    let tls = ClientTlsConfig::new().ca_certificate(ca).domain_name(NAME);
    endpoint.tls_config(tls).unwrap().connect().await.unwrap()
}

/// Calls a method with what stands in `authorization`.
pub(crate) async fn call(bed: &Bed, method: &'static str, authorization: Option<&str>) -> Result<Caller, Status> {
    let (outbound, messages) = mpsc::channel(4);
    let mut request = Request::new(ReceiverStream::new(messages));
    if let Some(value) = authorization {
        request.metadata_mut().insert("authorization", value.parse().unwrap());
    }
    let mut grpc = Grpc::new(channel(bed).await);
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<FromReplica, Update>::default();
    let answer = grpc.streaming(request, PathAndQuery::from_static(method), codec).await?;
    Ok(Caller { outbound, inbound: answer.into_inner() })
}

impl Caller {
    pub(crate) async fn with_token(bed: &Bed, token: &str) -> Self {
        call(bed, FOLLOW, Some(&format!("Bearer {token}"))).await.expect("the token is accepted")
    }

    pub(crate) async fn hello(&self, gateway: &str, replica: &str) {
        let hello = Hello { gateway: gateway.into(), replica: replica.into(), ..Hello::default() };
        self.say(Said::Hello(hello)).await;
    }

    pub(crate) async fn say(&self, said: Said) {
        self.outbound.send(FromReplica { said: Some(said) }).await.unwrap();
    }

    /// The next update.
    #[track_caller]
    pub(crate) fn update(&mut self) -> impl Future<Output = Update> {
        let next = within("an update", self.inbound.message());
        async { next.await.expect("the stream goes on").expect("the stream goes on") }
    }

    /// How the stream ends; nothing comes before that.
    #[track_caller]
    pub(crate) fn end(&mut self) -> impl Future<Output = Status> {
        let next = within("the end of the stream", self.inbound.message());
        async {
            match next.await {
                Err(status) => status,
                Ok(update) => panic!("something came: {}", update.map_or("the end", |_| "an update")),
            }
        }
    }

    /// True when nothing comes for so long.
    pub(crate) async fn is_silent(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.inbound.message()).await.is_err()
    }
}
