//! The last step towards the data plane: one Snapshot for each accepted Gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluice_gateway::listener::{Listener, Protocol};
use sluice_gateway::matcher::host::HostPattern;
use sluice_gateway::route::table::{RouteEntry, RouteTable};
use sluice_gateway::route::{Precedence, RouteOrigin, RouteRule};
use sluice_gateway::snapshot::Snapshot;

use crate::objects::Kind;
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
    let mut attached = BTreeMap::<_, Vec<_>>::new();
    attachments.iter().for_each(|a| attached.entry(&a.gateway).or_default().push(a));
    let accepted = gateways.iter().filter(|(_, gateway)| gateway.is_accepted());
    let each = accepted.map(|(key, gateway)| {
        let own = attached.remove(key).unwrap_or_default();
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
            entries.extend(entries_of(&routes[attachment.route], hosts));
        }
    }
    RouteTable::new(entries)
}

fn entries_of(route: &JudgedRoute<'_>, hosts: &[HostPattern]) -> Vec<RouteEntry> {
    let origin = Arc::new(RouteOrigin {
        created: route.object.meta.creation_timestamp.clone(),
        key: route.key.to_string(),
        kind: Kind::HTTPRoute.name().to_ascii_lowercase(),
    });
    let rules = (0..).zip(&route.rules).filter_map(|(place, judged)| Some((place, judged.rule.as_ref()?)));
    let entry = |(place, rule): (u32, &Arc<RouteRule>)| RouteEntry {
        hosts: hosts.to_vec(),
        precedence: Precedence { route: Arc::clone(&origin), rule: place },
        rule: Arc::clone(rule),
    };
    rules.map(entry).collect()
}
