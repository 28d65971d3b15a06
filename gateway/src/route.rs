//! Rules of routes, and the table that finds the one for a request.

mod rule;
pub mod table;

pub use rule::{Action, AnswerBody, DEFAULT_IDLE, DirectResponse, RouteRule, Timeouts};
