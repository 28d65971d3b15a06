//! Rules, with clusters and credentials in the place of their names.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};

use crate::cluster::{Backend, Backends, Cluster, Target};
use crate::filter::credential::{Credential, CredentialInjection};
use crate::filter::headers::HeaderModifier;
use crate::filter::redirect::Redirect;
use crate::filter::rewrite::{PathRewrite, UrlRewrite};
use crate::filter::{RequestEdit, ResponseEdit};
use crate::matcher::RequestMatch;
use crate::matcher::path::PathMatch;
use crate::matcher::value::{HeaderMatch, Pattern, QueryMatch, ValueMatch};
use crate::route::{Action, AnswerBody, DirectResponse, RouteRule, Timeouts};
use crate::wire::error::{At, Flaw, each, optional, required};
use crate::wire::message;

/// What rules refer to, by the names of resources.
pub(in crate::wire) trait Upstreams {
    /// A cluster.
    fn cluster(&self, name: &str) -> Option<Arc<Cluster>>;
    /// A credential.
    fn credential(&self, name: &str) -> Option<Credential>;
}

/// A rule with these matches, which are its own, read before.
pub(super) fn read(
    message: &message::Rule,
    matches: Vec<RequestMatch>,
    upstreams: &impl Upstreams,
) -> Result<RouteRule, Flaw> {
    let message::Rule { name, place: _, matches: _, edits, response_edits, timeouts, action: act } = message;
    Ok(RouteRule {
        name: name.clone(),
        matches,
        edits: each("edits", edits, |edit| request_edit(edit, upstreams))?,
        response_edits: each("responseEdits", response_edits, response_edit)?,
        action: required("action", act.as_ref(), |act| action(act, upstreams))?,
        timeouts: required("timeouts", timeouts.as_ref(), read_timeouts)?,
    })
}

/// Adds the names of the resources that a rule refers to.
pub(super) fn needs(rule: &message::Rule, names: &mut BTreeSet<String>) {
    let backends: &[message::Backend] = match &rule.action {
        Some(message::Action::Forward(forward)) => &forward.backends,
        _ => &[],
    };
    names.extend(backends.iter().filter_map(|backend| backend.cluster.clone()));
    let edits = backends.iter().flat_map(|backend| &backend.edits).chain(&rule.edits);
    names.extend(edits.filter_map(|edit| match &edit.kind {
        Some(message::RequestEditKind::Credential(injection)) => Some(injection.credential.clone()),
        _ => None,
    }));
}

/// One match.
pub(super) fn request_match(message: &message::RequestMatch) -> Result<RequestMatch, Flaw> {
    let message::RequestMatch { path, method, headers, queries } = message;
    let path = required("path", path.as_ref(), |path| match path {
        message::PathMatch::Exact(text) => Ok(PathMatch::Exact(text.clone())),
        message::PathMatch::Prefix(text) => Ok(PathMatch::Prefix(text.clone())),
        message::PathMatch::Regex(text) => pattern(text).map(PathMatch::Regex),
    })?;
    let method = optional("method", method.as_ref(), |text| {
        Method::from_bytes(text.as_bytes()).map_err(|_| Flaw::new("is no method"))
    })?;
    let header = |m: &message::NamedMatch| {
        Ok(HeaderMatch {
            name: header_name(&m.name).at("name")?,
            value: required("value", m.value.as_ref(), value_match)?,
        })
    };
    let query = |m: &message::NamedMatch| {
        Ok(QueryMatch { name: m.name.clone(), value: required("value", m.value.as_ref(), value_match)? })
    };
    Ok(RequestMatch {
        path,
        method,
        headers: each("headers", headers, header)?,
        queries: each("queries", queries, query)?,
    })
}

fn value_match(value: &message::ValueMatch) -> Result<ValueMatch, Flaw> {
    match value {
        message::ValueMatch::Exact(text) => Ok(ValueMatch::Exact(text.clone())),
        message::ValueMatch::Regex(text) => pattern(text).map(ValueMatch::Regex),
    }
}

fn pattern(text: &str) -> Result<Pattern, Flaw> {
    Pattern::new(text).map_err(|_| Flaw::new("is no expression that this version understands"))
}

fn header_name(text: &str) -> Result<HeaderName, Flaw> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| Flaw::new("is no header name"))
}

fn header_value(bytes: &Bytes) -> Result<HeaderValue, Flaw> {
    HeaderValue::from_maybe_shared(bytes.clone()).map_err(|_| Flaw::new("is no header value"))
}

