//! Filters of routes and of their backends.

use super::field::Field;
use super::names;
use super::reference;
use super::violations::Violations;
use crate::api::{
    HTTPHeader, HTTPHeaderFilter, HTTPPathModifier, HTTPRequestRedirect, HTTPRouteFilterRef, HTTPRouteMatch,
    HTTPURLRewrite,
};

const MOST_FILTERS: usize = 16;
const MOST_HEADERS: usize = 16;
const LONGEST_PATH: usize = 1024;

/// The types, each with the field that belongs to it.
const TYPES: [(&str, &str); 8] = [
    ("RequestHeaderModifier", "requestHeaderModifier"),
    ("ResponseHeaderModifier", "responseHeaderModifier"),
    ("RequestMirror", "requestMirror"),
    ("RequestRedirect", "requestRedirect"),
    ("URLRewrite", "urlRewrite"),
    ("ExtensionRef", "extensionRef"),
    ("CORS", "cors"),
    ("ExternalAuth", "externalAuth"),
];
const ONCE: [&str; 5] = ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "CORS"];

/// Each filter, and all of them together.
pub(super) fn review_all(filters: &[HTTPRouteFilterRef], rule: &Field, out: &mut Violations) {
    out.at_most(&rule.at("filters"), filters.len(), MOST_FILTERS);
    for (i, filter) in filters.iter().enumerate() {
        review(filter, &rule.item("filters", i), out);
    }
    let once = filters.iter().enumerate().filter(|(_, filter)| ONCE.contains(&filter.kind.as_str()));
    out.unique(once.map(|(i, filter)| (rule.item("filters", i), &filter.kind)), "a filter of this type");
    let position = |kind| filters.iter().position(|filter| filter.kind == kind);
    if let (Some(_), Some(redirect)) = (position("URLRewrite"), position("RequestRedirect")) {
        let message = "a request is either redirected or rewritten";
        out.refuse(&rule.item("filters", redirect), message, "delete the RequestRedirect or the URLRewrite filter");
    }
}

/// `ReplacePrefixMatch` needs to know which prefix: one match, by prefix.
pub(super) fn review_prefix(
    filters: &[HTTPRouteFilterRef],
    matches: &[HTTPRouteMatch],
    rule: &Field,
    out: &mut Violations,
) {
    let by_prefix = |found: &HTTPRouteMatch| found.path.as_ref().is_none_or(|path| path.kind == "PathPrefix");
    let is_clear = match matches {
        // The default: the prefix `/`.
        [] => true,
        [only] => by_prefix(only),
        _ => false,
    };
    for (i, filter) in filters.iter().enumerate() {
        let rewrite = filter.url_rewrite.as_ref().and_then(|rewrite| rewrite.path.as_ref());
        let redirect = filter.request_redirect.as_ref().and_then(|redirect| redirect.path.as_ref());
        for (path, field) in [(rewrite, "urlRewrite"), (redirect, "requestRedirect")] {
            if path.is_some_and(|path| path.kind == "ReplacePrefixMatch") && !is_clear {
                let at = rule.item("filters", i).at(field).at("path.type");
                let message = "ReplacePrefixMatch needs a rule with exactly one match, and that of type PathPrefix";
                out.refuse(&at, message, "split the rule, one match each, or use ReplaceFullPath");
            }
        }
    }
}

fn review(filter: &HTTPRouteFilterRef, at: &Field, out: &mut Violations) {
    let types = TYPES.map(|(kind, _)| kind);
    out.one_of(&at.at("type"), &filter.kind, &types);
    if !types.contains(&filter.kind.as_str()) {
        return;
    }
    for ((kind, field), given) in TYPES.iter().zip(given(filter)) {
        match (*kind == filter.kind, given) {
            (true, false) => {
                out.refuse(&at.at(field), format!("a filter of type {kind} needs `{field}`"), format!("add `{field}`"));
            }
            (false, true) => {
                let message = format!("belongs to the type {kind}, and this filter is of type {}", filter.kind);
                out.refuse(&at.at(field), message, format!("write `type: {kind}`, or delete `{field}`"));
            }
            _ => {}
        }
    }
    filter.request_header_modifier.iter().for_each(|h| review_headers(h, &at.at("requestHeaderModifier"), out));
    filter.response_header_modifier.iter().for_each(|h| review_headers(h, &at.at("responseHeaderModifier"), out));
    filter.request_redirect.iter().for_each(|r| review_redirect(r, &at.at("requestRedirect"), out));
    filter.url_rewrite.iter().for_each(|r| review_rewrite(r, &at.at("urlRewrite"), out));
    filter.extension_ref.iter().for_each(|extension| {
        reference::review((&extension.group, &extension.kind, &extension.name), &at.at("extensionRef"), out);
    });
}

