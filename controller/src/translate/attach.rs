//! Which routes meet which listeners (Gateway API "attaching routes to Gateways").

use std::collections::BTreeSet;

use sluice_gateway::matcher::host::HostPattern;

use crate::api::ParentReference;
use crate::objects::key::Key;
use crate::objects::{Kind, Objects};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::defect;
use crate::translate::fault::{Fault, Place};
use crate::translate::gateway::{Gateways, JudgedGateway};
use crate::translate::http_route::JudgedRoute;
use crate::translate::listener::JudgedListener;
use crate::translate::selector;

/// A route and one of its parents that is ours.
pub(crate) struct Attachment<'a> {
    /// The route's place in the order of precedence.
    pub(crate) route: usize,
    /// As the route wrote it.
    pub(crate) parent: &'a ParentReference,
    pub(crate) gateway: Key,
    /// Listeners it meets, by index, with the hostnames they have in common (none means every one).
    pub(crate) listeners: Vec<(usize, Vec<HostPattern>)>,
    /// Why it meets none.
    pub(crate) fault: Option<Fault>,
}

/// All attachments, and what is wrong with references to other parents.
pub(crate) struct Attachments<'a> {
    pub(crate) all: Vec<Attachment<'a>>,
    pub(crate) faults: Vec<Fault>,
}

impl Attachments<'_> {
    /// What is wrong with references to parents.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().chain(self.all.iter().filter_map(|attachment| attachment.fault.as_ref()))
    }
}

/// Brings all routes and all Gateways together.
pub(crate) fn attach<'a>(objects: &'a Objects, gateways: &Gateways<'_>, routes: &[JudgedRoute<'a>]) -> Attachments<'a> {
    let mut attachments = Attachments { all: Vec::new(), faults: Vec::new() };
    for (position, route) in routes.iter().enumerate() {
        let mut seen = BTreeSet::new();
        for (index, parent) in route.object.spec.parent_refs.iter().enumerate().filter(|(_, p)| seen.insert(*p)) {
            let place = Place::of(Kind::HTTPRoute, route.key).at("spec.parentRefs").index(index);
            let key = gateway_key(parent, route.key);
            match gateways.ours.get(&key) {
                Some(gateway) if is_gateway(parent) => {
                    let met = match defect::of_route(route.key, route.object).next() {
                        Some(fault) => Err(fault),
                        None => meet(objects, route, (parent, &place), (&key, gateway)),
                    };
                    let (listeners, fault) = met.map_or_else(|fault| (Vec::new(), Some(fault)), |met| (met, None));
                    attachments.all.push(Attachment { route: position, parent, gateway: key, listeners, fault });
                }
                _ => attachments.faults.extend(no_parent(objects, parent, &key, &place)),
            }
        }
    }
    attachments
}

fn gateway_key(parent: &ParentReference, route: &Key) -> Key {
    Key::new(parent.namespace.as_deref().unwrap_or(&route.namespace), parent.name.as_str())
}

fn is_gateway(parent: &ParentReference) -> bool {
    parent.group == Kind::Gateway.group() && parent.kind == Kind::Gateway.name()
}

/// A parent that is not ours gets no status; a Gateway of another class has been told of elsewhere.
fn no_parent(objects: &Objects, parent: &ParentReference, key: &Key, place: &Place) -> Option<Fault> {
    if !is_gateway(parent) {
        let message = format!("parents of kind {} in group {:?} are not supported", parent.kind, parent.group);
        return Some(place.at("kind").warning(message, "refer to a Gateway"));
    }
    let missing = !objects.gateways.contains_key(key);
    missing.then(|| place.at("name").error(format!("Gateway {key} does not exist"), "create it, or correct the name"))
}

