//! One request through the engine: every phase is a few lines that call the layers above.

mod context;
mod failure;
mod forwarding;
mod guard;
mod local_reply;
mod record;
mod reply;
mod routing;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pingora_core::apps::HttpServerOptions;
use pingora_core::protocols::Digest;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, HttpProxy, ProxyHttp, ProxyWarnLogContext, Session, http_proxy};

use tokio_util::task::TaskTracker;

use crate::ai::{BodyEnd, Tap};
use crate::filter::{edit_request, edit_response};
use crate::snapshot::Reader;
use crate::telemetry::{AccessLog, Metrics};
use crate::upstream::{CONNECT_TIMEOUT, Upstreams};
use context::Context;
use failure::{Failure, classify};
use local_reply::LocalReply;
use reply::Reply;

/// Addresses that a request tries before it gives up.
const MAX_ATTEMPTS: u32 = 4;

/// Informational answers that are passed on before the upstream counts as broken.
const MAX_INFORMATIONAL: u32 = 8;

/// Most fields and bytes of an answer's head, as of a request's; Envoy's defaults.
const MAX_FIELDS: usize = 100;
const MAX_FIELD_BYTES: usize = 60 * 1024;

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

/// The requests of one port of one Gateway.
pub(crate) struct GatewayProxy {
    /// Namespace and name of the Gateway.
    gateway: String,
    reader: Reader,
    port: u16,
    shared: Arc<Shared>,
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
    pub(crate) fn new(reader: Reader, port: u16, shared: Arc<Shared>) -> Self {
        Self { gateway: reader.load().gateway.clone(), reader, port, shared }
    }

    /// The engine that runs this.
    pub(crate) fn into_engine(self, conf: &Arc<ServerConf>) -> HttpProxy<Self> {
        let mut proxy = http_proxy(conf, self);
        let mut options = HttpServerOptions::default();
        options.h2_idle_timeout = Some(H2_IDLE);
        proxy.server_options = Some(options);
        proxy
    }
}