/// Which fields a filter has, in the order of [`TYPES`].
fn given(filter: &HTTPRouteFilterRef) -> [bool; 8] {
    let HTTPRouteFilterRef {
        kind: _,
        request_header_modifier,
        response_header_modifier,
        request_mirror,
        request_redirect,
        url_rewrite,
        cors,
        external_auth,
        extension_ref,
    } = filter;
    [
        request_header_modifier.is_some(),
        response_header_modifier.is_some(),
        request_mirror.is_some(),
        request_redirect.is_some(),
        url_rewrite.is_some(),
        extension_ref.is_some(),
        cors.is_some(),
        external_auth.is_some(),
    ]
}

/// Headers to set, add and remove; also of a direct response.
pub(super) fn review_headers(headers: &HTTPHeaderFilter, at: &Field, out: &mut Violations) {
    let HTTPHeaderFilter { set, add, remove } = headers;
    review_header_list(set, at, "set", out);
    review_header_list(add, at, "add", out);
    out.at_most(&at.at("remove"), remove.len(), MOST_HEADERS);
    out.unique(remove.iter().enumerate().map(|(i, name)| (at.item("remove", i), name)), "the header");
}

fn review_header_list(headers: &[HTTPHeader], at: &Field, list: &str, out: &mut Violations) {
    out.at_most(&at.at(list), headers.len(), MOST_HEADERS);
    for (i, HTTPHeader { name, value }) in headers.iter().enumerate() {
        out.check(&at.item(list, i).at("name"), names::header(name));
        out.check(&at.item(list, i).at("value"), names::header_value(value));
    }
    out.unique(headers.iter().enumerate().map(|(i, h)| (at.item(list, i).at("name"), &h.name)), "the header");
}

fn review_redirect(redirect: &HTTPRequestRedirect, at: &Field, out: &mut Violations) {
    let HTTPRequestRedirect { scheme, hostname, path, port, status_code } = redirect;
    scheme.iter().for_each(|scheme| out.one_of(&at.at("scheme"), scheme, &["http", "https"]));
    hostname.iter().for_each(|hostname| out.check(&at.at("hostname"), names::precise_hostname(hostname)));
    path.iter().for_each(|path| review_path(path, &at.at("path"), out));
    port.iter().for_each(|port| out.check(&at.at("port"), names::port(*port)));
    for code in status_code.iter().map(u16::to_string) {
        out.one_of(&at.at("statusCode"), &code, &["301", "302", "303", "307", "308"]);
    }
}

fn review_rewrite(rewrite: &HTTPURLRewrite, at: &Field, out: &mut Violations) {
    let HTTPURLRewrite { hostname, path } = rewrite;
    hostname.iter().for_each(|hostname| out.check(&at.at("hostname"), names::precise_hostname(hostname)));
    path.iter().for_each(|path| review_path(path, &at.at("path"), out));
}

fn review_path(path: &HTTPPathModifier, at: &Field, out: &mut Violations) {
    let HTTPPathModifier { kind, replace_full_path, replace_prefix_match } = path;
    out.one_of(&at.at("type"), kind, &["ReplaceFullPath", "ReplacePrefixMatch"]);
    let fields = [
        ("ReplaceFullPath", "replaceFullPath", replace_full_path),
        ("ReplacePrefixMatch", "replacePrefixMatch", replace_prefix_match),
    ];
    for (type_name, field, value) in fields {
        match value {
            None if kind == type_name => {
                out.refuse(&at.at(field), format!("type {kind} needs `{field}`"), format!("add `{field}`"));
            }
            Some(_) if kind != type_name => {
                let remedy = format!("write `type: {type_name}`, or delete `{field}`");
                out.refuse(&at.at(field), format!("belongs to type {type_name}, not to {kind}"), remedy);
            }
            Some(path) if path.len() > LONGEST_PATH => {
                out.refuse(&at.at(field), "is longer than 1024 characters", "shorten it");
            }
            _ => {}
        }
    }
}
