//! The statuses of all objects, as plain data.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::api::{ParentReference, RouteGroupKind};
use crate::objects::key::Key;
use crate::status::address::Address;
use crate::status::condition::Condition;

/// The statuses of all objects that have one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statuses {
    /// Who says all this (`controllerName` of parents and ancestors).
    pub controller_name: String,
    /// Of the classes that are ours.
    pub gateway_classes: BTreeMap<Key, ObjectStatus>,
    /// Of the Gateways of those classes.
    pub gateways: BTreeMap<Key, GatewayStatus>,
    /// Of routes with at least one parent that is ours.
    pub http_routes: BTreeMap<Key, AncestorStatuses>,
    /// Of all Backends.
    pub backends: BTreeMap<Key, ObjectStatus>,
    /// Of policies whose target a route uses.
    pub backend_tls_policies: BTreeMap<Key, AncestorStatuses>,
    /// Of those that a Gateway uses.
    pub envoy_proxies: BTreeMap<Key, AncestorStatuses>,
}

/// The status of an object that speaks for itself: a GatewayClass, a Backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectStatus {
    /// The generation of the spec that this is about.
    pub generation: i64,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// The status of a Gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayStatus {
    /// The generation of the spec that this is about.
    pub generation: i64,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// Addresses that the spec asks for.
    pub requested: Vec<IpAddr>,
    /// Addresses it is reached at; known once its ports are bound.
    pub addresses: Vec<Address>,
    /// Of each listener, in the spec's order.
    pub listeners: Vec<ListenerStatus>,
}

/// The status of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerStatus {
    /// The listener's name.
    pub name: String,
    /// Kinds of route that may attach.
    pub supported_kinds: Vec<RouteGroupKind>,
    /// How many accepted routes are attached.
    pub attached_routes: usize,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// A status that is told for each parent (of a route) or ancestor (of a policy) apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AncestorStatuses {
    /// The generation of the spec that this is about.
    pub generation: i64,
    /// One entry for each parent or ancestor.
    pub ancestors: Vec<AncestorStatus>,
}

/// What is said about an object with regard to one parent or ancestor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AncestorStatus {
    /// A parent as the route wrote it; an ancestor with its namespace filled in.
    pub reference: ParentReference,
    /// The conditions.
    pub conditions: Vec<Condition>,
}
