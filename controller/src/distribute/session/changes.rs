//! The way from what a replica holds to what it should.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use sluice_gateway::wire::{CLUSTER, CREDENTIAL, ROUTE, Resource, ResourceSet};

use crate::distribute::confirm::{self, Lost};
use crate::distribute::protocol::Update;

/// Bytes of resources after which a part of an update is sent. A larger resource is a part of its own.
const PART: usize = 512 << 10;

/// What a replica holds.
pub(super) enum Held {
    /// As it said when it came.
    Reported {
        /// The version that it serves; empty where it serves none.
        version: String,
        /// The hash of each resource.
        hashes: BTreeMap<String, Bytes>,
    },
    /// What it was sent and has acknowledged.
    Published(Arc<ResourceSet>),
}

/// What differs.
pub(super) struct Changes {
    upserts: Vec<Arc<Resource>>,
    removals: Vec<String>,
    /// Clusters that it holds and that have lost their endpoints.
    emptied: Vec<String>,
}

impl Held {
    pub(super) fn version(&self) -> &str {
        match self {
            Self::Reported { version, .. } => version,
            Self::Published(resources) => resources.version(),
        }
    }

    fn hash(&self, name: &str) -> Option<&Bytes> {
        match self {
            Self::Reported { hashes, .. } => hashes.get(name),
            Self::Published(resources) => resources.get(name).map(|resource| &resource.hash),
        }
    }

    fn missing_in(&self, target: &ResourceSet) -> Vec<String> {
        let is_gone = |name: &&String| target.get(name).is_none();
        match self {
            Self::Reported { hashes, .. } => hashes.keys().filter(is_gone).cloned().collect(),
            Self::Published(resources) => resources.iter().map(|r| &r.name).filter(is_gone).cloned().collect(),
        }
    }
}

impl Changes {
    pub(super) fn between(held: &Held, target: &ResourceSet) -> Self {
        let differs = |resource: &&Arc<Resource>| held.hash(&resource.name) != Some(&resource.hash);
        let upserts: Vec<_> = target.iter().filter(differs).cloned().collect();
        let is_emptied = |r: &&Arc<Resource>| held.hash(&r.name).is_some() && r.is_cluster_without_endpoints();
        let emptied = upserts.iter().filter(is_emptied).map(|resource| resource.name.clone()).collect();
        Self { upserts, removals: held.missing_in(target), emptied }
    }

    /// The objects that the replica knew and this leaves out.
    pub(super) fn lost(&self) -> Lost {
        let object = |name: &String| {
            let rest = [ROUTE, CLUSTER, CREDENTIAL].iter().find_map(|prefix| name.strip_prefix(prefix))?;
            confirm::object(rest)
        };
        Lost {
            objects: self.removals.iter().filter_map(object).collect(),
            without_endpoints: self.emptied.iter().filter_map(object).collect(),
        }
    }

    /// The messages that say so; made one by one, as they are sent.
    pub(super) fn into_parts(self, version: &str) -> impl Iterator<Item = Update> {
        let Self { upserts, removals, emptied: _ } = self;
        let mut rest = upserts.into_iter().peekable();
        let mut removals = Some(removals);
        std::iter::from_fn(move || {
            let removals = match (removals.take(), rest.peek()) {
                (None, None) => return None,
                (removals, _) => removals.unwrap_or_default(),
            };
            let mut upserts: Vec<Resource> = Vec::new();
            let mut size = 0;
            while let Some(next) = rest.next_if(|next| size == 0 || size + next.content.len() <= PART) {
                size += next.content.len().max(1);
                upserts.push((*next).clone());
            }
            Some(Update { version: version.to_owned(), upserts, removals, complete: rest.peek().is_none() })
        })
    }
}

/// Bytes of a message.
pub(super) fn length(update: &Update) -> u64 {
    update.encoded_len() as u64
}
