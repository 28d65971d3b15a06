//! One request, from its head to its line in the access log.
//!
//! The engine reads heads and bodies of clients, speaks TLS and HTTP/2, and connects to upstreams. What happens between
//! the two sides is here: a route is found, an upstream is tried, both directions are carried by one task.

mod attempt;
mod clock;
mod context;
mod failure;
mod forwarding;
mod guard;
mod hop;
mod local_reply;
mod record;
mod relay;
mod reply;
mod routing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::apps::{HttpPersistentSettings, HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora_core::protocols::http::{HttpTask, ServerSession};
use pingora_core::server::ShutdownWatch;
use pingora_error::{Error, ErrorType};
use tokio_util::task::TaskTracker;

use crate::ai::BodyEnd;
use crate::snapshot::Reader;
use crate::telemetry::{AccessLog, Metrics};
use crate::upstream::{Connections, Upstreams};
use attempt::Attempt;
use context::Context;
use failure::{Failure, Fault};
use reply::Reply;

/// Longest silence on an HTTP/2 connection without streams: Envoy Gateway's default.
const H2_IDLE: Duration = Duration::from_secs(3600);

/// What the requests of all Gateways have in common.
pub(crate) struct Shared {
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) connections: Connections,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) access_log: AccessLog,
    /// The requests that have not been logged yet. A stream's task outlives its HTTP/2 connection by a moment.
    pub(crate) running: TaskTracker,
    /// Counts requests; spreads them over weighted backends.
    sequence: AtomicU64,
}

/// The requests of one port of one Gateway.
pub(crate) struct GatewayProxy {
    /// Namespace and name of the Gateway.
    gateway: String,
    reader: Reader,
    port: u16,
    shared: Arc<Shared>,
    options: HttpServerOptions,
}

/// How a request has left its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Ready for the next request, if the client wants one.
    Usable,
    /// Amid a message.
    Broken,
}

impl Shared {
    pub(crate) fn new(
        upstreams: Arc<Upstreams>,
        connections: Connections,
        metrics: Arc<Metrics>,
        access_log: AccessLog,
    ) -> Self {
        let (running, sequence) = (TaskTracker::new(), AtomicU64::new(0));
        Self { upstreams, connections, metrics, access_log, running, sequence }
    }

    /// A point in `0..total`. Successive ones lie far apart (multiples of the golden ratio), so that shares are right
    /// over any short run and no backend gets its share in one burst.
    fn point(&self, total: u64) -> u64 {
        let step = self.sequence.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let scaled = (u128::from(step) * u128::from(total)) >> 64;
        u64::try_from(scaled).unwrap_or_default()
    }
}

impl GatewayProxy {
    pub(crate) fn new(reader: Reader, port: u16, shared: Arc<Shared>) -> Self {
        let mut options = HttpServerOptions::default();
        options.h2_idle_timeout = Some(H2_IDLE);
        Self { gateway: reader.load().gateway.clone(), reader, port, shared, options }
    }

    /// Serves a request; gives its connection back when it may have another.
    pub(crate) async fn serve(&self, mut session: ServerSession) -> Option<ReusedHttpStream> {
        if !read_head(&mut session).await {
            return None;
        }
        let mut ctx = Context::new(self.shared.running.token(), self.shared.metrics.active_request());
        let left = self.answer(&mut session, &mut ctx).await;
        self.log(&session, ctx);
        if left == Left::Broken {
            return None;
        }
        let settings = HttpPersistentSettings::for_session(&session);
        let stream = session.finish().await.ok().flatten()?;
        Some(ReusedHttpStream::from_reusable_stream(stream, settings))
    }

    async fn answer(&self, session: &mut ServerSession, ctx: &mut Context) -> Left {
        if let Err(reply) = self.route(session, ctx) {
            return send(reply, session, ctx).await;
        }
        // Silence is the clock's, which minds both sides.
        session.set_read_timeout(None);
        loop {
            let Shared { upstreams, connections, metrics, .. } = &*self.shared;
            let attempt = Attempt { upstreams, connections, metrics, session: &mut *session, ctx: &mut *ctx };
            match attempt.run().await {
                Ok(true) => return Left::Usable,
                Ok(false) => {
                    // The answer came before the end of the request, and told the client that the connection closes.
                    reply::linger(session).await;
                    return Left::Usable;
                }
                Err(failed) if failed.again => {}
                Err(failed) => {
                    fail(failed.fault, session, ctx).await;
                    return Left::Broken;
                }
            }
        }
    }

    /// Finds what the request's rule says, and chooses its backend.
    fn route(&self, session: &mut ServerSession, ctx: &mut Context) -> Result<(), Reply> {
        let snapshot = self.reader.load();
        if let Some(http1) = session.as_http1() {
            guard::check_raw(&http1.get_headers_raw_bytes())?;
        }
        routing::find(&snapshot, self.port, session.req_header_mut(), ctx)?;
        routing::act(ctx, session.req_header(), self.port, |total| self.shared.point(total))
    }

    fn log(&self, session: &ServerSession, mut ctx: Context) {
        let exchange = ctx.tap.take().and_then(|tap| tap.finish(ctx.end));
        let record = record::of(session, &ctx, &self.gateway, exchange.as_ref());
        self.shared.metrics.observe(&record);
        self.shared.access_log.log(&record);
    }
}

#[async_trait]
impl HttpServerApp for GatewayProxy {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        _shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        self.serve(session).await
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }
}

/// Reads the head; false when there is none.
async fn read_head(session: &mut ServerSession) -> bool {
    match session.read_request().await {
        Ok(read) => read,
        Err(error) => {
            if *error.etype() == ErrorType::InvalidHTTPHeader {
                drop(session.respond_error(400).await);
            }
            session.shutdown().await;
            false
        }
    }
}

async fn send(reply: Reply, session: &mut ServerSession, ctx: &mut Context) -> Left {
    let sent = reply.send(session, ctx).await;
    ctx.reply = reply.into_local();
    if sent.is_err() {
        ctx.end = BodyEnd::ClientGone;
        return Left::Broken;
    }
    Left::Usable
}

/// Answers in the upstream's place if no answer has begun; else the client sees it break off.
async fn fail(fault: Fault, session: &mut ServerSession, ctx: &mut Context) {
    let reply = match fault.into_failure(ctx.cluster_name()) {
        Failure::Reply(reply) => reply,
        Failure::ClientGone => {
            ctx.end = BodyEnd::ClientGone;
            return;
        }
    };
    ctx.end = BodyEnd::Cut;
    let begun = session.response_written().is_some_and(|head| !head.status.is_informational());
    if begun {
        let sent = send_gathered(session);
        drop(ctx.clock.limit(sent).await);
    } else {
        session.set_keepalive(None);
        drop(Reply::Local(reply.clone()).send(session, ctx).await);
    }
    ctx.reply = Some(reply);
}

/// Sends what has been written for the client and not left yet, before the answer breaks off. The engine does so when it
/// is told of a failure after something else.
async fn send_gathered(session: &mut ServerSession) -> pingora_error::Result<()> {
    let nothing = match session.was_upgraded() {
        true => HttpTask::UpgradedBody(None, false),
        false => HttpTask::Body(None, false),
    };
    let broken = HttpTask::Failed(Error::new(ErrorType::ConnectionClosed));
    session.response_duplex_vec(vec![nothing, broken]).await.map(|_| ())
}
