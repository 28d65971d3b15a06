//! What a replica holds: resources, read once and kept, and the snapshot that they make.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use super::decode::route::HeldRoute;
use super::decode::skeleton::Skeleton;
use super::decode::{Upstreams, upstream};
use super::error::{DecodeError, Flaw};
use super::resource::{BUNDLE, CLUSTER, CREDENTIAL, GATEWAY, ROUTE, Resource};
use crate::cluster::{CaBundle, Cluster};
use crate::filter::credential::Credential;
use crate::route::table::RouteEntry;
use crate::snapshot::Snapshot;

/// The resources in force, in the form that requests use. One that did not change is not read again, and the rules
/// made of it stay the same objects from snapshot to snapshot.
#[derive(Default)]
pub struct Assembly {
    held: BTreeMap<Arc<str>, Held>,
}

/// What makes one version of another.
#[derive(Default)]
pub struct Change {
    /// Resources that are new or different.
    pub upserts: Vec<Resource>,
    /// Names of resources that are gone.
    pub removals: Vec<String>,
}

/// What was held under the names that a change has touched, in the order of touching.
type Before = Vec<(Arc<str>, Option<Held>)>;

#[derive(Clone)]
struct Held {
    hash: Bytes,
    part: Part,
}

#[derive(Clone)]
enum Part {
    Bundle(Arc<CaBundle>),
    Credential(Credential),
    Cluster(Arc<Cluster>),
    Route(Arc<HeldRoute>),
    Gateway(Arc<Skeleton>),
}

impl Assembly {
    /// Names and hashes of what is held, by name.
    pub fn held(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.held.iter().map(|(name, held)| (&**name, &held.hash))
    }

    /// Makes the change and returns what everything means now. When it cannot be made, nothing has changed.
    ///
    /// # Errors
    /// A resource cannot be read, or refers to one that is not there.
    pub fn apply(&mut self, change: Change) -> Result<Snapshot, DecodeError> {
        let mut before = Before::default();
        let made = self.change(change, &mut before).and_then(|()| self.snapshot());
        if made.is_err() {
            self.go_back(before);
        }
        made
    }

    /// Undoes what was done, the last first.
    fn go_back(&mut self, before: Before) {
        for (name, held) in before.into_iter().rev() {
            match held {
                Some(held) => self.held.insert(name, held),
                None => self.held.remove(&name),
            };
        }
    }

    fn change(&mut self, change: Change, before: &mut Before) -> Result<(), DecodeError> {
        let Change { mut upserts, removals } = change;
        let mut changed = BTreeSet::new();
        for name in removals {
            if let Some((key, held)) = self.held.remove_entry(name.as_str()) {
                before.push((key, Some(held)));
            }
            changed.insert(name);
        }
        // What is referred to comes before what refers.
        upserts.sort_by_key(|resource| Floor::of(&resource.name));
        for resource in upserts {
            let part = self.read(&resource)?;
            let (name, held) = (Arc::from(resource.name.as_str()), Held { hash: resource.hash, part });
            before.push((Arc::clone(&name), self.held.insert(name, held)));
            changed.insert(resource.name);
        }
        self.renew_routes(&changed, before)
    }

    fn read(&self, resource: &Resource) -> Result<Part, DecodeError> {
        match Floor::of(&resource.name) {
            Floor::Bundle => upstream::bundle(resource).map(|bundle| Part::Bundle(Arc::new(bundle))),
            Floor::Credential => upstream::credential(resource).map(Part::Credential),
            Floor::Cluster => {
                let cluster = upstream::cluster(resource, |name| self.bundle(name));
                cluster.map(|cluster| Part::Cluster(Arc::new(cluster)))
            }
            Floor::Route => HeldRoute::read(resource, self).map(|route| Part::Route(Arc::new(route))),
            Floor::Gateway => Skeleton::read(resource).map(|skeleton| Part::Gateway(Arc::new(skeleton))),
            Floor::Unknown => Err(Flaw::new("is of a kind that this version does not know").of(&resource.name)),
        }
    }