/// Each step narrows the listeners; the first that leaves none is the reason.
fn meet(
    objects: &Objects,
    route: &JudgedRoute<'_>,
    (parent, place): (&ParentReference, &Place),
    (key, gateway): (&Key, &JudgedGateway<'_>),
) -> Result<Vec<(usize, Vec<HostPattern>)>, Fault> {
    let all = gateway.listeners.iter().enumerate();
    let named: Vec<_> = all.filter(|(_, listener)| is_meant(parent, listener)).collect();
    if named.is_empty() {
        return Err(no_matching_parent(parent, key, place));
    }
    let none_valid = named.iter().all(|(_, listener)| !listener.is_valid());
    let allowing: Vec<_> = named.into_iter().filter(|(_, l)| allows(objects, l, key, route.key)).collect();
    if allowing.is_empty() {
        let fault = if none_valid { not_valid(key, place) } else { not_allowed(key, place) };
        return Err(fault.fails(ConditionType::Accepted, Reason::NotAllowedByListeners));
    }
    let met: Vec<_> = allowing
        .into_iter()
        .filter_map(|(index, l)| Some((index, route.hostnames.intersect(l.hostname.as_ref())?)))
        .collect();
    if met.is_empty() {
        let message = format!("no listener of Gateway {key} has a hostname in common with this route");
        let fault = Place::of(Kind::HTTPRoute, route.key).at("spec.hostnames");
        let fault = fault.error(message, "use a hostname that the listener covers");
        return Err(fault.fails(ConditionType::Accepted, Reason::NoMatchingListenerHostname));
    }
    if !met.iter().any(|(index, _)| gateway.listeners[*index].is_valid()) {
        return Err(not_valid(key, place).fails(ConditionType::Accepted, Reason::NoMatchingParent));
    }
    Ok(met)
}

fn not_allowed(gateway: &Key, place: &Place) -> Fault {
    place.error(
        format!("no listener of Gateway {gateway} allows this route"),
        "allow the route's kind and namespace in the listener's allowedRoutes",
    )
}

fn not_valid(gateway: &Key, place: &Place) -> Fault {
    let message = format!("the listeners of Gateway {gateway} that it could attach to are not valid");
    place.error(message, "mend the listeners")
}

fn is_meant(parent: &ParentReference, listener: &JudgedListener<'_>) -> bool {
    parent.section_name.as_ref().is_none_or(|name| *name == listener.spec.name)
        && parent.port.is_none_or(|port| port == listener.spec.port)
}

fn no_matching_parent(parent: &ParentReference, gateway: &Key, place: &Place) -> Fault {
    let (field, what) = match (&parent.section_name, parent.port) {
        (Some(name), None) => ("sectionName", format!("no listener named {name}")),
        (Some(name), Some(port)) => ("sectionName", format!("no listener named {name} on port {port}")),
        (None, Some(port)) => ("port", format!("no listener on port {port}")),
        (None, None) => ("name", "no listener".to_owned()),
    };
    place
        .at(field)
        .error(format!("Gateway {gateway} has {what}"), "name a listener that exists")
        .fails(ConditionType::Accepted, Reason::NoMatchingParent)
}

/// By kind, then by namespace (`allowedRoutes`).
fn allows(objects: &Objects, listener: &JudgedListener<'_>, gateway: &Key, route: &Key) -> bool {
    let namespaces = &listener.spec.allowed_routes.namespaces;
    listener.supported_kinds.iter().any(|kind| kind.kind == Kind::HTTPRoute.name())
        && match (namespaces.from.as_str(), &namespaces.selector) {
            ("All", _) => true,
            ("Same", _) => route.namespace == gateway.namespace,
            ("Selector", Some(selector)) => {
                let namespace = objects.namespaces.get(&Key::new("", route.namespace.as_str()));
                let mut labels = namespace.map(|n| n.meta.labels.clone()).unwrap_or_default();
                // Every namespace carries its name as a label, from files as from an API server.
                labels.insert("kubernetes.io/metadata.name".to_owned(), route.namespace.clone());
                selector::selects(selector, &labels)
            }
            _ => false,
        }
}
