//! Proxies side by side: each is put between the same load generator and the same mock provider, in the same run.
//!
//! The bench starts itself again for what must not share its core: `mock` answers, `load` asks and measures, `floor`
//! forwards bytes without looking at them, which is the least that any proxy costs. Each of them is one thread.

pub mod floor;
pub mod load;
pub mod mock;
pub mod role;
pub mod thread;
pub mod work;

mod alarm;
mod clock;
mod http1;
mod wire;
