//! The threads that serve requests.
//!
//! A connection stays with the worker that it was given to, and with it all that its requests need: the events of both
//! sockets, their tasks and timers, the upstream connections that wait. No request is woken, stolen or locked out by another
//! thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::upstream::{Connections, Connector};

/// One thread with a runtime of its own.
pub(super) struct Worker {
    handle: Handle,
    /// The upstream connections of its requests.
    connections: Arc<Connections>,
    /// The clients' connections that it has.
    seats: AtomicUsize,
    /// The thread ends when this is dropped.
    _running: oneshot::Sender<()>,
}

/// The place of one connection with a worker.
pub(super) struct Seat(Arc<Worker>);

impl Worker {
    /// Starts `count` of them, at least one. They end when nothing refers to them any more.
    ///
    /// # Errors
    /// The system gives no thread, or nothing to wait for events with.
    pub(super) fn start(count: usize, connector: &Arc<Connector>) -> io::Result<Vec<Arc<Self>>> {
        (0..count.max(1)).map(|number| Self::start_one(number, Arc::clone(connector)).map(Arc::new)).collect()
    }

    fn start_one(number: usize, connector: Arc<Connector>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let connections = {
            let _inside = handle.enter();
            Arc::new(Connections::new(connector))
        };
        let (running, ended) = oneshot::channel();
        thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
            drop(runtime.block_on(ended));
            // A lookup that hangs in the system must not keep the thread.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, connections, seats: AtomicUsize::new(0), _running: running })
    }

    /// Where its tasks are spawned.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// How many connections it has.
    pub(super) fn load(&self) -> usize {
        self.seats.load(Ordering::Relaxed)
    }

    /// A place for one connection more.
    pub(super) fn seat(self: &Arc<Self>) -> Seat {
        self.seats.fetch_add(1, Ordering::Relaxed);
        Seat(Arc::clone(self))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.seats.fetch_sub(1, Ordering::Relaxed);
    }
}
