//! What HTTP/1.1 is made of, on either side (RFC 9112): used for messages of clients and of upstreams.

mod chunks;
mod fields;
mod input;
mod output;

pub(crate) use chunks::Chunks;
pub(crate) use fields::{is_chunked, keeps_alive, length, number};
pub(crate) use input::poll_read;
pub(crate) use output::Output;
