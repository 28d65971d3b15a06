//! Statuses, findings and listeners as pages of the admin port.

use std::net::SocketAddr;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sluice_gateway::server::Bound;

use crate::diagnostic::Diagnostic;
use crate::source::file::World;
use crate::status::Statuses;

/// `/statuses`: the status of each object that has one, as Kubernetes has it, and all findings.
pub fn statuses(world: &World, statuses: &Statuses, diagnostics: &[Diagnostic]) -> Value {
    let objects = world.manifests.keys().filter_map(|object| Some((object.to_string(), statuses.of(object)?)));
    json!({ "objects": objects.collect::<Map<_, _>>(), "findings": diagnostics })
}

/// One line of `/listeners`, and of the ready line.
#[derive(Debug, Serialize)]
pub struct ListenerAddress<'a> {
    gateway: &'a str,
    listener: &'a str,
    address: SocketAddr,
}

/// `/listeners`: those that are bound, and where.
pub fn listeners(bound: &[Bound]) -> Vec<ListenerAddress<'_>> {
    let listeners = bound.iter().filter_map(|bound| {
        let Bound { gateway, listener, port: _, result } = bound;
        Some(ListenerAddress { gateway, listener, address: *result.as_ref().ok()? })
    });
    listeners.collect()
}
