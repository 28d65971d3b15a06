//! What travels between controller and replica, written once for both. Nothing here has `Debug`: updates carry
//! credentials.

use std::net::SocketAddr;
use std::time::Duration;

use prost::{Message, Oneof};
use sluice_gateway::wire::Resource;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// The one method: a stream in both directions.
pub const FOLLOW: &str = "/sluice.stream.v1.Stream/Follow";

/// What a token must be for.
pub const AUDIENCE: &str = "sluice.dev/controller";

/// Both sides ask the other for a sign of life this often, and give it as long: a dead peer is noticed in 10 s.
pub const PING: Duration = Duration::from_secs(5);

/// The largest message of a replica: what it says that it holds, some 50 bytes for each resource.
pub const MAX_FROM_REPLICA: usize = 32 << 20;

/// The largest message of a controller: an update is cut into pieces far below that, but not within a resource.
pub const MAX_FROM_CONTROLLER: usize = 64 << 20;

/// Metadata that says where the leader is.
const LEADER: &str = "sluice-leader";

/// What a replica says.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct FromReplica {
    /// One of it.
    #[prost(oneof = "Said", tags = "1, 2, 3")]
    pub said: Option<Said>,
}

/// What a replica says.
#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub enum Said {
    /// The first message.
    #[prost(message, tag = "1")]
    Hello(Hello),
    /// A version is in force.
    #[prost(message, tag = "2")]
    Ack(Ack),
    /// A version cannot be put in force; the one before stays.
    #[prost(message, tag = "3")]
    Nack(Nack),
}

/// Who a replica is, and what it has.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Hello {
    /// Namespace and name of the Gateway.
    #[prost(string, tag = "1")]
    pub gateway: String,
    /// Name of the replica, unique within the Gateway: the pod's.
    #[prost(string, tag = "2")]
    pub replica: String,
    /// The version in force; empty where there is none.
    #[prost(string, tag = "3")]
    pub version: String,
    /// The resources that it holds.
    #[prost(message, repeated, tag = "4")]
    pub held: Vec<Holding>,
    /// The listeners that are in force.
    #[prost(message, repeated, tag = "5")]
    pub listeners: Vec<ListenerState>,
}

/// A resource that a replica holds.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Holding {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its hash.
    #[prost(bytes = "bytes", tag = "2")]
    pub hash: bytes::Bytes,
}

/// What became of a listener.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct ListenerState {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Where it is served; empty where it is not.
    #[prost(string, tag = "2")]
    pub address: String,
    /// Why it is not served.
    #[prost(string, tag = "3")]
    pub problem: String,
}

/// A version is in force. May come again for the same version when a listener's fate changes.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Ack {
    /// Which.
    #[prost(string, tag = "1")]
    pub version: String,
    /// What became of each listener.
    #[prost(message, repeated, tag = "2")]
    pub listeners: Vec<ListenerState>,
}

/// A version cannot be put in force.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Nack {
    /// Which.
    #[prost(string, tag = "1")]
    pub version: String,
    /// Why: which resource, which field.
    #[prost(string, tag = "2")]
    pub message: String,
}

/// What a controller says: the way from what a replica holds to a version, or a part of it.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Update {
    /// The version that it leads to.
    #[prost(string, tag = "1")]
    pub version: String,
    /// Resources that are new or different.
    #[prost(message, repeated, tag = "2")]
    pub upserts: Vec<Resource>,
    /// Names of resources that are gone.
    #[prost(string, repeated, tag = "3")]
    pub removals: Vec<String>,
    /// This is the last part; what all parts say is put in force at once.
    #[prost(bool, tag = "4")]
    pub complete: bool,
}

/// The end of a stream whose replica should go elsewhere.
pub fn redirect(leader: SocketAddr) -> Status {
    let mut metadata = MetadataMap::new();
    // An address is always a valid value.
    if let Ok(value) = MetadataValue::try_from(leader.to_string()) {
        metadata.insert(LEADER, value);
    }
    Status::with_metadata(Code::Unavailable, "another controller leads", metadata)
}

/// Where a stream's end sends the replica, if it does.
pub fn redirected(status: &Status) -> Option<SocketAddr> {
    status.metadata().get(LEADER)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_read_as_it_was_written() {
        for address in ["10.0.0.1:18000", "[fd00::1]:18000"] {
            let address = address.parse().unwrap();
            assert_eq!(redirected(&redirect(address)), Some(address));
        }
        assert_eq!(redirected(&Status::unavailable("x")), None);
    }
}
