//! The access log's record of a finished request.

use std::net::SocketAddr;

use http::HeaderMap;
use http::header::{HOST, USER_AGENT};
use pingora_core::protocols::http::ServerSession;

use super::context::Context;
use super::local_reply::LocalReply;
use crate::ai::{BodyEnd, Exchange};
use crate::telemetry::{Record, ResponseFlag};

/// Puts together what is known.
pub(super) fn of<'a>(
    session: &'a ServerSession,
    ctx: &'a Context,
    gateway: &'a str,
    exchange: Option<&'a Exchange>,
) -> Record<'a> {
    let head = session.req_header();
    let forward = ctx.forward();
    let (response_flags, response_code_details) = outcome(ctx);
    Record {
        start_time: ctx.started_at,
        method: head.method.as_str(),
        path: ctx.original_path.as_deref().unwrap_or_else(|| head.raw_path()),
        protocol: head.version,
        response_code: session.response_written().map_or(0, |head| head.status.as_u16()),
        response_flags,
        response_code_details,
        upstream_transport_failure_reason: ctx.reply.as_ref().and_then(LocalReply::transport_failure),
        bytes_received: count(session.body_bytes_read()),
        bytes_sent: count(session.body_bytes_sent()),
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
        downstream_remote_address: client(session),
        exchange,
    }
}

/// The client's address.
pub(super) fn client(session: &ServerSession) -> Option<SocketAddr> {
    session.client_addr().and_then(|address| address.as_inet()).copied()
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

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
