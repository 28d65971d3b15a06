//! The threads that serve no requests.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// For the caller's own thread, which reads objects and translates or decodes them, and one beside it, which answers the
/// admin port meanwhile. The data plane has its own threads.
///
/// # Errors
/// The system gives none.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
}
