//! What the engine (pingora) needs once per process, before the first proxy is made.

pub mod roots;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use pingora_core::server::configuration::ServerConf;
use tokio::runtime::{Builder, Runtime};

use roots::{RootsFile, SystemRoots};

/// Idle upstream connections kept for each worker.
const POOL_SIZE: usize = 1024;
/// Longer timeouts are tokio's. The engine's own timers are cheaper, and stay in memory until they would have fired:
/// with timeouts of minutes, that is every request of the last minutes.
const FAST_TIMERS_UP_TO: Duration = Duration::from_secs(60);

/// A worker has a queue of 256 tasks, and what does not fit there waits in one that all share. By default it is looked at
/// after some thirty tasks of the own queue: with a thousand busy connections, whoever waits there would wait while others
/// are served again and again. So it is looked at as often as its length is worth.
const SHARED_QUEUE_INTERVAL: u32 = 3;

/// The threads that serve requests.
///
/// # Errors
/// The system gives none.
pub fn runtime(workers: usize) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(workers).global_queue_interval(SHARED_QUEUE_INTERVAL).enable_all().build()
}

/// The engine's settings. To be kept until the last proxy was made from it: the trust anchors are in a file that goes
/// with it.
#[derive(Debug)]
pub struct Engine {
    conf: Arc<ServerConf>,
    _roots: RootsFile,
}

impl Engine {
    /// Sets the process up. `workers` is the number of tokio's worker threads.
    ///
    /// # Errors
    /// No directory for temporary files can be written to.
    pub fn new(roots: &SystemRoots, workers: usize) -> io::Result<Self> {
        pingora_timeout::fast_timeout::set_fast_timeout_to_tokio_threshold(Some(FAST_TIMERS_UP_TO));
        let file = roots.write()?;
        let conf = ServerConf {
            ca_file: Some(file.path().to_string_lossy().into_owned()),
            threads: workers.max(1),
            upstream_keepalive_pool_size: POOL_SIZE,
            ..ServerConf::default()
        };
        Ok(Self { conf: Arc::new(conf), _roots: file })
    }

    /// The settings, for connections to upstreams.
    pub fn conf(&self) -> &Arc<ServerConf> {
        &self.conf
    }
}
