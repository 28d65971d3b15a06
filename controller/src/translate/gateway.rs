//! Gateways of our classes, with their listeners and verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::api::{Gateway, GatewayAddress, GatewayInfrastructure, LocalObjectReference};
use crate::infra::manifest::Desired;
use crate::objects::key::Key;
use crate::objects::{Kind, Object, Objects};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::class::{Class, Classes};
use crate::translate::defect;
use crate::translate::fault::{Fault, Place};
use crate::translate::listener::{self, JudgedListener};

/// All Gateways that are ours, and what is wrong with the others.
pub(crate) struct Gateways<'a> {
    pub(crate) ours: BTreeMap<Key, JudgedGateway<'a>>,
    /// Those of classes that are another controller's.
    pub(crate) foreign: BTreeSet<Key>,
    pub(crate) faults: Vec<Fault>,
}

/// A Gateway with its verdict.
pub(crate) struct JudgedGateway<'a> {
    pub(crate) generation: i64,
    /// Addresses it asks for.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) listeners: Vec<JudgedListener<'a>>,
    /// Addresses that its data plane binds; all of the machine's where there are none.
    pub(crate) sockets: Vec<IpAddr>,
    /// The EnvoyProxy that its infrastructure refers to, if it exists.
    pub(crate) proxy: Option<Key>,
    /// The objects that run it.
    pub(crate) infrastructure: Desired,
    pub(crate) faults: Vec<Fault>,
}

/// Judges all Gateways.
pub(crate) fn judge<'a>(objects: &'a Objects, classes: &Classes) -> Gateways<'a> {
    let mut ours = BTreeMap::new();
    let (mut foreign_ones, mut faults) = (BTreeSet::new(), Vec::new());
    for (key, object) in &objects.gateways {
        match classes.find(&object.spec.gateway_class_name) {
            Some(Class::Ours { .. }) => drop(ours.insert(key.clone(), judge_one(objects, key, object, None))),
            Some(Class::Refused(fault)) => {
                let refused = class_refused(key, &object.spec, fault);
                ours.insert(key.clone(), judge_one(objects, key, object, Some(refused)));
            }
            Some(Class::Foreign { controller_name }) => {
                foreign_ones.insert(key.clone());
                faults.push(foreign(key, &object.spec, controller_name));
            }
            None => faults.push(no_class(key, &object.spec)),
        }
    }
    Gateways { ours, foreign: foreign_ones, faults }
}

impl Gateways<'_> {
    /// What is wrong with all of them.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &Fault> {
        let each = self.ours.values().flat_map(|g| g.faults.iter().chain(g.listeners.iter().flat_map(|l| &l.faults)));
        each.chain(&self.faults)
    }
}

impl JudgedGateway<'_> {
    /// False when it is refused as a whole; what it served before goes on.
    pub(crate) fn is_accepted(&self) -> bool {
        !self.faults.iter().any(|fault| fault.is_about(ConditionType::Accepted))
    }
}

fn judge_one<'a>(
    objects: &Objects,
    key: &Key,
    object: &'a Object<Gateway>,
    refused: Option<Fault>,
) -> JudgedGateway<'a> {
    let Gateway { gateway_class_name: _, listeners, addresses, infrastructure, allowed_listeners, tls, default_scope } =
        &object.spec;
    let place = Place::of(Kind::Gateway, key).at("spec");
    let mut faults = Vec::from_iter(refused);
    faults.extend(defect::of_object(Kind::Gateway, key, &object.meta, Reason::Invalid));
    let proxy = proxy(objects, key, infrastructure.as_ref()).unwrap_or_else(|fault| {
        faults.push(fault);
        None
    });
    let addresses = requested(addresses, &place.at("addresses"), &mut faults);
    let inert = [
        ("allowedListeners", allowed_listeners.is_some()),
        ("tls", tls.is_some()),
        ("defaultScope", default_scope.is_some()),
    ];
    faults.extend(inert.iter().filter(|(_, given)| *given).map(|(field, _)| place.at(*field).not_acted_on()));
    let listeners = listener::judge(listeners, &place.at("listeners"));
    let (generation, sockets) = (object.meta.generation, addresses.clone());
    JudgedGateway { generation, addresses, sockets, listeners, proxy, infrastructure: Desired::Keep, faults }
}

fn requested(addresses: &[GatewayAddress], place: &Place, faults: &mut Vec<Fault>) -> Vec<IpAddr> {
    let mut wanted = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        let place = place.index(index);
        match (address.kind.as_str(), address.value.parse()) {
            // Any address will do.
            ("IPAddress", _) if address.value.is_empty() => {}
            ("IPAddress", Ok(ip)) => wanted.push(ip),
            ("IPAddress", Err(_)) => {
                let fault = place.at("value").error(format!("{:?} is no IP address", address.value), "write one");
                faults.push(fault.fails(ConditionType::Accepted, Reason::UnsupportedAddress));
            }
            (other, _) => faults.extend(unsupported_address(other, &place)),
        }
    }
    wanted
}

fn unsupported_address(kind: &str, place: &Place) -> [Fault; 2] {
    let message = format!("addresses of type {kind} are not supported");
    let fault = place.at("type").error(message, "use an IPAddress, or leave addresses out");
    [
        fault.clone().fails(ConditionType::Accepted, Reason::UnsupportedAddress),
        fault.fails(ConditionType::Programmed, Reason::AddressNotUsable),
    ]
}

fn proxy(objects: &Objects, gateway: &Key, given: Option<&GatewayInfrastructure>) -> Result<Option<Key>, Fault> {
    let Some(LocalObjectReference { group, kind, name }) = given.and_then(|i| i.parameters_ref.as_ref()) else {
        return Ok(None);
    };
    let place = Place::of(Kind::Gateway, gateway).at("spec.infrastructure.parametersRef");
    let key = Key::new(gateway.namespace.as_str(), name.as_str());
    let fault = if (group.as_str(), kind.as_str()) != (Kind::EnvoyProxy.group(), Kind::EnvoyProxy.name()) {
        place.at("kind").error(
            format!("parametersRef of kind {kind} in group {group:?} is not supported"),
            "refer to an EnvoyProxy of gateway.envoyproxy.io, or leave it out",
        )
    } else if !objects.envoy_proxies.contains_key(&key) {
        place.at("name").error(format!("EnvoyProxy {key} does not exist"), "create it, or leave parametersRef out")
    } else {
        return Ok(Some(key));
    };
    Err(fault.fails(ConditionType::Accepted, Reason::InvalidParameters))
}

fn class_place(gateway: &Key) -> Place {
    Place::of(Kind::Gateway, gateway).at("spec.gatewayClassName")
}

fn class_refused(gateway: &Key, spec: &Gateway, fault: &Fault) -> Fault {
    let message = format!("GatewayClass {} is not accepted: {}", spec.gateway_class_name, fault.message());
    class_place(gateway).error(message, "mend the class").fails(ConditionType::Accepted, Reason::InvalidParameters)
}

fn foreign(gateway: &Key, spec: &Gateway, controller_name: &str) -> Fault {
    class_place(gateway).warning(
        format!("ignored: GatewayClass {} belongs to another controller, {controller_name}", spec.gateway_class_name),
        "use a class of ours, or run under that controller name",
    )
}

fn no_class(gateway: &Key, spec: &Gateway) -> Fault {
    let message = format!("ignored: GatewayClass {} does not exist", spec.gateway_class_name);
    class_place(gateway).error(message, "create the class, or use one that exists")
}
