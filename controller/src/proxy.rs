//! `sluice proxy`: the data plane of one Gateway. It follows the controller's stream, keeps the last good version
//! whatever happens to the controller, and needs no access to Kubernetes.

pub mod follow;
mod plane;

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use sluice_gateway::server::{Options, Server};
use sluice_gateway::upstream::Loopback;

use crate::args::{PortMapping, ProxyArgs};
use crate::backoff;
use crate::logging;
use crate::outcome::Outcome;
use crate::runtime::runtime;
use crate::signals::Signals;
use crate::sink::ready;
use crate::trust_store::system_roots;
use follow::Leader;
pub use plane::{OnReady, Plane};

/// Runs until SIGTERM or SIGINT, then lets running requests end.
///
/// # Errors
/// The admin port cannot be bound, or the system refuses threads or signals.
pub fn proxy(args: ProxyArgs) -> io::Result<Outcome> {
    logging::init(args.log_level);
    let workers = args.workers.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let runtime = runtime()?;
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
    let ProxyArgs { bind, ports, low_ports_at, admin, connect_to, refuse_loopback, drain_timeout, .. } = args;
    let loopback = if refuse_loopback { Loopback::Refused } else { Loopback::Reachable };
    let system_roots = system_roots();
    let ports = local_ports(low_ports_at, &ports);
    Options { bind, ports, admin, connect_to, loopback, system_roots, workers, drain_timeout }
}

/// The local ports of listeners that are not served on their own. What is said of one port goes before the rule.
fn local_ports(low_ports_at: Option<u16>, ports: &[PortMapping]) -> BTreeMap<u16, u16> {
    let low = low_ports_at.into_iter().flat_map(|above| (1..1024).map(move |port| (port, port + above)));
    low.chain(ports.iter().map(|mapping| (mapping.listener, mapping.local))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_ports_are_served_higher_up() {
        let named = [PortMapping { listener: 81, local: 8081 }];
        let ports = local_ports(Some(10_000), &named);
        let of = |port: u16| ports.get(&port).copied();
        assert_eq!([80, 81, 1023, 1024].map(of), [Some(10_080), Some(8081), Some(11_023), None]);
        assert_eq!(local_ports(None, &named).len(), 1);
    }
}
