//! A benchmark client of the LLM world, as others run it, against the mock provider: directly, and through proxies.
//!
//! Load and figures are the client's own (AIPerf): each measurement is a run of its program, and what is reported is read
//! from its report. The provider, the proxies and how they are started are those of
//! [`side_by_side`](crate::side_by_side).

pub mod run;

mod args;
mod client;
mod figure;
mod outcome;
mod report;
mod table;
