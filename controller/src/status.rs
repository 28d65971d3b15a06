//! What each object is told.
//!
//! [`Statuses`] are told in two forms: as Kubernetes has them ([`Statuses::of`]), and in a few lines for reading
//! ([`Statuses::terse`]). What only a running data plane knows is settled afterwards by [`Statuses::settle`].

mod address;
mod changes;
pub mod condition;
mod feature;
mod kubernetes;
mod live;
mod statuses;
mod terse;

pub use address::Address;
pub use feature::SUPPORTED_FEATURES;
pub use live::{Live, Plane};
pub use statuses::{AncestorStatus, AncestorStatuses, GatewayStatus, ListenerStatus, ObjectStatus, Statuses};
