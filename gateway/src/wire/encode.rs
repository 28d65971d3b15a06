//! From a snapshot to its resources.

mod rule;
mod upstream;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::message;
use super::resource::{GATEWAY, ROUTE, Resource, ResourceSet};
use crate::listener::{Listener, Protocol};
use crate::matcher::host::HostPattern;
use crate::route::table::RouteEntry;
use crate::route::{RouteOrigin, RouteRule};
use crate::snapshot::Snapshot;
use upstream::Upstreams;

/// Takes a snapshot apart. Names of its listeners are unique, as they are in a Gateway; a route is known by its origin.
pub fn encode(snapshot: &Snapshot) -> ResourceSet {
    let mut upstreams = Upstreams::default();
    let routes = drafts(snapshot).into_iter().map(|(origin, draft)| {
        let name = name(origin);
        Arc::new(Resource::new(name, &draft.finish(origin, &mut upstreams)))
    });
    let routes = routes.collect();
    assemble(snapshot, routes, upstreams)
}

/// The same result for a snapshot that follows another one, at the cost of what differs: routes that mean the same have
/// the same resource, which is in memory once.
pub fn encode_after(snapshot: &Snapshot, before: (&Snapshot, &ResourceSet)) -> ResourceSet {
    let mut upstreams = Upstreams::default();
    let known = drafts(before.0);
    let routes = drafts(snapshot).into_iter().map(|(origin, draft)| {
        let name = name(origin);
        let is_known = known.get(origin).is_some_and(|known| *known == draft);
        match before.1.get(&name).filter(|_| is_known) {
            Some(resource) => {
                draft.rules.iter().for_each(|(_, rule)| rule::refer(rule, &mut upstreams));
                Arc::clone(resource)
            }
            None => Arc::new(Resource::new(name, &draft.finish(origin, &mut upstreams))),
        }
    });
    let routes = routes.collect();
    // Numbers that tell things of one name apart depend on all routes.
    if upstreams.is_ambiguous() || before.1.is_ambiguous() {
        return encode(snapshot);
    }
    assemble(snapshot, routes, upstreams).sharing(before.1)
}

fn drafts(snapshot: &Snapshot) -> BTreeMap<&RouteOrigin, RouteDraft<'_>> {
    let mut drafts = BTreeMap::new();
    for listener in snapshot.listeners() {
        for entry in listener.routes.entries() {
            let draft = drafts.entry(&*entry.precedence.route).or_insert_with(RouteDraft::default);
            draft.attach(&listener.name, entry);
        }
    }
    drafts
}

fn name(origin: &RouteOrigin) -> String {
    format!("{ROUTE}{}/{}", origin.kind, origin.key)
}

fn assemble(snapshot: &Snapshot, routes: Vec<Arc<Resource>>, upstreams: Upstreams) -> ResourceSet {
    let is_ambiguous = upstreams.is_ambiguous();
    let others = upstreams.into_resources().chain([Resource::new(GATEWAY.to_owned(), &gateway(snapshot))]);
    let all = routes.into_iter().chain(others.map(Arc::new));
    ResourceSet::new(all.map(|resource| (resource.name.clone(), resource)).collect(), is_ambiguous)
}

fn gateway(snapshot: &Snapshot) -> message::Gateway {
    message::Gateway {
        name: snapshot.gateway.clone(),
        addresses: snapshot.addresses.iter().map(ToString::to_string).collect(),
        listeners: snapshot.listeners().iter().map(|listener| skeleton(listener)).collect(),
    }
}

fn skeleton(listener: &Listener) -> message::Listener {
    let Listener { name, port, protocol, hostname, routes: _ } = listener;
    let protocol = match protocol {
        Protocol::Http => message::Protocol::Http,
    };
    message::Listener {
        name: name.clone(),
        port: u32::from(*port),
        protocol: protocol.into(),
        hostname: hostname.as_ref().map(HostPattern::to_string),
    }
}

/// A route while its entries are found.
#[derive(PartialEq, Default)]
struct RouteDraft<'a> {
    /// Each rule once, with its place.
    rules: Vec<(u32, &'a Arc<RouteRule>)>,
    attachments: Vec<AttachmentDraft<'a>>,
}

#[derive(PartialEq)]
struct AttachmentDraft<'a> {
    listener: &'a str,
    hosts: &'a [HostPattern],
    rules: Vec<u32>,
}

impl<'a> RouteDraft<'a> {
    fn attach(&mut self, listener: &'a str, entry: &'a RouteEntry) {
        let RouteEntry { hosts, precedence, rule } = entry;
        let position = self.position(precedence.rule, rule);
        match self.attachments.last_mut() {
            Some(last) if last.listener == listener && last.hosts == hosts => last.rules.push(position),
            _ => self.attachments.push(AttachmentDraft { listener, hosts, rules: vec![position] }),
        }
    }

    /// A rule that several listeners share is held once.
    fn position(&mut self, place: u32, rule: &'a Arc<RouteRule>) -> u32 {
        let is_same =
            |(known, other): &(u32, &Arc<RouteRule>)| *known == place && (Arc::ptr_eq(other, rule) || **other == *rule);
        let known = self.rules.iter().position(is_same);
        let position = known.unwrap_or(self.rules.len());
        if known.is_none() {
            self.rules.push((place, rule));
        }
        // A snapshot that fits into memory has fewer rules.
        u32::try_from(position).unwrap_or(u32::MAX)
    }

    fn finish(self, origin: &RouteOrigin, upstreams: &mut Upstreams) -> message::Route {
        let RouteOrigin { created, key, kind } = origin;
        let attachment = |draft: AttachmentDraft<'_>| message::Attachment {
            listener: draft.listener.to_owned(),
            hosts: draft.hosts.iter().map(HostPattern::to_string).collect(),
            rules: draft.rules,
        };
        message::Route {
            created: created.clone(),
            key: key.clone(),
            kind: kind.clone(),
            rules: self.rules.into_iter().map(|(place, rule)| rule::encode(place, rule, upstreams)).collect(),
            attachments: self.attachments.into_iter().map(attachment).collect(),
        }
    }
}
