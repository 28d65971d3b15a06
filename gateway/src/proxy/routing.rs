//! From a request's head to what its rule says: nothing has been sent in either direction yet.

use std::borrow::Cow;
use std::sync::Arc;

use http::StatusCode;
use http::uri::Authority;

use super::context::Context;
use super::guard;
use super::local_reply::LocalReply;
use super::reply::Reply;
use crate::filter::rewrite;
use crate::head::{RequestHead, target};
use crate::matcher::RequestParts;
use crate::matcher::host::host_name;
use crate::matcher::path::{Normalized, normalize};
use crate::route::{Action, AnswerBody};
use crate::snapshot::Snapshot;

/// Finds listener and rule for a request that came in on `port`; its path is in the normal form afterwards.
///
/// # Errors
/// The reply that refuses the request.
pub(super) fn find(snapshot: &Snapshot, port: u16, head: &mut RequestHead, ctx: &mut Context) -> Result<(), Reply> {
    guard::check(head)?;
    ctx.original_path = normalize_path(head)?;
    let host = host_of(head);
    let parts =
        RequestParts { path: head.uri.path(), query: head.uri.query(), method: &head.method, headers: &head.headers };
    let found = snapshot.find(port, &host, &parts).ok_or(LocalReply::NoRoute)?;
    ctx.listener = Some(Arc::clone(found.listener));
    ctx.rule = Some(Arc::clone(found.rule.ok_or(LocalReply::NoRoute)?));
    Ok(())
}

/// Does what the rule says: picks the backend, at a point in the sum of the weights, or answers.
///
/// # Errors
/// The reply in place of forwarding.
pub(super) fn act(ctx: &mut Context, head: &RequestHead, port: u16, point: impl Fn(u64) -> u64) -> Result<(), Reply> {
    let Some(rule) = ctx.rule.clone() else { return Err(LocalReply::NoRoute.into()) };
    match &rule.action {
        Action::Forward(_) => Ok(ctx.choose_backend(point)?),
        Action::Redirect(redirect) => {
            Err(Reply::Redirect(redirect.status, redirect.location(&host_of(head), &head.uri, port)))
        }
        Action::Answer(answer) => Err(match &answer.body {
            AnswerBody::Broken(what) => LocalReply::Broken(what.clone()).into(),
            AnswerBody::Fixed { content_type, body } => {
                Reply::Fixed { status: answer.status, content_type: content_type.clone(), body: body.clone() }
            }
        }),
    }
}

/// The name that a request is for; empty for an HTTP/1.0 request without one.
fn host_of(head: &RequestHead) -> String {
    let host = head.headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
    host.or_else(|| head.uri.authority().map(Authority::as_str)).map(host_name).unwrap_or_default()
}

/// Brings the path into its normal form; returns what the client sent, where that differs.
fn normalize_path(head: &mut RequestHead) -> Result<Option<Vec<u8>>, Reply> {
    let changed = match normalize(head.uri.path()) {
        Normalized::Path(Cow::Borrowed(_)) => None,
        Normalized::Path(Cow::Owned(path)) => Some(path),
        Normalized::Redirect(path) => {
            let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            return Err(Reply::Redirect(StatusCode::TEMPORARY_REDIRECT, format!("{path}{query}")));
        }
        Normalized::Invalid => return Err(LocalReply::BadRequest("its path may not be forwarded").into()),
    };
    let Some(path) = changed else { return Ok(None) };
    let original = target(head).as_bytes().to_vec();
    rewrite::set_path(head, &path).map_err(|failed| LocalReply::BadRequest(failed.0))?;
    Ok(Some(original))
}
