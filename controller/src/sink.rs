//! Where statuses and findings go.

pub mod log;
pub mod page;
pub mod ready;
