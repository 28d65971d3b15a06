//! The one wire form of a [`Snapshot`](crate::snapshot::Snapshot): a set of named resources, each with the hash of
//! its content, so that only what changed has to travel.
//!
//! | resource | name | holds |
//! |---|---|---|
//! | gateway | `gateway` | its name, addresses and listeners, without routes |
//! | route | `route/httproute/ai/qwen` | the rules of one route, and which listeners it is reached through |
//! | cluster | `cluster/backend/ai/qwen` | endpoints and TLS of one upstream |
//! | credential | `credential/secret/ai/key` | one header value |
//! | CA bundle | `ca/<hash>` | certificates, named by what they are |
//!
//! Rules name clusters and credentials, clusters name CA bundles: one changed EndpointSlice or Secret is one changed
//! resource, however many routes use it. The same snapshot has the same bytes.
//!
//! Bytes are Protocol Buffers. What a receiver does not know, be it a variant or a mere field, makes it refuse the
//! resource: a rule without the part that this version cannot read would be another rule. Nothing here has `Debug`, for
//! credentials are inside.

mod assembly;
mod decode;
mod encode;
mod error;
mod message;
mod resource;

pub use assembly::{Assembly, Change};
pub use encode::{encode, encode_after};
pub use error::DecodeError;
pub use resource::{CLUSTER, CREDENTIAL, GATEWAY, ROUTE, Resource, ResourceSet};
