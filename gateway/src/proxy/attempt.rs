//! One attempt at an upstream: an address, a connection, a head made for it, and the exchange.

use std::sync::Arc;

use http::HeaderValue;
use http::uri::Scheme;
use pingora_error::{Error, ErrorType, RetryType};

use super::context::Context;
use super::failure::Fault;
use super::local_reply::LocalReply;
use super::relay::Relay;
use super::{forwarding, hop};
use crate::ai::Tap;
use crate::exchange::Exchange;
use crate::filter::edit_request;
use crate::head::RequestHead;
use crate::session::Session;
use crate::telemetry::Metrics;
use crate::upstream::{Connected, Connection, Connections, NoAddress, Upstreams, Way};

/// Addresses that a request tries before it gives up.
const MAX_ADDRESSES: u32 = 4;
/// Attempts of any kind: kept connections that turn out to be closed do not count as addresses.
const MAX_ATTEMPTS: u32 = 16;

/// What an attempt works with.
pub(super) struct Attempt<'a> {
    pub(super) upstreams: &'a Upstreams,
    pub(super) connections: &'a Connections,
    pub(super) metrics: &'a Metrics,
    pub(super) session: &'a mut Session,
    pub(super) ctx: &'a mut Context,
}

/// How an attempt failed.
pub(super) struct Failed {
    pub(super) fault: Fault,
    /// Whether another may be made: no upstream has seen the request, or it does no harm twice.
    pub(super) again: bool,
}

