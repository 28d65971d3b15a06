//! Envoy Gateway's `HTTPRouteFilter`.

use super::field::Field;
use super::names;
use super::reference;
use super::route_filter;
use super::violations::Violations;
use crate::api::{CredentialInjection, DirectResponse, DirectResponseBody, HTTPRouteFilter};

const MOST_MATCHES: usize = 8;

pub(super) fn review(filter: &HTTPRouteFilter, spec: &Field, out: &mut Violations) {
    let HTTPRouteFilter { url_rewrite: _, direct_response, credential_injection, matches } = filter;
    out.at_most(&spec.at("matches"), matches.len(), MOST_MATCHES);
    credential_injection.iter().for_each(|c| review_injection(c, &spec.at("credentialInjection"), out));
    direct_response.iter().for_each(|d| review_response(d, &spec.at("directResponse"), out));
}

fn review_injection(injection: &CredentialInjection, at: &Field, out: &mut Violations) {
    let CredentialInjection { header, overwrite: _, credential } = injection;
    header.iter().for_each(|header| out.check(&at.at("header"), names::header(header)));
    let secret = &credential.value_ref;
    let at = at.at("credential.valueRef");
    reference::review((&secret.group, &secret.kind, &secret.name), &at, out);
    reference::review_namespace(secret.namespace.as_deref(), &at, out);
}

fn review_response(response: &DirectResponse, at: &Field, out: &mut Violations) {
    let DirectResponse { content_type: _, status_code: _, body, header } = response;
    if let Some(headers) = header {
        let at = at.at("header");
        route_filter::review_headers(headers, &at, out);
        if !headers.remove.is_empty() {
            out.refuse(&at.at("remove"), "a direct response has no headers to remove", "delete `remove`");
        }
    }
    let Some(DirectResponseBody { kind, inline, value_ref }) = body else { return };
    let at = at.at("body");
    out.one_of(&at.at("type"), kind, &["Inline", "ValueRef"]);
    if kind == "Inline" && inline.is_none() {
        out.refuse(&at.at("inline"), "type Inline needs `inline`", "add `inline`, or write `type: ValueRef`");
    }
    match value_ref {
        None if kind == "ValueRef" => {
            out.refuse(&at.at("valueRef"), "type ValueRef needs `valueRef`", "add `valueRef`")
        }
        Some(reference) if kind == "ValueRef" && reference.kind != "ConfigMap" => {
            let message = format!("refers to the kind {:?}", reference.kind);
            out.refuse(&at.at("valueRef.kind"), message, "put the body into a ConfigMap");
        }
        _ => {}
    }
}
