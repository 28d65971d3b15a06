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
#[derive(Clone, Default)]
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
        let mut next = self.clone();
        next.change(change)?;
        let snapshot = next.snapshot()?;
        *self = next;
        Ok(snapshot)
    }

    fn change(&mut self, change: Change) -> Result<(), DecodeError> {
        let Change { mut upserts, removals } = change;
        let mut changed = BTreeSet::new();
        for name in removals {
            self.held.remove(name.as_str());
            changed.insert(name);
        }
        // What is referred to comes before what refers.
        upserts.sort_by_key(|resource| Floor::of(&resource.name));
        for resource in upserts {
            let part = self.read(&resource)?;
            self.held.insert(Arc::from(resource.name.as_str()), Held { hash: resource.hash, part });
            changed.insert(resource.name);
        }
        self.renew_routes(&changed)
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
    fn renew_routes(&mut self, changed: &BTreeSet<String>) -> Result<(), DecodeError> {
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
                held.part = Part::Route(Arc::new(route));
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Snapshot, DecodeError> {
        let Some(Held { part: Part::Gateway(skeleton), .. }) = self.held.get(GATEWAY) else {
            return Err(Flaw::new("is not there").of(GATEWAY));
        };
        let mut tables = HashMap::<&str, Vec<RouteEntry>>::new();
        for (name, held) in &self.held {
            let Part::Route(route) = &held.part else { continue };
            if let Some(listener) = route.listeners().find(|listener| !skeleton.has_listener(listener)) {
                return Err(Flaw::new(format!("the Gateway has no listener {listener}")).of(name));
            }
            route.entries().for_each(|(listener, entry)| tables.entry(listener).or_default().push(entry));
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
