//! What is known of one request while it is served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::HeaderValue;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::clock::Clock;
use super::local_reply::LocalReply;
use crate::ai::{BodyEnd, Tap};
use crate::cluster::{Backend, Cluster, Target};
use crate::listener::Listener;
use crate::route::{Action, RouteRule, Timeouts};
use crate::telemetry::metrics::Held;
use crate::timer::Timer;

/// One request, from its head to its line in the access log.
pub(crate) struct Context {
    /// Tells that the request has not ended; dropped with it.
    _running: TaskTrackerToken,
    pub(super) start: Instant,
    pub(super) started_at: SystemTime,
    pub(super) clock: Clock,
    pub(super) request_id: HeaderValue,
    /// Path and query as the client sent them, where the normal form differs.
    pub(super) original_path: Option<Vec<u8>>,
    pub(super) listener: Option<Arc<Listener>>,
    pub(super) rule: Option<Arc<RouteRule>>,
    /// Index of the backend that this request goes to, among those of its rule.
    backend: usize,
    pub(super) reply: Option<LocalReply>,
    pub(super) upstream: Upstream,
    pub(super) tap: Option<Tap>,
    /// It counts as running until it has ended.
    _active: Held,
    /// So does its answer, where that is a stream of events.
    pub(super) active_stream: Option<Held>,
    /// How the body of the answer ended.
    pub(super) end: BodyEnd,
}

/// What is known of the upstream's side.
#[derive(Debug, Default)]
pub(super) struct Upstream {
    pub(super) attempts: u32,
    /// Addresses that did not take the connection.
    pub(super) tried: Vec<SocketAddr>,
    pub(super) address: Option<SocketAddr>,
    /// Whether an address that was not tried remains.
    pub(super) more_addresses: bool,
    /// TLS version, such as `TLSv1.3`; `None` without TLS.
    pub(super) tls: Option<&'static str>,
    pub(super) http2: bool,
    /// A request head was made for it.
    pub(super) requested: bool,
    /// From the start of the request to the head of the answer.
    pub(super) first_byte: Option<Duration>,
    pub(super) informational: u32,
}

/// Where a request goes.
pub(super) struct Forward<'a> {
    pub(super) rule: &'a RouteRule,
    pub(super) backend: &'a Backend,
    pub(super) cluster: &'a Arc<Cluster>,
}

impl Upstream {
    /// The protocol spoken with the upstream; `None` before a request went up.
    pub(super) fn alpn(&self) -> Option<&'static str> {
        self.requested.then_some(if self.http2 { "h2" } else { "http/1.1" })
    }
}

impl Context {
    pub(super) fn new(running: TaskTrackerToken, active: Held, timer: Timer) -> Self {
        let start = Instant::now();
        Self {
            _running: running,
            start,
            started_at: SystemTime::now(),
            clock: Clock::new(start, timer),
            request_id: request_id(),
            original_path: None,
            listener: None,
            rule: None,
            backend: 0,
            reply: None,
            upstream: Upstream::default(),
            tap: None,
            _active: active,
            active_stream: None,
            end: BodyEnd::Whole,
        }
    }

    /// The rule's timeouts; the defaults while none is found.
    pub(super) fn timeouts(&self) -> Timeouts {
        self.rule.as_ref().map(|rule| rule.timeouts).unwrap_or_default()
    }

    /// Picks the backend for a point in the sum of the weights.
    ///
    /// # Errors
    /// The reply where the rule has no backend for it, or its reference is broken.
    pub(super) fn choose_backend(&mut self, point: impl Fn(u64) -> u64) -> Result<(), LocalReply> {
        let broken = |what: &str| Err(LocalReply::Broken(what.to_owned()));
        let Some(Action::Forward(backends)) = self.rule.as_deref().map(|rule| &rule.action) else {
            return broken("it has no action");
        };
        let total = backends.total_weight();
        let chosen = (total > 0).then(|| backends.at(point(total))).flatten();
        match chosen {
            None => broken("it has no backend that takes requests"),
            Some(Backend { target: Target::Unresolved, .. }) => {
                broken("its backend does not exist, may not be referred to, or is itself misconfigured")
            }
            Some(chosen) => {
                self.backend = backends.0.iter().position(|b| std::ptr::eq(b, chosen)).unwrap_or_default();
                Ok(())
            }
        }
    }

    /// Where the request goes; `None` before a backend is chosen.
    pub(super) fn forward(&self) -> Option<Forward<'_>> {
        let rule = self.rule.as_deref()?;
        let (backend, cluster) = self.target(rule)?;
        Some(Forward { rule, backend, cluster })
    }

    /// The chosen backend of the request's own rule, which is held apart.
    pub(super) fn target<'r>(&self, rule: &'r RouteRule) -> Option<(&'r Backend, &'r Arc<Cluster>)> {
        let Action::Forward(backends) = &rule.action else { return None };
        let backend = backends.0.get(self.backend)?;
        let Target::Cluster(cluster) = &backend.target else { return None };
        Some((backend, cluster))
    }

    /// Starts an attempt: its own deadline, and never later than the request's.
    pub(super) fn begin_attempt(&mut self) {
        self.upstream.attempts += 1;
        let timeouts = self.timeouts();
        let request = timeouts.request.map(|limit| self.start + limit);
        let attempt = timeouts.backend_request.map(|limit| Instant::now() + limit);
        self.clock.set([request, attempt].into_iter().flatten().min(), timeouts.idle);
    }

    /// Name of the cluster the request goes to; empty before one is chosen.
    pub(super) fn cluster_name(&self) -> &str {
        self.forward().map_or("", |forward| forward.cluster.name.as_str())
    }

    /// Time since the request's head was read.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A name for a request that nobody can guess.
fn request_id() -> HeaderValue {
    let mut text = [0; Hyphenated::LENGTH];
    let text = Uuid::new_v4().hyphenated().encode_lower(&mut text);
    // Hexadecimal digits and hyphens are a header value.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
}
