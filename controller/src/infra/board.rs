//! What is wanted, what is there, and what is to be done next.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::drift::filled;
use super::failure::Failures;
use super::found::{Found, Id};
use super::manifest::{Desired, Manifest, ManifestKind};
use super::naming::{self, Owner};
use super::observed::{GatewayInfra, Observed, addresses, replicas};
use super::stock::Stock;
use crate::objects::key::Key;

/// What another changes again and again is changed back no more often than this.
const CALM: Duration = Duration::from_secs(1);

/// How long the addresses of nodes are taken for known.
const NODES_FOR: Duration = Duration::from_secs(60);

/// One thing to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Make an object what its manifest says. `known` when it is there and ours.
    Apply { gateway: Key, manifest: Manifest, known: bool },
    /// Delete an object that is no longer wanted, if it is still the one of this UID.
    Delete { id: Id, uid: String },
    /// Ask for an object that a list lacks.
    Ask { id: Id },
    /// Ask for the addresses of nodes.
    Nodes,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The object is there, as it was applied or found.
    Is(Found),
    /// There is no such object.
    Gone,
    /// There is one that we did not make for this Gateway: it is left alone.
    Foreign,
    /// It did not work, for a reason to be told.
    Failed(String),
    /// The addresses of nodes.
    Nodes(Vec<IpAddr>),
}

/// What is to be done next: something at once, something later, or nothing before there is news.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    Now(Box<Action>),
    At(Instant),
    Never,
}

/// How an object came out when it was applied.
struct Applied {
    manifest: Value,
    /// What the object had of it right afterwards.
    filled: Value,
    at: Instant,
}

/// All of it.
#[derive(Default)]
pub(super) struct Board {
    pub(super) stock: Stock,
    wanted: BTreeMap<Key, Desired>,
    owners: BTreeMap<Owner, Key>,
    /// Labels of the classes that are ours.
    classes: BTreeSet<String>,
    applied: BTreeMap<Id, Applied>,
    failures: Failures,
    under_way: BTreeSet<Id>,
    /// Gateways for which there may be something to do.
    marked: BTreeSet<Key>,
    observed: Observed,
    nodes: Vec<IpAddr>,
    nodes_asked: Option<Instant>,
}

impl Board {
    /// What is to be there from now on.
    pub(super) fn want(&mut self, wanted: BTreeMap<Key, Desired>, classes: &BTreeSet<String>) {
        let classes = classes.iter().map(|class| naming::label_value(class)).collect();
        let is_new = |key: &Key| self.classes != classes || wanted.get(key) != self.wanted.get(key);
        let changed: Vec<_> = wanted.keys().filter(|key| is_new(key)).cloned().collect();
        if self.wanted == wanted && changed.is_empty() {
            return;
        }
        self.owners = wanted.keys().map(|key| (Owner::of(key), key.clone())).collect();
        (self.wanted, self.classes) = (wanted, classes);
        let all = self.wanted.values().flat_map(manifests);
        let all: BTreeMap<_, _> = all.map(|manifest| (id(manifest), &manifest.body)).collect();
        self.applied.retain(|id, _| all.contains_key(id));
        self.failures.retain(|id, manifest| all.get(id).copied() == manifest);
        self.observed.gateways.retain(|key, _| self.wanted.contains_key(key));
        changed.iter().for_each(|key| self.observe(key));
        self.marked.extend(changed);
    }

    /// What is known of the infrastructure of all Gateways.
    pub(super) fn observed(&mut self) -> &Observed {
        for owner in self.stock.take_touched() {
            if let Some(key) = self.owners.get(&owner).cloned() {
                self.observe(&key);
                self.marked.insert(key);
            }
        }
        &self.observed
    }