    /// Routes that stay, and refer to what does not.
    fn renew_routes(&mut self, changed: &BTreeSet<String>, before: &mut Before) -> Result<(), DecodeError> {
        let is_referred_to = |name: &&String| matches!(Floor::of(name), Floor::Credential | Floor::Cluster);
        if !changed.iter().any(|name| is_referred_to(&name)) {
            return Ok(());
        }
        let routes = self.held.iter().filter_map(|(name, held)| match &held.part {
            Part::Route(route) if !changed.contains(&**name) && route.needs_any(changed) => Some((name, route)),
            _ => None,
        });
        let renewed = routes.map(|(name, route)| Ok((Arc::clone(name), route.renewed(self)?)));
        for (name, route) in renewed.collect::<Result<Vec<_>, DecodeError>>()? {
            if let Some(held) = self.held.get_mut(&name) {
                before.push((name, Some(held.clone())));
                held.part = Part::Route(Arc::new(route));
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Snapshot, DecodeError> {
        let Some(Held { part: Part::Gateway(skeleton), .. }) = self.held.get(GATEWAY) else {
            return Err(Flaw::new("is not there").of(GATEWAY));
        };
        let mut tables = HashMap::<&str, Vec<Arc<RouteEntry>>>::new();
        for (name, held) in &self.held {
            let Part::Route(route) = &held.part else { continue };
            if let Some(listener) = route.listeners().find(|listener| !skeleton.has_listener(listener)) {
                return Err(Flaw::new(format!("the Gateway has no listener {listener}")).of(name));
            }
            for (listener, entry) in route.entries() {
                tables.entry(listener).or_default().push(Arc::clone(entry));
            }
        }
        Ok(skeleton.with(|listener| tables.remove(listener).unwrap_or_default()))
    }

    fn bundle(&self, name: &str) -> Option<Arc<CaBundle>> {
        match &self.held.get(name)?.part {
            Part::Bundle(bundle) => Some(Arc::clone(bundle)),
            _ => None,
        }
    }
}

impl Upstreams for Assembly {
    fn cluster(&self, name: &str) -> Option<Arc<Cluster>> {
        match &self.held.get(name)?.part {
            Part::Cluster(cluster) => Some(Arc::clone(cluster)),
            _ => None,
        }
    }

    fn credential(&self, name: &str) -> Option<Credential> {
        match &self.held.get(name)?.part {
            Part::Credential(credential) => Some(credential.clone()),
            _ => None,
        }
    }
}

/// What a name is about; what is referred to stands below what refers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Floor {
    Bundle,
    Credential,
    Cluster,
    Route,
    Gateway,
    Unknown,
}

impl Floor {
    fn of(name: &str) -> Self {
        let kinds =
            [(BUNDLE, Self::Bundle), (CREDENTIAL, Self::Credential), (CLUSTER, Self::Cluster), (ROUTE, Self::Route)];
        match kinds.iter().find(|(prefix, _)| name.starts_with(prefix)) {
            Some((_, floor)) => *floor,
            None if name == GATEWAY => Self::Gateway,
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message;

    fn gateway(protocol: i32) -> Resource {
        let listener = message::Listener { name: "http".into(), port: 80, protocol, hostname: None };
        let message = message::Gateway { name: "ai/gateway".into(), addresses: Vec::new(), listeners: vec![listener] };
        Resource::new(GATEWAY.into(), &message)
    }

    fn route(action: Option<message::Action>) -> Resource {
        let rule = message::Rule { timeouts: Some(message::Timeouts::default()), action, ..message::Rule::default() };
        let attachment =
            message::Attachment { listener: "http".into(), rules: vec![0], ..message::Attachment::default() };
        let message = message::Route { rules: vec![rule], attachments: vec![attachment], ..message::Route::default() };
        Resource::new(format!("{ROUTE}httproute/ai/qwen"), &message)
    }

    fn to(cluster: &str) -> Option<message::Action> {
        let backend = message::Backend { weight: 1, cluster: Some(cluster.into()), ..message::Backend::default() };
        Some(message::Action::Forward(message::Backends { backends: vec![backend] }))
    }

    fn cluster(protocol: i32) -> Resource {
        let message = message::Cluster { name: "backend/ai/qwen".into(), protocol, ..message::Cluster::default() };
        Resource::new(format!("{CLUSTER}backend/ai/qwen"), &message)
    }

    fn apply(assembly: &mut Assembly, upserts: Vec<Resource>) -> Result<Snapshot, String> {
        assembly.apply(Change { upserts, removals: Vec::new() }).map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_read_changes_nothing() {
        let mut assembly = Assembly::default();
        let good = apply(&mut assembly, vec![gateway(1), route(to("cluster/backend/ai/qwen")), cluster(1)]).unwrap();
        let held = |assembly: &Assembly| assembly.held().map(|(name, hash)| (name.to_owned(), hash.clone())).collect();
        let before: BTreeMap<String, Bytes> = held(&assembly);
        for (resource, told) in [
            (
                gateway(7),
                "resource gateway: listeners[0].protocol: is missing, or of a kind that this version does not know",
            ),
            (cluster(7), "resource cluster/backend/ai/qwen: protocol: is missing, or of a kind"),
            (route(None), "resource route/httproute/ai/qwen: rules[0].action: is missing, or of a kind"),
            (route(to("cluster/none")), "rules[0].action.backends[0].cluster: cluster/none is not there"),
            (Resource { name: "future/x".into(), ..cluster(1) }, "resource future/x: is of a kind"),
            (Resource { content: gateway(1).content, ..cluster(1) }, "the content is not what its hash says"),
        ] {
            let error = apply(&mut assembly, vec![resource]).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        let removal = Change { upserts: Vec::new(), removals: vec!["cluster/backend/ai/qwen".into()] };
        assert!(assembly.apply(removal).unwrap_err().to_string().contains("is not there"));
        assert_eq!(held(&assembly), before);
        assert_eq!(apply(&mut assembly, Vec::new()), Ok(good));
    }

    /// A field that a later version may add must not be passed over: the rule would be another rule without it.
    #[test]
    fn an_unknown_field_is_refused() {
        let mut content = route(to("cluster/backend/ai/qwen")).content.to_vec();
        content.extend_from_slice(&[0xfa, 0x01, 0x01, b'x']);
        let content = Bytes::from(content);
        let hash = crate::wire::resource::hash_of(&[&content]);
        let resource = Resource { name: format!("{ROUTE}httproute/ai/qwen"), hash, content };
        let error = apply(&mut Assembly::default(), vec![gateway(1), cluster(1), resource]).unwrap_err();
        assert!(error.contains("holds something that this version does not know"), "{error}");
    }

    /// Whatever the bytes are, they are read or refused.
    #[test]
    fn no_content_is_too_odd() {
        for resource in [gateway(1), cluster(1), route(to("cluster/backend/ai/qwen"))] {
            for index in 0..resource.content.len() {
                for odd in [0x00, 0x7f, 0xff] {
                    let mut content = resource.content.to_vec();
                    content[index] = odd;
                    let content = Bytes::from(content);
                    let hash = crate::wire::resource::hash_of(&[&content]);
                    let odd = Resource { name: resource.name.clone(), hash, content };
                    let others = [gateway(1), cluster(1)].into_iter().filter(|other| other.name != resource.name);
                    drop(apply(&mut Assembly::default(), others.chain([odd]).collect()));
                }
            }
        }
    }
}
