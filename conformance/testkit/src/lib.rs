//! What the tests of every crate share: certificates, a scripted provider, clients, and a runner for the program.
//!
//! It depends on no other crate of the workspace, so that whatever it finds was seen from outside.

// Tests' own tooling: failing loudly, on the spot, is its job.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod ca;
pub mod capture;
pub mod client;
pub mod fleet;
pub mod provider;
pub mod sluice;
pub mod steps;
pub mod wait;
pub mod walls;
pub mod world;
