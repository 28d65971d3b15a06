//! What the engine (pingora) needs once per process, before the first proxy is made.

pub mod roots;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use pingora_core::server::configuration::ServerConf;

use roots::{RootsFile, SystemRoots};

/// Idle upstream connections kept for each worker.
const POOL_SIZE: usize = 1024;
/// Longer timeouts are tokio's. The engine's own timers are cheaper, and stay in memory until they would have fired:
/// with timeouts of minutes, that is every request of the last minutes.
const FAST_TIMERS_UP_TO: Duration = Duration::from_secs(60);

/// The engine's settings. To be kept until the last proxy was made from it: the trust anchors are in a file that goes
/// with it.
#[derive(Debug)]
pub struct Engine {
    conf: Arc<ServerConf>,
    _roots: RootsFile,
}

impl Engine {
    /// Sets the process up.
    ///
    /// # Errors
    /// No directory for temporary files can be written to.
    pub fn new(roots: &SystemRoots) -> io::Result<Self> {
        pingora_timeout::fast_timeout::set_fast_timeout_to_tokio_threshold(Some(FAST_TIMERS_UP_TO));
        let file = roots.write()?;
        let conf = ServerConf {
            ca_file: Some(file.path().to_string_lossy().into_owned()),
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
