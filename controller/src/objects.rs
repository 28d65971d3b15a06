//! Everything that was said: one map per kind. Plain data, the same from files and from an API server.

pub mod admission;
pub mod defaults;
pub mod key;
mod kinds;

pub(crate) use kinds::LAST_APPLIED;
pub use kinds::{Kind, Malformed, Meta, Object, Objects, Store};
