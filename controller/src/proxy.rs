//! `sluice proxy`: the data plane of one Gateway. It follows the controller's stream, keeps the last good version
//! whatever happens to the controller, and needs no access to Kubernetes.

mod backoff;
pub mod follow;
mod plane;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use sluice_gateway::engine::roots::SystemRoots;
use sluice_gateway::server::{Options, Server};

use crate::args::ProxyArgs;
use crate::logging;
use crate::outcome::Outcome;
use crate::signals::Signals;
use crate::sink::ready;
use follow::Leader;
pub use plane::{OnReady, Plane};

/// Runs until SIGTERM or SIGINT, then lets running requests end.
///
/// # Errors
/// The admin port cannot be bound, or the system refuses threads or signals.
pub fn proxy(args: ProxyArgs) -> io::Result<Outcome> {
    logging::init(args.log_level);
    let workers = args.workers.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    // This thread is none of the workers: reading an update does not hold up requests.
    let outcome = runtime.block_on(serve(args, workers));
    runtime.shutdown_background();
    outcome
}

async fn serve(args: ProxyArgs, workers: usize) -> io::Result<Outcome> {
    let mut signals = Signals::new()?;
    let (leader, shutdown_delay) = (leader(&args), args.shutdown_delay);
    let server = Server::start(options(args, workers)).await.map_err(|error| io::Error::other(error.to_string()))?;
    ready::started(server.admin_address())?;
    let mut plane = Plane::new(server, ready::announce);
    tokio::select! {
        never = follow::follow(&leader, &mut plane) => match never {},
        () = signals.next() => {}
    }
    Ok(drain(plane.server(), &mut signals, shutdown_delay).await)
}

/// Not ready; after a while no new connections; running requests end. A second signal ends them.
async fn drain(server: &Server, signals: &mut Signals, shutdown_delay: Duration) -> Outcome {
    tracing::info!("draining");
    server.set_ready(false);
    let end = async {
        tokio::time::sleep(shutdown_delay).await;
        server.drain().await;
    };
    tokio::select! {
        () = end => Outcome::Well,
        () = signals.next() => Outcome::Failed,
    }
}

fn leader(args: &ProxyArgs) -> Leader {
    let ProxyArgs { controller, controller_ca, token, gateway, replica, .. } = args;
    let (ca, token): (PathBuf, PathBuf) = (controller_ca.clone(), token.clone());
    let replica = replica.clone().filter(|name| !name.is_empty());
    let replica = replica.unwrap_or_else(|| format!("replica-{:016x}", backoff::random()));
    Leader { controller: controller.clone(), ca, token, gateway: gateway.clone(), replica }
}

fn options(args: ProxyArgs, workers: usize) -> Options {
    let ProxyArgs { bind, ports, admin, connect_to, drain_timeout, .. } = args;
    let system_roots = SystemRoots::load();
    for reason in &system_roots.skipped {
        tracing::warn!(reason, "a certificate of the system's trust store is passed over");
    }
    let ports = ports.into_iter().map(|mapping| (mapping.listener, mapping.local)).collect();
    Options { bind, ports, admin, connect_to, system_roots, workers, drain_timeout }
}
