//! The last step towards the data plane: one Snapshot for each accepted Gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluice_gateway::listener::{Listener, Protocol};
use sluice_gateway::route::table::{RouteEntry, RouteTable};
use sluice_gateway::snapshot::Snapshot;

use crate::objects::key::Key;
use crate::translate::attach::Attachment;
use crate::translate::gateway::JudgedGateway;
use crate::translate::http_route::JudgedRoute;

/// Puts together what each Gateway serves. One that is refused as a whole has none: what it served before goes on.
pub(crate) fn assemble(
    gateways: &BTreeMap<Key, JudgedGateway<'_>>,
    routes: &[JudgedRoute<'_>],
    attachments: &[Attachment<'_>],
) -> BTreeMap<Key, Snapshot> {
    let accepted = gateways.iter().filter(|(_, gateway)| gateway.is_accepted());
    let each = accepted.map(|(key, gateway)| {
        let own: Vec<_> = attachments.iter().filter(|a| a.gateway == *key).collect();
        let valid = gateway.listeners.iter().enumerate().filter(|(_, listener)| listener.is_valid());
        let listeners = valid.map(|(index, listener)| Listener {
            name: listener.spec.name.clone(),
            port: listener.spec.port,
            protocol: Protocol::Http,
            hostname: listener.hostname.clone(),
            routes: table(index, routes, &own),
        });
        (key.clone(), Snapshot::new(key.to_string(), gateway.sockets.clone(), listeners.collect()))
    });
    each.collect()
}

/// The rules of all routes that meet a listener, once each, in the order of precedence of the routes.
fn table(listener: usize, routes: &[JudgedRoute<'_>], attachments: &[&Attachment<'_>]) -> RouteTable {
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for attachment in attachments {
        let Some((_, hosts)) = attachment.listeners.iter().find(|(index, _)| *index == listener) else { continue };
        if seen.insert(attachment.route) {
            let rules = routes[attachment.route].rules.iter().filter_map(|judged| judged.rule.as_ref());
            entries.extend(rules.map(|rule| RouteEntry { hosts: hosts.clone(), rule: Arc::clone(rule) }));
        }
    }
    RouteTable::new(entries)
}
