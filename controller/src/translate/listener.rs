//! Listeners of a Gateway: which are in order, what may attach to them.

use std::collections::BTreeSet;

use sluice_gateway::matcher::host::HostPattern;

use crate::api::{GatewayListener, LabelSelector, RouteGroupKind};
use crate::objects::Kind;
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};
use crate::translate::selector;

/// A listener with its verdict.
pub(crate) struct JudgedListener<'a> {
    pub(crate) spec: &'a GatewayListener,
    pub(crate) hostname: Option<HostPattern>,
    /// Kinds of route that may attach and that we know.
    pub(crate) supported_kinds: Vec<RouteGroupKind>,
    pub(crate) faults: Vec<Fault>,
}

impl JudgedListener<'_> {
    /// False when it cannot be served at all. A listener whose list of kinds holds an unknown one beside ours is.
    pub(crate) fn is_valid(&self) -> bool {
        let fatal = [ConditionType::Accepted, ConditionType::Programmed, ConditionType::Conflicted];
        !self.faults.iter().any(|fault| fatal.iter().any(|kind| fault.is_about(*kind)))
    }
}

/// Judges the listeners of one Gateway; of two with the same port and hostname, the later loses.
pub(crate) fn judge<'a>(listeners: &'a [GatewayListener], place: &Place) -> Vec<JudgedListener<'a>> {
    let mut taken = BTreeSet::new();
    let each = listeners.iter().enumerate().map(|(index, spec)| {
        let place = place.index(index);
        let mut listener = judge_alone(spec, &place);
        let wanted = (spec.port, listener.hostname.clone());
        if listener.is_valid() && !taken.insert(wanted) {
            listener.faults.extend(conflict(spec, &place));
        }
        listener
    });
    each.collect()
}

fn judge_alone<'a>(spec: &'a GatewayListener, place: &Place) -> JudgedListener<'a> {
    let mut faults = Vec::new();
    if spec.protocol != "HTTP" {
        faults.push(unsupported_protocol(spec, place));
        return JudgedListener { spec, hostname: None, supported_kinds: Vec::new(), faults };
    }
    let hostname = spec.hostname.as_deref().filter(|text| !text.is_empty()).and_then(|text| match text.parse() {
        Ok(pattern) => Some(pattern),
        Err(_) => {
            faults.push(not_a_hostname(text, place));
            None
        }
    });
    faults.extend(selector_fault(spec, &place.at("allowedRoutes.namespaces")));
    let supported_kinds = supported_kinds(&spec.allowed_routes.kinds, &place.at("allowedRoutes.kinds"), &mut faults);
    if spec.tls.is_some() {
        faults.push(place.at("tls").not_acted_on());
    }
    JudgedListener { spec, hostname, supported_kinds, faults }
}

/// All that the protocol allows where nothing is said; else those of the list that are known.
fn supported_kinds(listed: &[RouteGroupKind], place: &Place, faults: &mut Vec<Fault>) -> Vec<RouteGroupKind> {
    let ours = RouteGroupKind { group: Kind::HTTPRoute.group().to_owned(), kind: Kind::HTTPRoute.name().to_owned() };
    if listed.is_empty() {
        return vec![ours];
    }
    for (index, kind) in listed.iter().enumerate().filter(|(_, kind)| **kind != ours) {
        let message = format!("routes of kind {} in group {:?} are not supported", kind.kind, kind.group);
        let fault = place.index(index).at("kind").error(message, "list HTTPRoute only");
        faults.push(fault.fails(ConditionType::ResolvedRefs, Reason::InvalidRouteKinds));
    }
    if listed.contains(&ours) {
        return vec![ours];
    }
    let nothing = place.error("no kind of route that is supported may attach", "add HTTPRoute");
    faults.push(nothing.fails(ConditionType::Programmed, Reason::Invalid));
    Vec::new()
}

fn unsupported_protocol(spec: &GatewayListener, place: &Place) -> Fault {
    let message = format!("protocol {} is not supported", spec.protocol);
    place.at("protocol").error(message, "use HTTP").fails(ConditionType::Accepted, Reason::UnsupportedProtocol)
}

fn not_a_hostname(text: &str, place: &Place) -> Fault {
    place
        .at("hostname")
        .error(format!("{text:?} is no hostname"), "write a DNS name, with `*.` in front for all below it")
        .fails(ConditionType::Accepted, Reason::Invalid)
}

fn selector_fault(spec: &GatewayListener, place: &Place) -> Option<Fault> {
    let namespaces = &spec.allowed_routes.namespaces;
    let why = match (namespaces.from.as_str(), &namespaces.selector) {
        ("All" | "Same" | "None", _) => return None,
        ("Selector", Some(selector)) => unreadable(selector)?,
        ("Selector", None) => "from: Selector needs a selector".to_owned(),
        (other, _) => format!("from: {other} is not known"),
    };
    let fault = place.error(why, "use All, Same, None, or Selector with a label selector");
    Some(fault.fails(ConditionType::Programmed, Reason::Invalid))
}

fn unreadable(selector: &LabelSelector) -> Option<String> {
    let unknown = selector.match_expressions.iter().find(|e| !selector::OPERATORS.contains(&e.operator.as_str()))?;
    Some(format!("operator {} of a label selector is not known", unknown.operator))
}

/// As the conformance suite has it, all three conditions carry the reason.
fn conflict(spec: &GatewayListener, place: &Place) -> [Fault; 3] {
    let hostname = spec.hostname.as_deref().unwrap_or("every hostname");
    let message = format!("an earlier listener has port {} for {hostname}", spec.port);
    let fault = place.at("port").error(message, "give it another port or hostname, or remove it");
    [
        fault.clone().fails(ConditionType::Accepted, Reason::HostnameConflict),
        fault.clone().fails(ConditionType::Programmed, Reason::HostnameConflict),
        fault.fails(ConditionType::Conflicted, Reason::HostnameConflict),
    ]
}
