//! The control plane of Sluice: objects in, snapshot and statuses out.
//!
//! Two floors. The *pure core* ([`api`], [`objects`], [`translate`](mod@translate), [`status`], [`finding`]) names no
//! file, clock, socket or environment; the *shell* reads objects, publishes snapshots and tells statuses.

pub mod api;
pub mod args;
mod backoff;
pub mod check;
pub mod control;
pub mod controller;
pub mod demo;
pub mod diagnostic;
pub mod distribute;
mod duration;
pub mod finding;
pub mod infra;
mod kept;
pub mod lease;
pub mod logging;
pub mod objects;
pub mod outcome;
pub mod proxy;
pub mod report;
pub mod run;
mod runtime;
pub mod show;
mod signals;
pub mod sink;
pub mod source;
pub mod status;
pub mod translate;
mod trust_store;