    /// What is to be done next; it is then under way until [`Board::done`]. Nothing before every kind was listed.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        self.observed();
        if !self.stock.is_complete() {
            return Next::Never;
        }
        let mut later = Later::default();
        let Some(action) = self.choose(now, &mut later) else { return later.0.map_or(Next::Never, Next::At) };
        self.under_way.extend(subject(&action));
        if action == Action::Nodes {
            self.nodes_asked = Some(now);
        }
        Next::Now(Box::new(action))
    }

    fn choose(&mut self, now: Instant, later: &mut Later) -> Option<Action> {
        if let Some(id) = self.stock.doubted().find(|id| self.is_ready(id, now, later)) {
            return Some(Action::Ask { id: id.clone() });
        }
        let marked: Vec<_> = self.marked.iter().cloned().collect();
        for gateway in marked {
            match self.of_gateway(&gateway, now, later) {
                Some(action) => return Some(action),
                None if self.is_settled(&gateway) => drop(self.marked.remove(&gateway)),
                None => {}
            }
        }
        self.ask_nodes(now, later)
    }

    /// One object after the other: what pods need is there before them. What is no longer wanted goes last.
    fn of_gateway(&self, gateway: &Key, now: Instant, later: &mut Later) -> Option<Action> {
        let desired = self.wanted.get(gateway).filter(|desired| **desired != Desired::Keep)?;
        let Some(manifest) = manifests(desired).iter().find(|manifest| !self.is_applied(manifest)) else {
            let surplus = self.surplus(gateway, desired).find(|(id, _)| self.is_ready(id, now, later));
            return surplus.map(|(id, found)| Action::Delete { id: id.clone(), uid: found.uid().to_owned() });
        };
        let id = id(manifest);
        let found = self.stock.find(&id);
        let calm = self.applied.get(&id).filter(|applied| applied.manifest == manifest.body);
        let calm = calm.map(|applied| applied.at + CALM).filter(|at| *at > now);
        if let Some(at) = calm {
            later.at(at);
            return None;
        }
        // One that is going is waited for: it comes back as news.
        if found.is_some_and(Found::is_going) || !self.is_ready(&id, now, later) {
            return None;
        }
        let known = found.is_some_and(|found| found.is_of(gateway));
        Some(Action::Apply { gateway: gateway.clone(), manifest: manifest.clone(), known })
    }

    fn is_settled(&self, gateway: &Key) -> bool {
        let Some(desired) = self.wanted.get(gateway).filter(|desired| **desired != Desired::Keep) else { return true };
        manifests(desired).iter().all(|manifest| self.is_applied(manifest))
            && self.surplus(gateway, desired).next().is_none()
    }

    fn ask_nodes(&self, now: Instant, later: &mut Later) -> Option<Action> {
        if !self.observed.gateways.values().any(|infra| infra.needs_nodes) {
            return None;
        }
        let due = self.nodes_asked.map_or(now, |asked| asked + NODES_FOR);
        if due > now {
            later.at(due);
        }
        (due <= now).then_some(Action::Nodes)
    }

    fn is_ready(&self, id: &Id, now: Instant, later: &mut Later) -> bool {
        let not_before = self.failures.not_before(id).filter(|at| *at > now);
        if let Some(at) = not_before {
            later.at(at);
        }
        not_before.is_none() && !self.under_way.contains(id)
    }

    fn is_applied(&self, manifest: &Manifest) -> bool {
        let id = id(manifest);
        let (Some(applied), Some(found)) = (self.applied.get(&id), self.stock.find(&id)) else { return false };
        applied.manifest == manifest.body && filled(&manifest.body, &found.body) == applied.filled
    }

    /// Objects that were made for a Gateway and are no longer wanted. Those of a class that is not ours belong to
    /// another installation.
    fn surplus<'a>(
        &'a self,
        gateway: &Key,
        desired: &'a Desired,
    ) -> impl Iterator<Item = (&'a Id, &'a Found)> + use<'a> {
        self.stock.of(&Owner::of(gateway)).filter(move |(id, found)| {
            !found.is_going()
                && self.classes.contains(found.label(naming::GATEWAY_CLASS_NAME))
                && !manifests(desired).iter().any(|manifest| manifest.kind == id.kind && manifest.key == id.key)
        })
    }

    /// What became of an action.
    pub(super) fn done(&mut self, action: &Action, outcome: Outcome, now: Instant) {
        if let Outcome::Nodes(nodes) = outcome {
            self.nodes = nodes;
            let keys: Vec<_> = self.wanted.keys().cloned().collect();
            return keys.iter().for_each(|key| self.observe(key));
        }
        let Some(id) = subject(action) else { return };
        self.under_way.remove(&id);
        let failure = match outcome {
            Outcome::Is(found) => {
                if let Action::Apply { manifest, .. } = action {
                    let filled = filled(&manifest.body, &found.body);
                    self.applied.insert(id.clone(), Applied { manifest: manifest.body.clone(), filled, at: now });
                }
                self.stock.see(id.clone(), found);
                None
            }
            Outcome::Gone => {
                self.stock.gone(&id);
                None
            }
            Outcome::Foreign => Some("is there, and not of this Gateway: delete it, or use another name".to_owned()),
            Outcome::Failed(message) => Some(message),
            Outcome::Nodes(_) => None,
        };
        match failure {
            None => self.failures.forget(&id),
            Some(message) => {
                let message = format!("{} {}: {message}", id.kind.name(), id.key);
                let manifest = match action {
                    Action::Apply { manifest, .. } => Some(manifest.body.clone()),
                    Action::Delete { .. } | Action::Ask { .. } | Action::Nodes => None,
                };
                self.failures.add(id, (message, manifest), now);
            }
        }
        if let Action::Apply { gateway, .. } = action {
            self.observe(gateway);
        }
    }

    fn observe(&mut self, gateway: &Key) {
        let Some(desired) = self.wanted.get(gateway) else { return };
        let is_wanted = |id: &Id| match desired {
            Desired::Keep => true,
            Desired::Nothing => false,
            Desired::Objects(all) => all.iter().any(|m| m.kind == id.kind && m.key == id.key),
        };
        let mut infra = GatewayInfra::default();
        for (id, found) in self.stock.of(&Owner::of(gateway)).filter(|(id, _)| is_wanted(id)) {
            match id.kind {
                ManifestKind::Service => {
                    infra.needs_nodes |= found.text("/spec/type") == "NodePort";
                    infra.addresses.extend(addresses(found, &self.nodes));
                }
                ManifestKind::Deployment | ManifestKind::DaemonSet => {
                    let (desired, available) = replicas(found);
                    infra.desired += desired;
                    infra.available += available;
                }
                _ => {}
            }
        }
        infra.problems = manifests(desired).iter().filter_map(|m| self.failures.message(&id(m))).collect();
        self.observed.gateways.insert(gateway.clone(), infra);
    }
}

/// The earliest time at which there is something to do.
#[derive(Default)]
struct Later(Option<Instant>);

impl Later {
    fn at(&mut self, at: Instant) {
        self.0 = Some(self.0.map_or(at, |known| known.min(at)));
    }
}

fn manifests(desired: &Desired) -> &[Manifest] {
    match desired {
        Desired::Objects(manifests) => manifests,
        Desired::Keep | Desired::Nothing => &[],
    }
}

fn id(manifest: &Manifest) -> Id {
    Id { kind: manifest.kind, key: manifest.key.clone() }
}

fn subject(action: &Action) -> Option<Id> {
    match action {
        Action::Apply { manifest, .. } => Some(id(manifest)),
        Action::Delete { id, .. } | Action::Ask { id } => Some(id.clone()),
        Action::Nodes => None,
    }
}

#[cfg(test)]
mod tests;
