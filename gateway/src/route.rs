//! Rules of routes, and the table that finds the one for a request.

mod index;
mod precedence;
mod rule;
pub mod table;

pub use precedence::{Precedence, RouteOrigin};
pub use rule::{Action, AnswerBody, DEFAULT_IDLE, DirectResponse, RouteRule, Timeouts};
