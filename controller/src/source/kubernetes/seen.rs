//! What an object's metadata and status were when they were last seen: what writing statuses needs.

use std::sync::Arc;

use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde_json::Value;

/// The state of one object on the API server.
#[derive(Debug, Clone)]
pub struct Seen {
    /// How its kind is addressed.
    pub resource: Arc<ApiResource>,
    /// Which object of that name it is.
    pub uid: String,
    /// Its version, for a write that must not go over another's.
    pub resource_version: String,
    /// The generation of its spec.
    pub generation: i64,
    /// Its status; null where it has none.
    pub status: Value,
}

impl Seen {
    /// What an object says.
    pub fn of(object: &DynamicObject, resource: &Arc<ApiResource>) -> Self {
        let metadata = &object.metadata;
        Self {
            resource: Arc::clone(resource),
            uid: metadata.uid.clone().unwrap_or_default(),
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            status: object.data.get("status").cloned().unwrap_or_default(),
        }
    }

    /// Whether this is an earlier state of the same object than `other`. Versions are decimal numbers that grow
    /// (KEP-5504); of any other form nothing is concluded.
    pub fn is_before(&self, other: &Self) -> bool {
        is_before((&self.uid, &self.resource_version), (&other.uid, &other.resource_version))
    }
}

/// The objects of a kind in one namespace; without a name of one, those that live in none.
pub fn api(client: &Client, resource: &ApiResource, namespace: &str) -> Api<DynamicObject> {
    match namespace {
        "" => Api::all_with(client.clone(), resource),
        namespace => Api::namespaced_with(client.clone(), namespace, resource),
    }
}

/// The same of UID and version alone.
pub(super) fn is_before(one: (&str, &str), other: (&str, &str)) -> bool {
    one.0 == other.0 && matches!((number(one.1), number(other.1)), (Some(one), Some(other)) if one < other)
}

pub(super) fn number(version: &str) -> Option<u64> {
    version.parse().ok()
}
