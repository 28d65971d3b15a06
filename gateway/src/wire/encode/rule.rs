//! Rules, with names in the place of clusters and credentials.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{HeaderName, HeaderValue};

use super::upstream::Upstreams;
use crate::cluster::{Backend, Backends, Target};
use crate::filter::credential::CredentialInjection;
use crate::filter::headers::HeaderModifier;
use crate::filter::redirect::Redirect;
use crate::filter::rewrite::{PathRewrite, UrlRewrite};
use crate::filter::{RequestEdit, ResponseEdit};
use crate::matcher::RequestMatch;
use crate::matcher::path::PathMatch;
use crate::matcher::value::{HeaderMatch, QueryMatch, ValueMatch};
use crate::route::{Action, AnswerBody, DirectResponse, RouteRule, Timeouts};
use crate::wire::message;

/// One rule of a route.
pub(super) fn encode(place: u32, rule: &RouteRule, upstreams: &mut Upstreams) -> message::Rule {
    let RouteRule { name, matches, edits, response_edits, action, timeouts } = rule;
    message::Rule {
        name: name.clone(),
        place,
        matches: matches.iter().map(request_match).collect(),
        edits: request_edits(edits, upstreams),
        response_edits: response_edits.iter().map(response_edit).collect(),
        timeouts: Some(encode_timeouts(timeouts)),
        action: Some(encode_action(action, upstreams)),
    }
}

/// Notes what a rule refers to, for a rule that has been encoded before.
pub(super) fn refer(rule: &RouteRule, upstreams: &mut Upstreams) {
    let backends: &[Backend] = match &rule.action {
        Action::Forward(Backends(backends)) => backends,
        Action::Redirect(_) | Action::Answer(_) => &[],
    };
    for backend in backends {
        if let Target::Cluster(cluster) = &backend.target {
            upstreams.cluster(cluster);
        }
    }
    for edit in backends.iter().flat_map(|backend| &backend.edits).chain(&rule.edits) {
        if let RequestEdit::Credential(injection) = edit {
            upstreams.credential(&injection.credential);
        }
    }
}

fn request_match(request_match: &RequestMatch) -> message::RequestMatch {
    let RequestMatch { path, method, headers, queries } = request_match;
    let path = match path {
        PathMatch::Exact(text) => message::PathMatch::Exact(text.clone()),
        PathMatch::Prefix(text) => message::PathMatch::Prefix(text.clone()),
        PathMatch::Regex(pattern) => message::PathMatch::Regex(pattern.as_str().to_owned()),
    };
    let header = |HeaderMatch { name, value }: &HeaderMatch| named(name.as_str(), value);
    let query = |QueryMatch { name, value }: &QueryMatch| named(name, value);
    message::RequestMatch {
        path: Some(path),
        method: method.as_ref().map(Method::to_string),
        headers: headers.iter().map(header).collect(),
        queries: queries.iter().map(query).collect(),
    }
}

fn named(name: &str, value: &ValueMatch) -> message::NamedMatch {
    let value = match value {
        ValueMatch::Exact(text) => message::ValueMatch::Exact(text.clone()),
        ValueMatch::Regex(pattern) => message::ValueMatch::Regex(pattern.as_str().to_owned()),
    };
    message::NamedMatch { name: name.to_owned(), value: Some(value) }
}

fn request_edits(edits: &[RequestEdit], upstreams: &mut Upstreams) -> Vec<message::RequestEdit> {
    let mut encode = |edit: &RequestEdit| match edit {
        RequestEdit::Headers(modifier) => message::RequestEditKind::Headers(header_modifier(modifier)),
        RequestEdit::Rewrite(UrlRewrite { hostname, path }) => {
            let path = path.as_ref().map(path_rewrite);
            message::RequestEditKind::Rewrite(message::UrlRewrite { hostname: hostname.clone(), path })
        }
        RequestEdit::Credential(CredentialInjection { header, credential, overwrite }) => {
            message::RequestEditKind::Credential(message::CredentialInjection {
                header: header.to_string(),
                credential: upstreams.credential(credential),
                overwrite: *overwrite,
            })
        }
    };
    edits.iter().map(|edit| message::RequestEdit { kind: Some(encode(edit)) }).collect()
}

fn response_edit(edit: &ResponseEdit) -> message::ResponseEdit {
    let kind = match edit {
        ResponseEdit::Headers(modifier) => message::ResponseEditKind::Headers(header_modifier(modifier)),
    };
    message::ResponseEdit { kind: Some(kind) }
}

fn header_modifier(modifier: &HeaderModifier) -> message::HeaderModifier {
    let HeaderModifier { set, add, remove } = modifier;
    let header = |(name, value): &(HeaderName, HeaderValue)| message::Header {
        name: name.to_string(),
        value: Bytes::copy_from_slice(value.as_bytes()),
        sensitive: value.is_sensitive(),
    };
    message::HeaderModifier {
        set: set.iter().map(header).collect(),
        add: add.iter().map(header).collect(),
        remove: remove.iter().map(HeaderName::to_string).collect(),
    }
}

fn path_rewrite(rewrite: &PathRewrite) -> message::PathRewrite {
    let kind = match rewrite {
        PathRewrite::Full(path) => message::PathRewriteKind::Full(path.clone()),
        PathRewrite::Prefix { prefix, replacement } => message::PathRewriteKind::Prefix(message::PrefixRewrite {
            prefix: prefix.clone(),
            replacement: replacement.clone(),
        }),
    };
    message::PathRewrite { kind: Some(kind) }
}

fn encode_action(action: &Action, upstreams: &mut Upstreams) -> message::Action {
    match action {
        Action::Forward(Backends(backends)) => {
            let backends = backends.iter().map(|backend| encode_backend(backend, upstreams)).collect();
            message::Action::Forward(message::Backends { backends })
        }
        Action::Redirect(Redirect { scheme, hostname, port, path, status }) => {
            message::Action::Redirect(message::Redirect {
                scheme: scheme.clone(),
                hostname: hostname.clone(),
                port: port.map(u32::from),
                path: path.as_ref().map(path_rewrite),
                status: u32::from(status.as_u16()),
            })
        }
        Action::Answer(DirectResponse { status, body }) => message::Action::Answer(message::DirectResponse {
            status: u32::from(status.as_u16()),
            body: Some(answer_body(body)),
        }),
    }
}

fn encode_backend(backend: &Backend, upstreams: &mut Upstreams) -> message::Backend {
    let Backend { weight, target, edits } = backend;
    let cluster = match target {
        Target::Cluster(cluster) => Some(upstreams.cluster(cluster)),
        Target::Unresolved => None,
    };
    message::Backend { weight: *weight, cluster, edits: request_edits(edits, upstreams) }
}

fn answer_body(body: &AnswerBody) -> message::AnswerBody {
    match body {
        AnswerBody::Fixed { content_type, body } => message::AnswerBody::Fixed(message::FixedBody {
            content_type: content_type.as_ref().map(|value| Bytes::copy_from_slice(value.as_bytes())),
            body: body.clone(),
        }),
        AnswerBody::Broken(why) => message::AnswerBody::Broken(why.clone()),
    }
}

fn encode_timeouts(timeouts: &Timeouts) -> message::Timeouts {
    let Timeouts { request, backend_request, idle } = timeouts;
    let span = |time: &Duration| message::Span { seconds: time.as_secs(), nanoseconds: time.subsec_nanos() };
    message::Timeouts {
        request: request.as_ref().map(span),
        backend_request: backend_request.as_ref().map(span),
        idle: idle.as_ref().map(span),
    }
}