#[async_trait]
impl ProxyHttp for GatewayProxy {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context::new(self.shared.running.token())
    }

    fn init_downstream_modules(&self, _modules: &mut pingora_core::modules::http::HttpModules) {}

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        ctx.active.push(self.shared.metrics.active_request());
        let snapshot = self.reader.load();
        let raw = session.as_http1().map_or(Ok(()), |h1| guard::check_raw(&h1.get_headers_raw_bytes()));
        let routed = raw.map_err(Reply::from);
        let routed = routed.and_then(|()| routing::find(&snapshot, self.port, session.req_header_mut(), ctx));
        let point = |total| self.shared.point(total);
        let reply = match routed.and_then(|()| routing::act(ctx, session.req_header(), self.port, point)) {
            Ok(()) => {
                let idle = ctx.timeouts().idle;
                session.set_read_timeout(idle);
                session.set_write_timeout(idle);
                ctx.deadline.wrap(&mut session.downstream_session);
                return Ok(false);
            }
            Err(reply) => reply,
        };
        reply.send(session, ctx).await?;
        ctx.reply = reply.into_local();
        Ok(true)
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        ctx.begin_attempt();
        let head = session.req_header();
        ctx.tap = Some(Tap::new(&head.method, &head.headers));
        let left = ctx.time_left().unwrap_or(CONNECT_TIMEOUT);
        let Some(forward) = ctx.forward() else { return Err(ctx.fail(LocalReply::Internal)) };
        let picked = self.shared.upstreams.pick(forward.cluster, &ctx.upstream.tried);
        let pick = match tokio::time::timeout(left, picked).await {
            Ok(Ok(pick)) => pick,
            Ok(Err(why)) => {
                let reply = LocalReply::NoAddress(format!("{}: {why}", forward.cluster.name));
                return Err(ctx.fail(reply));
            }
            Err(_) => return Err(ctx.fail(LocalReply::TimedOut)),
        };
        let edits = forward.rule.edits.iter().chain(&forward.backend.edits);
        let mut peer = self.shared.upstreams.peer(forward.cluster, pick, edits);
        let options = &mut peer.options;
        options.connection_timeout = options.connection_timeout.map(|limit| limit.min(left));
        options.total_connection_timeout = options.total_connection_timeout.map(|limit| limit.min(left));
        let idle = ctx.timeouts().idle;
        (options.read_timeout, options.write_timeout) = (idle, idle);
        (ctx.upstream.address, ctx.upstream.more_addresses) = (Some(pick.address), pick.more);
        Ok(Box::new(peer))
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        reused: bool,
        _peer: &HttpPeer,
        _fd: std::os::unix::io::RawFd,
        digest: Option<&Digest>,
        ctx: &mut Context,
    ) -> Result<()> {
        ctx.upstream.tls = digest.and_then(|digest| digest.ssl_digest.as_ref()).map(|tls| tls_version(&tls.version));
        if let (false, Some(forward), Some(address)) = (reused, ctx.forward(), ctx.upstream.address) {
            self.shared.upstreams.report_connected(forward.cluster, address);
        }
        Ok(())
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Context,
        mut error: Box<Error>,
    ) -> Box<Error> {
        // Not a byte of the request has been sent: another address may be tried whatever the method.
        let others = ctx.upstream.attempts < MAX_ATTEMPTS && ctx.time_left() != Some(Duration::ZERO);
        if let (Some(forward), Some(address)) = (ctx.forward(), ctx.upstream.address) {
            self.shared.upstreams.report_connect_failure(forward.cluster, address);
            self.shared.metrics.connect_failed(&forward.cluster.name);
            let tried = ctx.upstream.tried.contains(&address);
            if !tried {
                ctx.upstream.tried.push(address);
            }
            error.set_retry(others && !tried && ctx.upstream.more_addresses);
        }
        error
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        head: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let client = record::client(session).map(|address| address.ip());
        let wants_trailers = session.req_header().headers.get(http::header::TE).is_some_and(|te| te == "trailers");
        (ctx.upstream.requested, ctx.upstream.http2) = (true, head.version == http::Version::HTTP_2);
        if wants_trailers && ctx.upstream.http2 {
            head.insert_header(http::header::TE, "trailers")?;
        }
        forwarding::set(head, client, &ctx.request_id)?;
        let Some(forward) = ctx.forward() else { return Err(ctx.fail(LocalReply::Internal)) };
        let edited = edit_request(&forward.rule.edits, head).and_then(|()| edit_request(&forward.backend.edits, head));
        edited.map_err(|failed| ctx.fail(LocalReply::BadRequest(failed.0)))
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        if let (Some(bytes), Some(tap)) = (body, &mut ctx.tap) {
            tap.request_body(bytes);
        }
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        if head.status == http::StatusCode::SWITCHING_PROTOCOLS && !session.is_upgrade_req() {
            // The engine would pass it on and tunnel whatever the upstream writes after it.
            return Err(ctx.fail(LocalReply::UpstreamProtocol));
        }
        if head.status.is_informational() {
            ctx.upstream.informational += 1;
            return match ctx.upstream.informational {
                ..=MAX_INFORMATIONAL => Ok(()),
                _ => Err(ctx.fail(LocalReply::UpstreamProtocol)),
            };
        }
        if is_oversized(&head.headers) {
            return Err(ctx.fail(LocalReply::UpstreamProtocol));
        }
        ctx.upstream.first_byte = Some(ctx.elapsed());
        if is_event_stream(&head.headers) {
            ctx.active.push(self.shared.metrics.active_stream());
        }
        if let Some(tap) = &mut ctx.tap {
            tap.response_head(head.status, &head.headers);
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        _session: &mut Session,
        head: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        if head.status.is_informational() {
            return Ok(());
        }
        let Some(rule) = ctx.rule.clone() else { return Ok(()) };
        edit_response(&rule.response_edits, head).map_err(|_| ctx.fail(LocalReply::Internal))
    }

    fn upstream_response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        let at = ctx.elapsed();
        if let (Some(bytes), Some(tap)) = (body, &mut ctx.tap) {
            tap.response_body(bytes, at);
        }
        Ok(None)
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
        ctx.deadline.unwrap(&mut session.downstream_session);
        let reply = match ctx.reply.take() {
            Some(reply) => reply,
            None => match classify(error, ctx.cluster_name()) {
                Failure::Reply(reply) => reply,
                Failure::ClientGone => {
                    ctx.end = BodyEnd::ClientGone;
                    return FailToProxy { error_code: 0, can_reuse_downstream: false };
                }
            },
        };
        ctx.end = BodyEnd::Cut;
        let code = reply.status().as_u16();
        let begun = session.response_written().is_some_and(|head| !head.status.is_informational());
        if !begun {
            // The engine does not reuse the connection after a failure, and the client is told so.
            session.set_keepalive(None);
            drop(Reply::Local(reply.clone()).send(session, ctx).await);
        }
        ctx.reply = Some(reply);
        FailToProxy { error_code: code, can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, _error: Option<&Error>, ctx: &mut Context) {
        ctx.deadline.unwrap(&mut session.downstream_session);
        let exchange = ctx.tap.take().and_then(|tap| tap.finish(ctx.end));
        let record = record::of(session, ctx, &self.gateway, exchange.as_ref());
        self.shared.metrics.observe(&record);
        self.shared.access_log.log(&record);
    }

    // The access log says all of it, in one line per request, in a form that cannot hold a credential.
    fn suppress_error_log(&self, _session: &Session, _ctx: &Context, _error: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(&self, _: &Session, _: &Context, _: &Error, _: ProxyWarnLogContext) -> bool {
        true
    }
}

fn tls_version(text: &str) -> &'static str {
    if text.contains("1_3") || text.contains("1.3") { "TLSv1.3" } else { "TLSv1.2" }
}

fn is_oversized(headers: &http::HeaderMap) -> bool {
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    headers.len() > MAX_FIELDS || bytes > MAX_FIELD_BYTES
}

fn is_event_stream(headers: &http::HeaderMap) -> bool {
    let content_type = headers.get(http::header::CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    content_type.to_ascii_lowercase().starts_with(b"text/event-stream")
}
