//! The generated objects that are there, as far as lists and watches have shown them, and whose they are.

use std::collections::{BTreeMap, BTreeSet};

use super::found::{Found, Id};
use super::manifest::ManifestKind;
use super::naming::Owner;

/// All of them. An object that a list lacks stays until the API server says that it is gone: lists can be stale or short.
#[derive(Default)]
pub(super) struct Stock {
    found: BTreeMap<Id, Found>,
    owned: BTreeMap<Owner, BTreeSet<Id>>,
    /// Kinds that have been listed whole at least once.
    complete: BTreeSet<ManifestKind>,
    /// Lists that have begun.
    listed: BTreeMap<ManifestKind, BTreeSet<Id>>,
    /// Objects that the last list lacks.
    doubted: BTreeSet<Id>,
    /// Whose objects have changed since this was taken.
    touched: BTreeSet<Owner>,
}

impl Stock {
    pub(super) fn begin_list(&mut self, kind: ManifestKind) {
        self.listed.insert(kind, BTreeSet::new());
    }

    /// An object of a list, of the watch, or of an answer.
    pub(super) fn see(&mut self, id: Id, found: Found) {
        if let Some(listed) = self.listed.get_mut(&id.kind) {
            listed.insert(id.clone());
        }
        self.doubted.remove(&id);
        if self.found.get(&id).is_some_and(|before| found.is_before(before) || found == *before) {
            return;
        }
        self.disown(&id);
        let owner = found.owner();
        self.owned.entry(owner.clone()).or_default().insert(id.clone());
        self.touched.insert(owner);
        self.found.insert(id, found);
    }

    pub(super) fn end_list(&mut self, kind: ManifestKind) {
        let listed = self.listed.remove(&kind).unwrap_or_default();
        let lacking = self.found.keys().filter(|id| id.kind == kind && !listed.contains(*id)).cloned();
        self.doubted.extend(lacking);
        self.complete.insert(kind);
    }

    pub(super) fn gone(&mut self, id: &Id) {
        self.disown(id);
        self.found.remove(id);
        self.doubted.remove(id);
    }

    fn disown(&mut self, id: &Id) {
        let Some(owner) = self.found.get(id).map(Found::owner) else { return };
        if let Some(owned) = self.owned.get_mut(&owner) {
            owned.remove(id);
            if owned.is_empty() {
                self.owned.remove(&owner);
            }
        }
        self.touched.insert(owner);
    }

    /// Whether every kind was listed whole at least once.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.len() == ManifestKind::ALL.len()
    }

    pub(super) fn doubted(&self) -> impl Iterator<Item = &Id> {
        self.doubted.iter()
    }

    pub(super) fn find(&self, id: &Id) -> Option<&Found> {
        self.found.get(id)
    }

    /// What was made for an owner.
    pub(super) fn of<'a>(&'a self, owner: &Owner) -> impl Iterator<Item = (&'a Id, &'a Found)> + use<'a> {
        let owned = self.owned.get(owner).into_iter().flatten();
        owned.filter_map(|id| Some((id, self.found.get(id)?)))
    }

    pub(super) fn take_touched(&mut self) -> BTreeSet<Owner> {
        std::mem::take(&mut self.touched)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::objects::key::Key;

    const KIND: ManifestKind = ManifestKind::Service;

    fn id(name: &str) -> Id {
        Id { kind: KIND, key: Key::new("ai", name) }
    }

    fn found(version: u32) -> Found {
        Found::new(json!({"metadata": {"uid": "u", "resourceVersion": version.to_string()}}))
    }

    #[test]
    fn what_a_list_lacks_is_doubted_and_stays() {
        let mut stock = Stock::default();
        stock.see(id("a"), found(1));
        stock.begin_list(KIND);
        stock.see(id("b"), found(2));
        stock.end_list(KIND);
        assert_eq!(stock.doubted().collect::<Vec<_>>(), [&id("a")]);
        assert!(stock.find(&id("a")).is_some());
        stock.gone(&id("a"));
        assert!(stock.find(&id("a")).is_none() && stock.doubted().next().is_none());
    }

    #[test]
    fn an_older_state_is_no_news() {
        let mut stock = Stock::default();
        stock.see(id("a"), found(10));
        assert_eq!(stock.take_touched().len(), 1);
        stock.see(id("a"), found(9));
        assert_eq!(stock.find(&id("a")), Some(&found(10)));
        assert!(stock.take_touched().is_empty());
    }
}
