//! Proxies side by side: each is put between the same load generator and the same mock provider, in the same run.
//!
//! The bench starts itself again for what must not share its core: `mock` answers, `load` asks and measures, `floor`
//! forwards bytes without looking at them, which is the least that any proxy costs. Each of them is one thread.

pub mod floor;
pub mod load;
pub mod mock;
pub mod role;
pub mod run;
pub mod thread;
pub mod work;

pub(crate) mod case;
pub(crate) mod child;
pub(crate) mod machine;
pub(crate) mod output;
pub(crate) mod processors;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod site;
pub(crate) mod statistics;
pub(crate) mod wire;

mod alarm;
mod args;
mod ask;
mod clock;
mod editing;
mod goal;
mod http1;
mod job;
mod measure;
mod peer;
mod plot;
mod report;
mod sample;
mod table;
mod tree;
