//! Clients: [`raw::Raw`] writes exact bytes and times each read, [`http::Http`] speaks through hyper.

pub mod http;
pub mod raw;
pub mod sse;
