//! Where objects come from.

pub mod file;
pub mod kubernetes;
mod malformed;
