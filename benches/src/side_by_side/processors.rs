//! Which processors what runs on. Proxy and load share none, unless a proxy has both of a machine's two.

use std::io;

use rustix::thread::{CpuSet, sched_setaffinity};

/// The mock, the load generator, and the bench itself, as taskset reads it.
pub(crate) const LOAD: &str = "1";
const LOAD_NUMBER: usize = 1;

/// A proxy with so many workers.
pub(crate) fn proxies(workers: usize) -> &'static str {
    match workers {
        1 => "0",
        _ if is_third() => "0,2",
        _ => "0,1",
    }
}

/// A provider whose load needs a processor for itself: a third one, or where there are two that of the proxy.
pub(crate) fn provider_apart() -> &'static str {
    if is_third() { "2" } else { "0" }
}

fn is_third() -> bool {
    std::fs::metadata("/sys/devices/system/cpu/cpu2").is_ok()
}

/// Keeps this thread, and what it starts from now on, to the load's processor.
pub(crate) fn keep_off_proxies() -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(LOAD_NUMBER);
    Ok(sched_setaffinity(None, &set)?)
}
