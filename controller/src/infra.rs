//! The infrastructure of each Gateway: the objects that run its data plane.
//!
//! Pure: what a Gateway asks for ([`Plan`]) becomes objects ([`render()`]), of which translation makes a verdict
//! ([`Desired`]). The shell applies, prunes and observes them.

mod defaults;
pub mod manifest;
pub mod naming;
pub mod parameters;
pub mod patch;
pub mod plan;
pub mod problem;
mod quantity;
pub mod render;
pub mod settings;
mod shape;

pub use manifest::{Desired, Manifest, ManifestKind};
pub use naming::name;
pub use plan::{Plan, Port, container_ports};
pub use problem::Problem;
pub use render::render;
pub use settings::Settings;
