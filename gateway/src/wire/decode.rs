//! From contents of resources to parts of the model.

mod content;
pub(super) mod route;
mod rule;
pub(super) mod skeleton;
pub(super) mod upstream;

pub(super) use rule::Upstreams;