fn request_edit(message: &message::RequestEdit, upstreams: &impl Upstreams) -> Result<RequestEdit, Flaw> {
    required("kind", message.kind.as_ref(), |kind| match kind {
        message::RequestEditKind::Headers(modifier) => header_modifier(modifier).map(RequestEdit::Headers),
        message::RequestEditKind::Rewrite(message::UrlRewrite { hostname, path }) => {
            let path = optional("path", path.as_ref(), path_rewrite)?;
            Ok(RequestEdit::Rewrite(UrlRewrite { hostname: hostname.clone(), path }))
        }
        message::RequestEditKind::Credential(message::CredentialInjection { header, credential, overwrite }) => {
            let missing = || Flaw::new(format!("{credential} is not there"));
            Ok(RequestEdit::Credential(CredentialInjection {
                header: header_name(header).at("header")?,
                credential: upstreams.credential(credential).ok_or_else(missing).at("credential")?,
                overwrite: *overwrite,
            }))
        }
    })
}

fn response_edit(message: &message::ResponseEdit) -> Result<ResponseEdit, Flaw> {
    required("kind", message.kind.as_ref(), |kind| match kind {
        message::ResponseEditKind::Headers(modifier) => header_modifier(modifier).map(ResponseEdit::Headers),
    })
}

fn header_modifier(message: &message::HeaderModifier) -> Result<HeaderModifier, Flaw> {
    let message::HeaderModifier { set, add, remove } = message;
    let header = |message: &message::Header| {
        let message::Header { name, value, sensitive } = message;
        let mut value = header_value(value).at("value")?;
        value.set_sensitive(*sensitive);
        Ok((header_name(name).at("name")?, value))
    };
    Ok(HeaderModifier {
        set: each("set", set, header)?,
        add: each("add", add, header)?,
        remove: each("remove", remove, |name| header_name(name))?,
    })
}

fn path_rewrite(message: &message::PathRewrite) -> Result<PathRewrite, Flaw> {
    required("kind", message.kind.as_ref(), |kind| match kind {
        message::PathRewriteKind::Full(path) => Ok(PathRewrite::Full(path.clone())),
        message::PathRewriteKind::Prefix(message::PrefixRewrite { prefix, replacement }) => {
            Ok(PathRewrite::Prefix { prefix: prefix.clone(), replacement: replacement.clone() })
        }
    })
}

fn action(message: &message::Action, upstreams: &impl Upstreams) -> Result<Action, Flaw> {
    match message {
        message::Action::Forward(message::Backends { backends }) => {
            each("backends", backends, |message| backend(message, upstreams))
                .map(|list| Action::Forward(Backends(list)))
        }
        message::Action::Redirect(message) => redirect(message).map(Action::Redirect),
        message::Action::Answer(message::DirectResponse { status, body }) => Ok(Action::Answer(DirectResponse {
            status: status_code(*status).at("status")?,
            body: required("body", body.as_ref(), answer_body)?,
        })),
    }
}

fn backend(message: &message::Backend, upstreams: &impl Upstreams) -> Result<Backend, Flaw> {
    let message::Backend { weight, cluster, edits } = message;
    let found = optional("cluster", cluster.as_ref(), |name| {
        upstreams.cluster(name).ok_or_else(|| Flaw::new(format!("{name} is not there")))
    })?;
    let edits = each("edits", edits, |edit| request_edit(edit, upstreams))?;
    Ok(Backend { weight: *weight, target: found.map_or(Target::Unresolved, Target::Cluster), edits })
}

fn redirect(message: &message::Redirect) -> Result<Redirect, Flaw> {
    let message::Redirect { scheme, hostname, port, path, status } = message;
    let port = optional("port", port.as_ref(), |port| u16::try_from(*port).map_err(|_| Flaw::new("is no port")))?;
    Ok(Redirect {
        scheme: scheme.clone(),
        hostname: hostname.clone(),
        port,
        path: optional("path", path.as_ref(), path_rewrite)?,
        status: status_code(*status).at("status")?,
    })
}

fn status_code(number: u32) -> Result<StatusCode, Flaw> {
    let status = u16::try_from(number).ok().and_then(|number| StatusCode::from_u16(number).ok());
    status.ok_or_else(|| Flaw::new("is no status"))
}

fn answer_body(body: &message::AnswerBody) -> Result<AnswerBody, Flaw> {
    match body {
        message::AnswerBody::Fixed(message::FixedBody { content_type, body }) => {
            let content_type = optional("contentType", content_type.as_ref(), header_value)?;
            Ok(AnswerBody::Fixed { content_type, body: body.clone() })
        }
        message::AnswerBody::Broken(why) => Ok(AnswerBody::Broken(why.clone())),
    }
}

fn read_timeouts(message: &message::Timeouts) -> Result<Timeouts, Flaw> {
    let message::Timeouts { request, backend_request, idle } = message;
    let span = |span: &message::Span| match span.nanoseconds {
        0..1_000_000_000 => Ok(Duration::new(span.seconds, span.nanoseconds)),
        _ => Err(Flaw::new("is no span of time")),
    };
    Ok(Timeouts {
        request: optional("request", request.as_ref(), span)?,
        backend_request: optional("backendRequest", backend_request.as_ref(), span)?,
        idle: optional("idle", idle.as_ref(), span)?,
    })
}
