//! `sluice run`: both halves in one process, objects from files, until a signal ends it.

use std::io;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use sluice_gateway::server::{Options, Server};
use sluice_gateway::upstream::Loopback;

use crate::args::RunArgs;
use crate::control::Control;
use crate::logging;
use crate::outcome::Outcome;
use crate::runtime::runtime;
use crate::signals::Signals;
use crate::sink::ready::announce;
use crate::source::file::{Environment, FileSource, Watch};
use crate::trust_store::system_roots;

/// Runs until SIGTERM or SIGINT, then lets running requests end.
///
/// # Errors
/// No path exists, the admin port cannot be bound, or the system refuses threads or signals.
pub fn run(args: RunArgs) -> io::Result<Outcome> {
    logging::init(args.log_level);
    if !args.paths.iter().any(|path| path.exists()) {
        return Err(io::Error::new(io::ErrorKind::NotFound, "none of the paths exists; name a file or folder of YAML"));
    }
    let workers = args.workers.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let runtime = runtime()?;
    // This thread is none of the workers: reading and translating do not hold up requests.
    let outcome = runtime.block_on(serve(args, workers));
    // A lookup that hangs in the system's resolver must not keep the process.
    runtime.shutdown_background();
    outcome
}

async fn serve(args: RunArgs, workers: usize) -> io::Result<Outcome> {
    let mut signals = Signals::new()?;
    let paths = args.paths.clone();
    let server = Server::start(options(args, workers)).await.map_err(|error| io::Error::other(error.to_string()))?;
    let mut watch = Watch::new(paths.clone());
    let mut source = FileSource::new(paths, Environment::of_process());
    let mut control = Control::default();
    let mut is_ready = false;
    loop {
        watch.follow();
        control.turn(&source.read(), &server).await;
        if !is_ready {
            server.set_ready(true);
            announce(server.admin_address(), control.bound())?;
            is_ready = true;
        }
        tokio::select! {
            () = watch.changed() => {}
            () = signals.next() => break,
        }
    }
    Ok(drain(&server, &mut signals).await)
}

/// Not ready, no new connections, running requests end; a second signal ends them.
async fn drain(server: &Server, signals: &mut Signals) -> Outcome {
    tracing::info!("draining");
    server.set_ready(false);
    tokio::select! {
        () = server.drain() => Outcome::Well,
        () = signals.next() => Outcome::Failed,
    }
}

fn options(args: RunArgs, workers: usize) -> Options {
    let RunArgs { paths: _, bind, ports, admin, connect_to, workers: _, drain_timeout, log_level: _ } = args;
    let system_roots = system_roots();
    let ports = ports.into_iter().map(|mapping| (mapping.listener, mapping.local)).collect();
    Options { bind, ports, admin, connect_to, loopback: Loopback::Reachable, system_roots, workers, drain_timeout }
}
