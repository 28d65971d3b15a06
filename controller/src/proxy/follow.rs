//! The replica's side of the stream: connect, say what is held, put in force what comes, begin again.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;
use sluice_gateway::wire::Change;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::plane::Plane;
use crate::backoff::{Backoff, Spread};
use crate::distribute::protocol::{FOLLOW, FromReplica, Hello, MAX_FROM_CONTROLLER, PING, Said, Update, redirected};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// A stream that lasted so long was a good one.
const LASTING: Duration = Duration::from_secs(10);
/// Bytes that may be under way: a first snapshot should not wait for round trips.
const WINDOW: u32 = 4 << 20;
/// When to try again to open a socket.
const RETRY_SOCKETS: Duration = Duration::from_secs(2);

/// Pause after a first failure; each further one doubles it.
const FIRST: Duration = Duration::from_millis(100);
/// A controller that comes back has all its replicas within this, and the time of a connection.
const LONGEST: Duration = Duration::from_secs(3);

/// Whom to follow, and as whom.
#[derive(Debug, Clone)]
pub struct Leader {
    /// `https://HOST:PORT`; the certificate must be for this host, wherever a redirect leads.
    pub controller: Uri,
    /// File of the CA certificate.
    pub ca: PathBuf,
    /// File of the token.
    pub token: PathBuf,
    /// The Gateway, `namespace/name`.
    pub gateway: String,
    /// Name of this replica.
    pub replica: String,
}

/// Why a stream ended.
#[derive(Debug)]
enum End {
    /// Another controller leads.
    Redirect(SocketAddr),
    /// A file cannot be used.
    File(PathBuf, String),
    /// No connection came about.
    Connect(String),
    /// The controller ended it.
    Controller(Status),
    /// The connection went away.
    Closed,
}

/// Follows for ever: an end of the stream is the beginning of the next.
pub async fn follow(leader: &Leader, plane: &mut Plane) -> Infallible {
    let mut backoff = Backoff::between(FIRST, LONGEST, Spread::Full);
    let mut at = None;
    let mut told = String::new();
    loop {
        let started = Instant::now();
        let version = plane.version().to_owned();
        let end = stream(leader, at, plane).await;
        if started.elapsed() >= LASTING || plane.version() != version {
            backoff.reset();
            told.clear();
        }
        let was_redirected = at.is_some();
        at = None;
        if let (End::Redirect(address), false) = (&end, was_redirected) {
            tracing::info!(%address, "another controller leads");
            at = Some(*address);
            continue;
        }
        let reason = end.to_string();
        if reason != told {
            tracing::warn!(reason, "the stream ended; what is in force stays, and the next attempt follows");
            told = reason;
        }
        backoff.wait().await;
    }
}

/// One stream, from connection to end.
async fn stream(leader: &Leader, at: Option<SocketAddr>, plane: &mut Plane) -> End {
    let run = async {
        let channel = connect(leader, at).await?;
        let (outbound, inbound) = open(leader, channel, plane).await?;
        run(outbound, inbound, plane).await
    };
    run.await.map_or_else(|end| end, |never: Infallible| match never {})
}

async fn connect(leader: &Leader, at: Option<SocketAddr>) -> Result<Channel, End> {
    let failed = |error: tonic::transport::Error| End::Connect(causes(&error));
    let ca = Certificate::from_pem(read(&leader.ca)?);
    let name = leader.controller.host().unwrap_or_default().trim_matches(['[', ']']);
    let uri = at.map_or_else(|| leader.controller.to_string(), |address| format!("https://{address}"));
    let endpoint = Endpoint::from_shared(uri).map_err(failed)?;
    let tls = ClientTlsConfig::new().ca_certificate(ca).domain_name(name);
    let endpoint = endpoint.tls_config(tls).map_err(|error| End::File(leader.ca.clone(), causes(&error)))?;
    let endpoint = endpoint
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW);
    let connected = timeout(CONNECT + PING, endpoint.connect()).await;
    connected.map_err(|_| End::Connect("it takes too long".to_owned()))?.map_err(failed)
}

async fn open(
    leader: &Leader,
    channel: Channel,
    plane: &Plane,
) -> Result<(mpsc::Sender<FromReplica>, Streaming<Update>), End> {
    let token = String::from_utf8(read(&leader.token)?).unwrap_or_default();
    let unusable = |_| End::File(leader.token.clone(), "it holds no token".to_owned());
    let mut bearer = MetadataValue::try_from(format!("Bearer {}", token.trim())).map_err(unusable)?;
    bearer.set_sensitive(true);
    let (outbound, messages) = mpsc::channel(4);
    let hello = Hello {
        gateway: leader.gateway.clone(),
        replica: leader.replica.clone(),
        version: plane.version().to_owned(),
        held: plane.held(),
        listeners: plane.listeners(),
    };
    say(&outbound, Said::Hello(hello)).await?;
    let mut request = Request::new(ReceiverStream::new(messages));
    request.metadata_mut().insert("authorization", bearer);
    let mut grpc = Grpc::new(channel).max_decoding_message_size(MAX_FROM_CONTROLLER);
    grpc.ready().await.map_err(|error| End::Connect(causes(&error)))?;
    let codec = ProstCodec::<FromReplica, Update>::default();
    let answer = grpc.streaming(request, PathAndQuery::from_static(FOLLOW), codec);
    let answer = timeout(CONNECT + LASTING, answer).await;
    let answer = answer.map_err(|_| End::Connect("it does not answer".to_owned()))?.map_err(End::of)?;
    Ok((outbound, answer.into_inner()))
}

async fn run(
    outbound: mpsc::Sender<FromReplica>,
    mut inbound: Streaming<Update>,
    plane: &mut Plane,
) -> Result<Infallible, End> {
    let mut under_way = (String::new(), Change::default());
    loop {
        let update = tokio::select! {
            update = inbound.message() => update.map_err(End::of)?.ok_or(End::Closed)?,
            () = sleep(RETRY_SOCKETS), if plane.lacks_sockets() => {
                if let Some(said) = plane.retry_sockets().await {
                    say(&outbound, said).await?;
                }
                continue;
            }
        };
        let Update { version, upserts, removals, complete } = update;
        if under_way.0 != version {
            under_way = (version, Change::default());
        }
        under_way.1.upserts.extend(upserts);
        under_way.1.removals.extend(removals);
        if complete {
            let (version, change) = std::mem::take(&mut under_way);
            let said = plane.apply(version, change).await;
            say(&outbound, said).await?;
        }
    }
}

fn say(outbound: &mpsc::Sender<FromReplica>, said: Said) -> impl Future<Output = Result<(), End>> {
    let sent = outbound.send(FromReplica { said: Some(said) });
    async { sent.await.map_err(|_| End::Closed) }
}

/// The files are small, and no request waits for the thread that reads them.
fn read(path: &Path) -> Result<Vec<u8>, End> {
    std::fs::read(path).map_err(|error| End::File(path.to_owned(), error.to_string()))
}

/// An error with what is behind it: tonic's own says no more than "transport error".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

impl End {
    fn of(status: Status) -> Self {
        redirected(&status).map_or_else(|| Self::Controller(status), Self::Redirect)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redirect(address) => write!(f, "the controller that leads is said to be at {address}"),
            Self::File(path, why) => write!(f, "{}: {why}", path.display()),
            Self::Connect(why) => write!(f, "the controller cannot be reached: {why}"),
            Self::Controller(status) => write!(f, "the controller says {:?}: {}", status.code(), status.message()),
            Self::Closed => f.write_str("the controller has closed the stream"),
        }
    }
}
