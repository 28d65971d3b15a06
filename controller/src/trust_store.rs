//! The trust store of the system that this process runs on.

use sluice_gateway::engine::roots::SystemRoots;

/// Reads it; tells which of its certificates are passed over, and why.
pub(crate) fn system_roots() -> SystemRoots {
    let system_roots = SystemRoots::load();
    for reason in &system_roots.skipped {
        tracing::warn!(reason, "a certificate of the system's trust store is passed over");
    }
    system_roots
}
