//! A generated object as the API server has it.

use serde_json::Value;

use super::manifest::ManifestKind;
use super::naming::{self, Owner};
use crate::objects::key::Key;

/// Names one generated object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    /// Its kind.
    pub(super) kind: ManifestKind,
    /// Its namespace and name.
    pub(super) key: Key,
}

/// An object that is there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// All of it but `managedFields`.
    pub(super) body: Value,
}

impl Found {
    /// Takes an object as it was read.
    pub(super) fn new(mut body: Value) -> Self {
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        Self { body }
    }

    pub(super) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn number(&self, pointer: &str) -> Option<u64> {
        self.body.pointer(pointer).and_then(Value::as_u64)
    }

    pub(super) fn texts(&self, pointer: &str) -> impl Iterator<Item = &str> {
        let list = self.body.pointer(pointer).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }

    /// A label's value.
    pub(super) fn label(&self, name: &str) -> &str {
        let labels = self.body.pointer("/metadata/labels");
        labels.and_then(|labels| labels.get(name)).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> Owner {
        Owner::labelled(self.label(naming::OWNING_NAMESPACE), self.label(naming::OWNING_NAME))
    }

    /// Whether it was made by us for a Gateway.
    pub(super) fn is_of(&self, gateway: &Key) -> bool {
        let (name, value) = naming::MANAGED_BY;
        self.label(name) == value && self.owner() == Owner::of(gateway)
    }

    /// Whether it is on its way out.
    pub(super) fn is_going(&self) -> bool {
        !self.text("/metadata/deletionTimestamp").is_empty()
    }

    /// Whether this is an earlier state of the same object. Versions are decimal numbers that grow (KEP-5504).
    pub(super) fn is_before(&self, other: &Self) -> bool {
        let version = |found: &Self| found.text("/metadata/resourceVersion").parse::<u64>().ok();
        let same = self.uid() == other.uid();
        same && matches!((version(self), version(other)), (Some(one), Some(other)) if one < other)
    }
}
