//! EnvoyProxies: what of them has no effect.

use std::collections::{BTreeMap, BTreeSet};

use crate::objects::key::Key;
use crate::objects::{Kind, Objects};
use crate::translate::fault::{Fault, Place};
use crate::translate::gateway::JudgedGateway;

/// Where and how pods run: the controller's business on Kubernetes, and without meaning elsewhere, so that nothing is
/// lost by it.
const INFRASTRUCTURE: &str = "provider";

/// A warning for each field that asks for something nobody does, in the EnvoyProxies that Gateways use.
pub(crate) fn without_effect(objects: &Objects, gateways: &BTreeMap<Key, JudgedGateway<'_>>) -> Vec<Fault> {
    let used: BTreeSet<&Key> = gateways.values().filter_map(|gateway| gateway.proxy.as_ref()).collect();
    let fields =
        used.into_iter().filter_map(|key| Some((key, objects.envoy_proxies.get(key)?))).flat_map(|(key, o)| {
            let inert = o.spec.0.keys().filter(|field| *field != INFRASTRUCTURE);
            inert.map(|field| Place::of(Kind::EnvoyProxy, key).at("spec").at(field).not_acted_on())
        });
    fields.collect()
}
