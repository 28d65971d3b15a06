//! Where statuses and findings go.

pub mod kubernetes;
pub mod log;
pub mod page;
pub mod ready;
