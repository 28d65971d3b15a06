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

mod alarm;
mod args;
mod ask;
mod case;
mod child;
mod clock;
mod editing;
mod goal;
mod http1;
mod job;
mod machine;
mod measure;
mod output;
mod peer;
mod plot;
mod processors;
mod program;
mod proxy;
mod report;
mod sample;
mod site;
mod statistics;
mod table;
mod tree;
mod wire;
