//! The data plane as a black box: a snapshot in, bytes on sockets out.
//!
//! One program, so that the engine is linked once; one theme a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod credential;
mod errors;
mod framing;
mod http2;
mod limits;
mod malformed;
mod plane;
mod retry;
mod routing;
mod streaming;
mod swap;
mod timeouts;
mod tls;
mod workers;
