//! Routes: rules that are kept as they are until something they refer to changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::content;
use super::rule::{self, Upstreams};
use crate::matcher::RequestMatch;
use crate::matcher::host::HostPattern;
use crate::route::table::RouteEntry;
use crate::route::{Precedence, RouteOrigin, RouteRule};
use crate::wire::error::{At, DecodeError, Flaw, each};
use crate::wire::message;
use crate::wire::resource::Resource;

/// A route as a replica holds it.
pub(in crate::wire) struct HeldRoute {
    resource: String,
    origin: Arc<RouteOrigin>,
    rules: Vec<HeldRule>,
    attachments: Vec<Attachment>,
    /// What they make: for each attachment its rules, one attachment after the other.
    entries: Vec<Arc<RouteEntry>>,
    /// Names of the clusters and credentials that it refers to.
    needs: BTreeSet<String>,
}

/// A rule, and what it was made of.
#[derive(Clone)]
struct HeldRule {
    message: Arc<message::Rule>,
    made: Arc<RouteRule>,
}

#[derive(Clone)]
struct Attachment {
    listener: String,
    hosts: Vec<HostPattern>,
    rules: Vec<usize>,
}

impl HeldRoute {
    /// Reads a route's resource; what it refers to is found in `upstreams`.
    pub(in crate::wire) fn read(resource: &Resource, upstreams: &impl Upstreams) -> Result<Self, DecodeError> {
        let message = content::message::<message::Route>(resource)?;
        Self::make(resource, message, upstreams).map_err(|flaw| flaw.of(&resource.name))
    }

    fn make(resource: &Resource, message: message::Route, upstreams: &impl Upstreams) -> Result<Self, Flaw> {
        let message::Route { created, key, kind, rules, attachments } = message;
        let mut held = Vec::new();
        let mut needs = BTreeSet::new();
        for (index, message) in rules.into_iter().enumerate() {
            let matches = each("matches", &message.matches, rule::request_match).item("rules", index)?;
            let made = Arc::new(rule::read(&message, matches, upstreams).item("rules", index)?);
            rule::needs(&message, &mut needs);
            held.push(HeldRule { message: Arc::new(message), made });
        }
        let attachments = each("attachments", &attachments, |message| attachment(message, held.len()))?;
        let origin = Arc::new(RouteOrigin { created, key, kind });
        let entries = entries(&origin, &held, &attachments);
        Ok(Self { resource: resource.name.clone(), origin, rules: held, attachments, entries, needs })
    }

    /// True when it refers to one of these resources.
    pub(in crate::wire) fn needs_any(&self, changed: &BTreeSet<String>) -> bool {
        self.needs.iter().any(|name| changed.contains(name))
    }

    /// The same route with what it refers to looked up anew.
    pub(in crate::wire) fn renewed(&self, upstreams: &impl Upstreams) -> Result<Self, DecodeError> {
        let renew = |held: &HeldRule| {
            let matches: Vec<RequestMatch> = held.made.matches.clone();
            let made = Arc::new(rule::read(&held.message, matches, upstreams)?);
            Ok(HeldRule { message: Arc::clone(&held.message), made })
        };
        let rules = each("rules", &self.rules, renew).map_err(|flaw| flaw.of(&self.resource))?;
        let Self { resource, origin, rules: _, attachments, entries: _, needs } = self;
        Ok(Self {
            resource: resource.clone(),
            origin: Arc::clone(origin),
            entries: entries(origin, &rules, attachments),
            rules,
            attachments: attachments.clone(),
            needs: needs.clone(),
        })
    }

    /// The listeners that it is attached to.
    pub(in crate::wire) fn listeners(&self) -> impl Iterator<Item = &str> {
        self.attachments.iter().map(|attachment| attachment.listener.as_str())
    }

    /// Its rules, each with the name of the listener that it is reached through. They are the same objects each time.
    pub(in crate::wire) fn entries(&self) -> impl Iterator<Item = (&str, &Arc<RouteEntry>)> {
        let listeners = self.attachments.iter().flat_map(|a| a.rules.iter().map(|_| a.listener.as_str()));
        listeners.zip(&self.entries)
    }
}

fn entries(origin: &Arc<RouteOrigin>, rules: &[HeldRule], attachments: &[Attachment]) -> Vec<Arc<RouteEntry>> {
    let of_attachment = |attachment: &Attachment| {
        let entry = |position: &usize| {
            let held = rules.get(*position)?;
            let precedence = Precedence { route: Arc::clone(origin), rule: held.message.place };
            let (hosts, rule) = (attachment.hosts.clone(), Arc::clone(&held.made));
            Some(Arc::new(RouteEntry { hosts, precedence, rule }))
        };
        attachment.rules.iter().filter_map(entry).collect::<Vec<_>>()
    };
    attachments.iter().flat_map(of_attachment).collect()
}

fn attachment(attachment: &message::Attachment, rules: usize) -> Result<Attachment, Flaw> {
    let message::Attachment { listener, hosts, rules: positions } = attachment;
    let position = |position: &u32| {
        let position = usize::try_from(*position).ok().filter(|position| *position < rules);
        position.ok_or_else(|| Flaw::new("the route has no such rule"))
    };
    let hosts = each("hosts", hosts, |text| content::host(text))?;
    Ok(Attachment { listener: listener.clone(), hosts, rules: each("rules", positions, position)? })
}
