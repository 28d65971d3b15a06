//! One request, from its head to its line in the access log.
//!
//! A session has the client's side, an exchange the upstream's. What happens between the two is here: a route is found, an
//! upstream is tried, both directions are carried by one task.

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
use pingora_core::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use tokio_util::task::TaskTracker;

use crate::ai::BodyEnd;
use crate::session::Session;
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
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) access_log: AccessLog,
    /// The requests that have not been logged yet. A stream's task outlives its HTTP/2 connection by a moment.
    pub(crate) running: TaskTracker,
    /// Counts requests; spreads them over weighted backends.
    sequence: AtomicU64,
}

/// The requests of one port of one Gateway, on one worker.
pub(crate) struct GatewayProxy {
    /// Namespace and name of the Gateway.
    gateway: String,
    reader: Reader,
    port: u16,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
    options: HttpServerOptions,
}

/// How a request has left its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Ready for the next request, if the client wants one.
    Usable,
    /// Amid a message.
    Broken,
}

impl Shared {
    pub(crate) fn new(upstreams: Arc<Upstreams>, metrics: Arc<Metrics>, access_log: AccessLog) -> Self {
        Self { upstreams, metrics, access_log, running: TaskTracker::new(), sequence: AtomicU64::new(0) }
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
    pub(crate) fn new(reader: Reader, port: u16, shared: Arc<Shared>, connections: Arc<Connections>) -> Self {
        let mut options = HttpServerOptions::default();
        options.h2_idle_timeout = Some(H2_IDLE);
        Self { gateway: reader.load().gateway.clone(), reader, port, shared, connections, options }
    }

    /// Serves a request, and logs it; says how it has left its connection.
    pub(crate) async fn serve(&self, session: &mut Session) -> Left {
        let (running, active) = (self.shared.running.token(), self.shared.metrics.active_request());
        let mut ctx = Context::new(running, active, session.take_timer());
        let left = self.answer(session, &mut ctx).await;
        self.log(session, &mut ctx);
        session.put_timer(ctx.clock.into_timer());
        left
    }

    async fn answer(&self, session: &mut Session, ctx: &mut Context) -> Left {
        if let Err(reply) = self.route(session, ctx) {
            return send(reply, session, ctx).await;
        }
        loop {
            let (Shared { upstreams, metrics, .. }, connections) = (&*self.shared, &*self.connections);
            let attempt = Attempt { upstreams, connections, metrics, session: &mut *session, ctx: &mut *ctx };
            match attempt.run().await {
                Ok(true) => return Left::Usable,
                Ok(false) => {
                    // The answer came before the end of the request, and told the client that the connection closes.
                    session.linger().await;
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
    fn route(&self, session: &mut Session, ctx: &mut Context) -> Result<(), Reply> {
        let snapshot = self.reader.load();
        routing::find(&snapshot, self.port, session.head_mut(), ctx)?;
        routing::act(ctx, session.head(), self.port, |total| self.shared.point(total))
    }

    fn log(&self, session: &Session, ctx: &mut Context) {
        let exchange = ctx.tap.take().and_then(|tap| tap.finish(ctx.end));
        let record = record::of(session, ctx, &self.gateway, exchange.as_ref());
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
        let mut session = Session::over_http2(session).await?;
        let left = self.serve(&mut session).await;
        // Amid a message the stream is reset, which is what happens to one that is dropped.
        if let (Session::Http2(session), Left::Usable) = (session, left) {
            session.finish().await;
        }
        None
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }
}

async fn send(reply: Reply, session: &mut Session, ctx: &mut Context) -> Left {
    let sent = reply.send(session, ctx).await;
    ctx.reply = reply.into_local();
    if sent.is_err() {
        ctx.end = BodyEnd::ClientGone;
        return Left::Broken;
    }
    Left::Usable
}

/// Answers in the upstream's place if no answer has begun; else the client sees it break off.
async fn fail(fault: Fault, session: &mut Session, ctx: &mut Context) {
    let reply = match fault.into_failure(ctx.cluster_name()) {
        Failure::Reply(reply) => reply,
        Failure::ClientGone => {
            ctx.end = BodyEnd::ClientGone;
            return;
        }
    };
    ctx.end = BodyEnd::Cut;
    let begun = session.status().is_some_and(|status| !status.is_informational());
    if begun {
        let sent = session.break_off();
        drop(ctx.clock.limit(sent).await);
    } else {
        session.close_after();
        drop(Reply::Local(reply.clone()).send(session, ctx).await);
    }
    ctx.reply = Some(reply);
}
