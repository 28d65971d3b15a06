//! The access log's record of a finished request.

use http::HeaderMap;
use http::header::{HOST, USER_AGENT};

use super::context::Context;
use super::local_reply::LocalReply;
use crate::ai::{BodyEnd, Exchange};
use crate::head::target;
use crate::session::Session;
use crate::telemetry::{Record, ResponseFlag};

/// Puts together what is known.
pub(super) fn of<'a>(
    session: &'a Session,
    ctx: &'a Context,
    gateway: &'a str,
    exchange: Option<&'a Exchange>,
) -> Record<'a> {
    let head = session.head();
    let forward = ctx.forward();
    let (response_flags, response_code_details) = outcome(ctx);
    Record {
        start_time: ctx.started_at,
        method: head.method.as_str(),
        path: ctx.original_path.as_deref().unwrap_or_else(|| target(head).as_bytes()),
        protocol: head.version,
        response_code: session.status().map_or(0, |status| status.as_u16()),
        response_flags,
        response_code_details,
        upstream_transport_failure_reason: ctx.reply.as_ref().and_then(LocalReply::transport_failure),
        bytes_received: session.received(),
        bytes_sent: session.sent(),
        duration: ctx.elapsed(),
        upstream_service_time: ctx.upstream.first_byte,
        x_forwarded_for: header(&head.headers, "x-forwarded-for"),
        user_agent: header(&head.headers, USER_AGENT.as_str()),
        request_id: Some(ctx.request_id.as_bytes()),
        authority: header(&head.headers, HOST.as_str()).or_else(|| head.uri.authority().map(|a| a.as_str().as_bytes())),
        upstream_host: ctx.upstream.address,
        upstream_cluster: forward.map(|forward| forward.cluster.name.as_str()),
        upstream_tls: ctx.upstream.tls,
        upstream_alpn: ctx.upstream.alpn(),
        attempts: ctx.upstream.attempts,
        route_name: ctx.rule.as_ref().map(|rule| rule.name.as_str()),
        gateway,
        listener: ctx.listener.as_ref().map(|listener| listener.name.as_str()),
        downstream_remote_address: session.client(),
        exchange,
    }
}

fn outcome(ctx: &Context) -> (ResponseFlag, &'static str) {
    match (&ctx.reply, ctx.end) {
        (Some(reply), _) => (reply.flag(), reply.code()),
        (None, BodyEnd::ClientGone) => (ResponseFlag::DownstreamConnectionTermination, "client_disconnected"),
        (None, _) if ctx.upstream.attempts == 0 => (ResponseFlag::None, "direct_response"),
        (None, _) => (ResponseFlag::None, "via_upstream"),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers.get(name).map(http::HeaderValue::as_bytes)
}
