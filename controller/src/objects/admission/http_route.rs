//! `HTTPRoute` and its rules.

use std::collections::BTreeMap;

use super::field::Field;
use super::names;
use super::reference;
use super::route_filter;
use super::route_match;
use super::violations::Violations;
use crate::api::{HTTPBackendRef, HTTPRoute, HTTPRouteRule, HTTPRouteTimeouts, ParentReference};
use crate::duration;

const MOST_HOSTNAMES: usize = 16;
const MOST_PARENTS: usize = 32;
const MOST_RULES: usize = 16;
const MOST_MATCHES: usize = 64;
const MOST_MATCHES_OF_ALL: usize = 128;
const MOST_BACKENDS: usize = 16;
const HEAVIEST: u32 = 1_000_000;

pub(super) fn review(route: &HTTPRoute, spec: &Field, out: &mut Violations) {
    let HTTPRoute { parent_refs, hostnames, rules, use_default_gateways } = route;
    out.at_most(&spec.at("hostnames"), hostnames.len(), MOST_HOSTNAMES);
    for (i, hostname) in hostnames.iter().enumerate() {
        out.check(&spec.item("hostnames", i), names::hostname(hostname));
    }
    review_parents(parent_refs, spec, out);
    if let Some(scope) = use_default_gateways {
        out.one_of(&spec.at("useDefaultGateways"), scope, &["All", "None"]);
    }
    out.at_least_one(&spec.at("rules"), rules.len());
    out.at_most(&spec.at("rules"), rules.len(), MOST_RULES);
    out.at_most(&spec.at("rules"), rules.iter().map(|rule| rule.matches.len()).sum(), MOST_MATCHES_OF_ALL);
    for (i, rule) in rules.iter().enumerate() {
        review_rule(rule, &spec.item("rules", i), out);
    }
    let names =
        rules.iter().enumerate().filter_map(|(i, r)| Some((spec.item("rules", i).at("name"), r.name.as_ref()?)));
    out.unique(names, "the name of a rule");
}

/// Two references to one parent must each name a listener or a port, and not the same.
fn review_parents(parents: &[ParentReference], spec: &Field, out: &mut Violations) {
    out.at_most(&spec.at("parentRefs"), parents.len(), MOST_PARENTS);
    let mut same = BTreeMap::<_, usize>::new();
    let parent = |p: &ParentReference| (p.group.clone(), p.kind.clone(), p.namespace.clone(), p.name.clone());
    parents.iter().for_each(|p| *same.entry(parent(p)).or_default() += 1);
    for (i, reference) in parents.iter().enumerate() {
        let at = spec.item("parentRefs", i);
        let ParentReference { group, kind, namespace, name, section_name, port } = reference;
        reference::review((group, kind, name), &at, out);
        reference::review_namespace(namespace.as_deref(), &at, out);
        section_name.iter().for_each(|section| out.check(&at.at("sectionName"), names::subdomain(section)));
        port.iter().for_each(|port| out.check(&at.at("port"), names::port(*port)));
        if section_name.is_none() && port.is_none() && same.get(&parent(reference)).is_some_and(|count| *count > 1) {
            let message = "the same parent is referred to twice, once as a whole";
            out.refuse(&at, message, "give each reference a `sectionName` or a `port`, or delete one");
        }
    }
    let sections = parents.iter().enumerate().filter(|(_, p)| p.section_name.is_some() || p.port.is_some());
    out.unique(sections.map(|(i, p)| (spec.item("parentRefs", i), p)), "the reference");
}

fn review_rule(rule: &HTTPRouteRule, at: &Field, out: &mut Violations) {
    let HTTPRouteRule { name, matches, filters, backend_refs, timeouts, retry: _, session_persistence: _ } = rule;
    name.iter().for_each(|name| out.check(&at.at("name"), names::subdomain(name)));
    out.at_most(&at.at("matches"), matches.len(), MOST_MATCHES);
    for (i, found) in matches.iter().enumerate() {
        route_match::review(found, &at.item("matches", i), out);
    }
    route_filter::review_all(filters, at, out);
    route_filter::review_prefix(filters, matches, at, out);
    out.at_most(&at.at("backendRefs"), backend_refs.len(), MOST_BACKENDS);
    for (i, backend) in backend_refs.iter().enumerate() {
        let backend_at = at.item("backendRefs", i);
        review_backend(backend, &backend_at, out);
        route_filter::review_prefix(&backend.filters, matches, &backend_at, out);
    }
    if !backend_refs.is_empty() && filters.iter().any(|filter| filter.request_redirect.is_some()) {
        let message = "a rule that redirects has no backends";
        out.refuse(&at.at("backendRefs"), message, "delete the backendRefs, or the RequestRedirect filter");
    }
    timeouts.iter().for_each(|timeouts| review_timeouts(timeouts, &at.at("timeouts"), out));
}

fn review_backend(backend: &HTTPBackendRef, at: &Field, out: &mut Violations) {
    let HTTPBackendRef { group, kind, name, namespace, port, weight, filters } = backend;
    reference::review((group, kind, name), at, out);
    reference::review_namespace(namespace.as_deref(), at, out);
    match port {
        Some(port) => out.check(&at.at("port"), names::port(*port)),
        None if group.is_empty() && kind == "Service" => {
            let remedy = "add `port`; if a Backend is meant, add `group: gateway.envoyproxy.io` and `kind: Backend`";
            out.refuse(&at.at("port"), "a Service needs a port", remedy);
        }
        None => {}
    }
    if *weight > HEAVIEST {
        out.refuse(&at.at("weight"), format!("is {weight}"), "write a weight from 0 to 1000000");
    }
    route_filter::review_all(filters, at, out);
}

fn review_timeouts(timeouts: &HTTPRouteTimeouts, at: &Field, out: &mut Violations) {
    let HTTPRouteTimeouts { request, backend_request } = timeouts;
    let mut parsed = |field: &str, text: &Option<String>| {
        let text = text.as_deref()?;
        let duration = duration::parse(text);
        if duration.is_none() {
            let remedy = "write whole numbers of at most five digits with h, m, s or ms, such as 10m, 1h30m or 500ms";
            out.refuse(&at.at(field), format!("{text:?} is no duration"), remedy);
        }
        duration
    };
    let (whole, attempt) = (parsed("request", request), parsed("backendRequest", backend_request));
    if let (Some(whole), Some(attempt)) = (whole, attempt)
        && !whole.is_zero()
        && attempt > whole
    {
        let remedy = "shorten backendRequest, or lengthen request (0s: no limit)";
        out.refuse(&at.at("backendRequest"), "is longer than `request`", remedy);
    }
}
