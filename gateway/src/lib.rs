//! The data plane of Sluice: a [`snapshot::Snapshot`] in, proxied HTTP out.
//!
//! Two floors. The *pure model* says what a configuration means and names no clock, socket, task or file:
//! [`matcher`], [`head`], [`filter`], [`cluster`], [`route`], [`listener`], [`snapshot`], [`wire`], [`ai`]. The *shell* runs it: [`engine`],
//! [`upstream`], `http1`, `session`, `exchange`, `proxy`, [`server`], [`telemetry`].
//!
//! Invariants:
//! 1. Nothing in a `Snapshot` is resolved by name on the request path, and a published one never changes.
//! 2. A request sees exactly one `Snapshot`, from its first byte to its last.
//! 3. What outlives a `Snapshot` (addresses, connections) is keyed by name and stands beside it.
//! 4. Broken configuration is data that fails closed: [`cluster::Target::Unresolved`], [`route::Action::Answer`].
//! 5. A credential cannot be printed or serialised, and goes to the backend it belongs to only.
//! 6. Nothing on the request path panics on input.

pub mod ai;
pub mod cluster;
pub mod engine;
mod exchange;
pub mod filter;
pub mod head;
mod http1;
pub mod listener;
pub mod matcher;
mod proxy;
pub mod route;
pub mod server;
mod session;
pub mod snapshot;
pub mod telemetry;
mod timer;
pub mod upstream;
pub mod wire;
