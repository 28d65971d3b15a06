//! Resources, what they are called, and sets of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use ring::digest::{Context, SHA256};

use super::message;

/// Name of the one resource that says what the Gateway is.
pub const GATEWAY: &str = "gateway";
/// What names of routes begin with; kind, namespace and name follow.
pub const ROUTE: &str = "route/";
/// What names of clusters begin with; the cluster's own name follows.
pub const CLUSTER: &str = "cluster/";
/// What names of credentials begin with; the name of the source follows.
pub const CREDENTIAL: &str = "credential/";
/// What names of CA bundles begin with; the hash of the content follows.
pub(super) const BUNDLE: &str = "ca/";

/// Bytes of a hash: enough that no two contents ever share one, and short enough to tell of thousands.
const HASH_LENGTH: usize = 16;

/// A named piece of a snapshot, as it travels.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Resource {
    /// Its name, which begins with its kind.
    #[prost(string, tag = "1")]
    pub name: String,
    /// SHA-256 of its content, cut to 16 bytes.
    #[prost(bytes = "bytes", tag = "2")]
    pub hash: Bytes,
    /// Its content.
    #[prost(bytes = "bytes", tag = "3")]
    pub content: Bytes,
}

/// All resources of a snapshot.
#[derive(Clone, Default)]
pub struct ResourceSet {
    resources: BTreeMap<String, Arc<Resource>>,
    version: String,
    /// Different things of one name are told apart by numbers.
    is_ambiguous: bool,
}

impl Resource {
    pub(super) fn new(name: String, content: &impl Message) -> Self {
        let content = Bytes::from(content.encode_to_vec());
        Self { name, hash: hash_of(&[&content]), content }
    }

    /// True for a cluster that has no endpoint at all.
    pub fn is_cluster_without_endpoints(&self) -> bool {
        let read = || message::Cluster::decode(self.content.clone()).ok();
        self.name.starts_with(CLUSTER) && read().is_some_and(|cluster| cluster.endpoints.is_empty())
    }

    /// True when the content is what the hash says.
    pub(super) fn is_whole(&self) -> bool {
        self.hash == hash_of(&[&self.content])
    }
}

/// SHA-256 of several pieces one after the other, cut.
pub(super) fn hash_of(pieces: &[&[u8]]) -> Bytes {
    let mut context = Context::new(&SHA256);
    pieces.iter().for_each(|piece| context.update(piece));
    Bytes::copy_from_slice(&context.finish().as_ref()[..HASH_LENGTH])
}

/// Hexadecimal digits of a hash.
pub(super) fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl ResourceSet {
    pub(super) fn new(resources: BTreeMap<String, Arc<Resource>>, is_ambiguous: bool) -> Self {
        let pieces = resources.iter().flat_map(|(name, resource)| [name.as_bytes(), &[0], &resource.hash]);
        let version = hex(&hash_of(&pieces.collect::<Vec<_>>()));
        Self { resources, version, is_ambiguous }
    }

    /// True when names of resources depend on what else there is.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.is_ambiguous
    }

    /// The hash of all of it, as text: equal snapshots have equal versions, wherever they were made.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The resources, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.values()
    }

    /// The resource of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<Resource>> {
        self.resources.get(name)
    }

    /// The same with what is equal in `before` taken from there, so that it is in memory once.
    #[must_use]
    pub fn sharing(mut self, before: &Self) -> Self {
        for (name, resource) in &mut self.resources {
            if let Some(known) = before.resources.get(name).filter(|known| known.hash == resource.hash) {
                *resource = Arc::clone(known);
            }
        }
        self
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.content.len())
    }
}

impl fmt::Debug for ResourceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} resources)", self.version, self.resources.len())
    }
}
