//! The stream from controller to replicas, on real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod bed;
mod caller;
mod confirm;
mod delta;
mod follow;
mod process;
mod strangers;