impl Attempt<'_> {
    /// Runs it; true when the request was taken whole.
    ///
    /// # Errors
    /// There is no answer, or half of one.
    pub(super) async fn run(mut self) -> Result<bool, Failed> {
        self.ctx.begin_attempt();
        let head = self.session.head();
        self.ctx.tap = Some(Tap::new(&head.method, &head.headers));
        let way = self.pick().await?;
        let Connected { connection, reused } = match self.connect(&way).await {
            Ok(connected) => connected,
            Err(error) => return Err(self.not_connected(error)),
        };
        self.note(&connection, reused);
        let mut exchange = self.begin(connection, &way)?;
        let (session, ctx) = (&mut *self.session, &mut *self.ctx);
        let relay = Relay { session, exchange: &mut exchange, ctx, metrics: self.metrics }.run().await;
        let ended = relay.map_err(|fault| self.broken(fault, &way, reused));
        self.give_back(exchange, &way, ended.as_ref().err());
        ended
    }

    async fn pick(&mut self) -> Result<Arc<Way>, Fault> {
        let Some(rule) = self.ctx.rule.clone() else { return Err(LocalReply::Internal.into()) };
        let Some((backend, cluster)) = self.ctx.target(&rule) else { return Err(LocalReply::Internal.into()) };
        let picked = match self.upstreams.pick_known(cluster, &self.ctx.upstream.tried) {
            Err(NoAddress::Pending) => {
                let tried = self.ctx.upstream.tried.clone();
                // On the heap: what is seldom done takes no room in the task of each request.
                let picked = Box::pin(async { Ok(self.upstreams.pick(cluster, &tried).await) });
                self.ctx.clock.limit(picked).await?
            }
            known => known,
        };
        let pick = picked.map_err(|why| LocalReply::NoAddress(format!("{}: {why}", cluster.name)))?;
        (self.ctx.upstream.address, self.ctx.upstream.more_addresses) = (Some(pick.address), pick.more);
        Ok(self.upstreams.way(cluster, pick, rule.edits.iter().chain(&backend.edits)))
    }

    async fn connect(&mut self, way: &Way) -> pingora_error::Result<Connected> {
        if let Some(connected) = self.connections.idle(way) {
            return Ok(connected);
        }
        let connected = Box::pin(self.connections.get(way));
        self.ctx.clock.limit(connected).await.map_err(Error::into_up)
    }

    /// Not a byte of the request has been sent: another address may be tried whatever the method.
    fn not_connected(&mut self, error: Box<Error>) -> Failed {
        let others = self.ctx.upstream.attempts < MAX_ADDRESSES && self.ctx.upstream.more_addresses;
        let mut again = false;
        if let (Some(forward), Some(address)) = (self.ctx.forward(), self.ctx.upstream.address) {
            self.upstreams.report_connect_failure(forward.cluster, address);
            self.metrics.connect_failed(&forward.cluster.name);
            let tried = &mut self.ctx.upstream.tried;
            again = others && !tried.contains(&address);
            tried.push(address);
        }
        Failed { again: again && *error.etype() != super::clock::TIME_IS_UP, fault: error.into() }
    }

    fn note(&mut self, connection: &Connection, reused: bool) {
        self.ctx.upstream.tls = connection.tls_version();
        self.ctx.upstream.http2 = matches!(connection, Connection::Http2(_));
        self.ctx.upstream.requested = true;
        if let (false, Some(forward), Some(address)) = (reused, self.ctx.forward(), self.ctx.upstream.address) {
            self.upstreams.report_connected(forward.cluster, address);
        }
    }

    fn begin(&mut self, connection: Connection, way: &Way) -> Result<Exchange, Fault> {
        let mut head = self.head()?;
        if self.session.head().method.is_idempotent() {
            // What is taken of its body is kept for another attempt.
            self.session.keep_body();
        }
        match connection {
            Connection::Http1(stream) => {
                hop::as_http1(&mut head, self.session.has_body())?;
                Ok(Exchange::over_http1(stream, &head)?)
            }
            Connection::Http2(slot) => {
                hop::as_http2(&mut head, if way.is_tls() { Scheme::HTTPS } else { Scheme::HTTP })?;
                let ends = !self.session.has_body();
                Ok(Exchange::over_http2(slot, head, ends).map_err(Error::into_up)?)
            }
        }
    }

    /// The head that goes upstream: the client's, without what is not for the upstream, and with all edits.
    fn head(&self) -> Result<RequestHead, LocalReply> {
        let client = self.session.client().map(|address| address.ip());
        let next = if self.ctx.upstream.http2 { hop::Next::Http2 } else { hop::Next::Http1 };
        let mut head = self.session.head().clone();
        let wants_trailers = head.headers.get(http::header::TE).is_some_and(|te| te == "trailers");
        hop::strip(&mut head, next)?;
        if wants_trailers && next == hop::Next::Http2 {
            let te = head.headers.try_insert(http::header::TE, HeaderValue::from_static("trailers"));
            te.map_err(|_| LocalReply::Internal)?;
        }
        forwarding::set(&mut head, client, &self.ctx.request_id).map_err(|_| LocalReply::Internal)?;
        let forward = self.ctx.forward().ok_or(LocalReply::Internal)?;
        let edited = edit_request(&forward.rule.edits, &mut head);
        let edited = edited.and_then(|()| edit_request(&forward.backend.edits, &mut head));
        edited.map_err(|failed| LocalReply::BadRequest(failed.0))?;
        Ok(head)
    }

    fn broken(&self, fault: Fault, way: &Way, reused: bool) -> Failed {
        let Fault::Engine(error) = &fault else { return Failed { fault, again: false } };
        if matches!(error.etype(), ErrorType::H2Downgrade | ErrorType::InvalidH2) {
            self.connections.prefer_http1(way);
        }
        let unseen = match error.retry {
            RetryType::Decided(unseen) => unseen,
            RetryType::ReusedOnly => reused,
        };
        let harmless = self.session.head().method.is_idempotent() && !self.session.has_outgrown();
        let unanswered = self.session.status().is_none();
        let again = unseen && harmless && unanswered && self.ctx.upstream.attempts < MAX_ATTEMPTS;
        Failed { fault, again }
    }

    fn give_back(&self, exchange: Exchange, way: &Way, failed: Option<&Failed>) {
        let connections = self.connections;
        match exchange {
            Exchange::Http1(exchange) if failed.is_none() => {
                if let Some(stream) = exchange.into_reusable() {
                    connections.keep(way, stream);
                }
            }
            Exchange::Http1(_) => {}
            Exchange::Http2(mut exchange) => {
                if let Some(failed) = failed {
                    exchange.cancel(failed.fault.is_silence());
                }
            }
        }
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { fault, again: false }
    }
}
