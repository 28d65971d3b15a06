//! The last step towards people: what each object is told.

use std::collections::BTreeMap;

use crate::objects::key::Key;
use crate::status::condition::{Condition, ConditionType, Reason};
use crate::status::{AncestorStatus, AncestorStatuses, GatewayStatus, ListenerStatus, ObjectStatus};
use crate::translate::attach::Attachment;
use crate::translate::backend::JudgedBackends;
use crate::translate::fault::{Fault, condition};
use crate::translate::gateway::JudgedGateway;
use crate::translate::http_route::JudgedRoute;
use crate::translate::listener::JudgedListener;

/// Of all Gateways.
pub(crate) fn gateways(
    gateways: &BTreeMap<Key, JudgedGateway<'_>>,
    routes: &[JudgedRoute<'_>],
    attachments: &[Attachment<'_>],
) -> BTreeMap<Key, GatewayStatus> {
    let attached = attached(routes, attachments);
    let each = gateways.iter().map(|(key, gateway)| {
        let of_listener = |index: usize| attached.get(&(key, index)).map_or(0, |(_, count)| *count);
        let listeners = gateway.listeners.iter().enumerate().map(|(index, l)| listener(gateway, l, of_listener(index)));
        let status = GatewayStatus {
            generation: gateway.generation,
            conditions: gateway_conditions(gateway),
            requested: gateway.addresses.clone(),
            addresses: Vec::new(),
            listeners: listeners.collect(),
        };
        (key.clone(), status)
    });
    each.collect()
}

/// How many accepted routes meet each listener, and the last of them. Attachments of one route stand together, so that
/// one with two references to a listener is counted once.
fn attached<'a>(
    routes: &[JudgedRoute<'_>],
    attachments: &'a [Attachment<'_>],
) -> BTreeMap<(&'a Key, usize), (usize, usize)> {
    let mut all = BTreeMap::new();
    for attachment in attachments.iter().filter(|a| accepted(&routes[a.route], a).is_true()) {
        for (listener, _) in &attachment.listeners {
            let (last, count) = all.entry((&attachment.gateway, *listener)).or_insert((usize::MAX, 0));
            *count += usize::from(*last != attachment.route);
            *last = attachment.route;
        }
    }
    all
}

fn gateway_conditions(gateway: &JudgedGateway<'_>) -> Vec<Condition> {
    let mut accepted = condition(ConditionType::Accepted, Reason::Accepted, &gateway.faults);
    let invalid: Vec<_> = gateway.listeners.iter().filter(|l| !l.is_valid()).map(|l| l.spec.name.as_str()).collect();
    let all_invalid = !invalid.is_empty() && invalid.len() == gateway.listeners.len();
    if accepted.is_true() && !invalid.is_empty() {
        let message = format!("not valid: listener {}", invalid.join(", "));
        let told = if all_invalid { Condition::fails } else { Condition::holds };
        accepted = told(ConditionType::Accepted, Reason::ListenersNotValid, message);
    }
    let mut programmed = condition(ConditionType::Programmed, Reason::Programmed, &gateway.faults);
    if programmed.is_true() {
        programmed = if accepted.is_true() {
            Condition::pending(ConditionType::Programmed, "")
        } else {
            Condition::fails(ConditionType::Programmed, Reason::Invalid, "the Gateway is not accepted")
        };
    }
    vec![accepted, programmed]
}

fn listener(gateway: &JudgedGateway<'_>, listener: &JudgedListener<'_>, attached_routes: usize) -> ListenerStatus {
    let mut programmed = condition(ConditionType::Programmed, Reason::Programmed, &listener.faults);
    if programmed.is_true() {
        programmed = match (listener.is_valid(), gateway.is_accepted()) {
            (true, true) => Condition::pending(ConditionType::Programmed, ""),
            (false, _) => Condition::fails(ConditionType::Programmed, Reason::Invalid, "the listener is not valid"),
            (_, false) => Condition::fails(ConditionType::Programmed, Reason::Invalid, "the Gateway is not accepted"),
        };
    }
    let conflicted = listener.faults.iter().find(|fault| fault.is_about(ConditionType::Conflicted));
    let conflicted = match conflicted {
        Some(Fault { verdict: Some((kind, reason)), finding }) => Condition::holds(*kind, *reason, &finding.message),
        _ => Condition::fails(ConditionType::Conflicted, Reason::NoConflicts, ""),
    };
    ListenerStatus {
        name: listener.spec.name.clone(),
        supported_kinds: listener.supported_kinds.clone(),
        attached_routes,
        conditions: vec![
            condition(ConditionType::Accepted, Reason::Accepted, &listener.faults),
            programmed,
            condition(ConditionType::ResolvedRefs, Reason::ResolvedRefs, &listener.faults),
            conflicted,
        ],
    }
}

/// Of all routes with a parent that is ours.
pub(crate) fn http_routes(
    routes: &[JudgedRoute<'_>],
    attachments: &[Attachment<'_>],
) -> BTreeMap<Key, AncestorStatuses> {
    let mut statuses = BTreeMap::<Key, AncestorStatuses>::new();
    for attachment in attachments {
        let route = &routes[attachment.route];
        let status = statuses.entry(route.key.clone()).or_default();
        status.generation = route.object.meta.generation;
        let conditions = route_conditions(route, attachment);
        status.ancestors.push(AncestorStatus { reference: attachment.parent.clone(), conditions });
    }
    statuses
}

fn route_conditions(route: &JudgedRoute<'_>, attachment: &Attachment<'_>) -> Vec<Condition> {
    let accepted = accepted(route, attachment);
    let faults = || route.rules.iter().flat_map(|rule| &rule.faults);
    let resolved = condition(ConditionType::ResolvedRefs, Reason::ResolvedRefs, faults());
    let kind = ConditionType::BackendsAvailable;
    // Said only where it does not hold, as in Envoy Gateway.
    let unavailable = faults().any(|fault| fault.is_about(kind));
    let available = unavailable.then(|| condition(kind, Reason::EndpointsNotFound, faults()));
    let partially = if accepted.is_true() { partially_invalid(route) } else { None };
    [accepted, resolved].into_iter().chain(available).chain(partially).collect()
}

/// A route is accepted if it meets a listener and at least one of its rules can be served as written.
fn accepted(route: &JudgedRoute<'_>, attachment: &Attachment<'_>) -> Condition {
    let kind = ConditionType::Accepted;
    let refused = |faults: &[Fault]| faults.iter().any(|fault| fault.is_about(kind));
    if attachment.fault.is_some() {
        return condition(kind, Reason::Accepted, &attachment.fault);
    }
    if !route.rules.is_empty() && route.rules.iter().all(|rule| refused(&rule.faults)) {
        return condition(kind, Reason::Accepted, route.rules.iter().flat_map(|rule| &rule.faults));
    }
    Condition::holds(kind, Reason::Accepted, "")
}

/// Some rules answer 500, the others are served. The first words are the specification's
/// (`RouteConditionPartiallyInvalid`).
fn partially_invalid(route: &JudgedRoute<'_>) -> Option<Condition> {
    let mut dropped = Vec::new();
    let mut messages = Vec::new();
    for (index, rule) in route.rules.iter().enumerate() {
        let about: Vec<_> = rule.faults.iter().filter(|fault| fault.is_about(ConditionType::Accepted)).collect();
        if !about.is_empty() {
            dropped.push(index.to_string());
            messages.extend(about.iter().map(|fault| fault.message()));
        }
    }
    (!dropped.is_empty()).then(|| {
        let message = format!("Dropped Rule(s) [{}]: {}", dropped.join(","), messages.join("; "));
        Condition::holds(ConditionType::PartiallyInvalid, Reason::UnsupportedValue, message)
    })
}

/// Of all Backends.
pub(crate) fn backends(backends: &JudgedBackends) -> BTreeMap<Key, ObjectStatus> {
    let each = backends.iter().map(|(key, backend)| {
        let accepted = condition(ConditionType::Accepted, Reason::Accepted, &backend.faults);
        (key.clone(), ObjectStatus { generation: backend.generation, conditions: vec![accepted] })
    });
    each.collect()
}
