//! The infrastructure of each Gateway: the objects that run its data plane.
//!
//! Two floors here, too. Pure: what a Gateway asks for ([`Plan`]) becomes objects ([`render()`]), of which translation makes a verdict
//! ([`Desired`]). The shell ([`Infrastructure`]) applies, prunes and
//! observes them.

mod apply;
mod board;
mod defaults;
mod drift;
mod failure;
mod found;
pub mod manifest;
pub mod naming;
mod observed;
pub mod parameters;
pub mod patch;
pub mod plan;
pub mod problem;
mod quantity;
pub mod render;
pub mod settings;
mod shape;
mod shared;
mod stock;
mod watch;

pub use apply::Infrastructure;
pub use manifest::{Desired, Manifest, ManifestKind};
pub use naming::name;
pub use observed::{GatewayInfra, Observed};
pub use plan::{Plan, Port, container_ports};
pub use problem::Problem;
pub use render::render;
pub use settings::Settings;
