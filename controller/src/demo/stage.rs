//! What the demo is played on: the gateway, and a provider behind it.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use sluice_gateway::engine::roots::SystemRoots;
use sluice_gateway::server::{Bound, Options, Server};
use sluice_gateway::upstream::{ConnectTo, Loopback};
use tokio::sync::mpsc::UnboundedReceiver;

use super::authority::Authority;
use super::lines::Lines;
use super::provider::{Provider, Seen};
use super::scene::{PROVIDER, PROVIDER_PORT, Scene};
use super::trouble::{REPORT, Trouble};
use crate::control::Control;

/// The port of the walk-through's listener.
const LISTENER_PORT: u16 = 8080;
/// Answers that still run at the end; the demo's own are done by then.
const DRAIN: Duration = Duration::from_secs(2);

/// Everything that runs.
pub(super) struct Stage {
    /// Where the walk-through's listener is served.
    pub(super) gateway: SocketAddr,
    pub(super) server: Server,
    pub(super) scene: Scene,
    /// The access log.
    pub(super) log: UnboundedReceiver<String>,
    control: Control,
    stand_in: Option<StandIn>,
}

/// A provider of our own, and what makes the gateway take it for the real one.
struct StandIn {
    provider: Provider,
    key: String,
    roots: SystemRoots,
}

impl Stage {
    /// Starts the gateway on `port`, in front of the real provider when there is a key for it.
    pub(super) async fn set(key: Option<String>, port: u16) -> Result<Self, Trouble> {
        let stand_in = if key.is_some() { None } else { Some(StandIn::start().await?) };
        let key = key.as_deref().or(stand_in.as_ref().map(|stand_in| stand_in.key.as_str()));
        let scene = Scene::with_key(key.unwrap_or_default())?;
        let (sink, log) = Lines::new();
        let server = Server::start_logging_to(Box::new(sink), options(port, stand_in.as_ref())?).await;
        let server = server.map_err(|cause| Trouble::new(cause.to_string(), REPORT))?;
        let mut control = Control::default();
        control.turn(&scene.world, &server).await;
        let gateway = address(control.bound(), port)?;
        server.set_ready(true);
        Ok(Self { gateway, server, scene, log, control, stand_in })
    }

    /// Whom the requests go to.
    pub(super) fn provider_name(&self) -> String {
        match &self.stand_in {
            Some(stand_in) => format!("a stand-in for {PROVIDER}, at {}", stand_in.provider.address),
            None => PROVIDER.to_owned(),
        }
    }

    /// Its listeners.
    pub(super) fn bound(&self) -> &[Bound] {
        self.control.bound()
    }

    /// What the provider saw of the newest request, when it is ours to ask.
    pub(super) fn seen(&self) -> Option<Seen> {
        self.stand_in.as_ref()?.provider.seen.borrow().clone()
    }
}

impl StandIn {
    async fn start() -> Result<Self, Trouble> {
        let authority = Authority::new()?;
        // Not a secret: it opens nothing but this process's own stand-in.
        let key = format!("sk-demo-{:016x}", RandomState::new().hash_one(PROVIDER));
        let provider = Provider::start(authority.server(PROVIDER)?, PROVIDER, &format!("Bearer {key}")).await?;
        Ok(Self { provider, key, roots: roots(&authority).map_err(Trouble::certificate)? })
    }
}

/// A set of trust anchors with that authority only.
fn roots(authority: &Authority) -> std::io::Result<SystemRoots> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(authority.pem.as_bytes())?;
    Ok(SystemRoots::from_paths(Some(file.path()), None))
}

fn options(port: u16, stand_in: Option<&StandIn>) -> Result<Options, Trouble> {
    let moved = stand_in.map(|stand_in| format!("{PROVIDER}:{PROVIDER_PORT}:{}", stand_in.provider.address));
    let connect_to = moved.iter().map(|text| text.parse::<ConnectTo>()).collect::<Result<_, _>>();
    Ok(Options {
        bind: Ipv4Addr::LOCALHOST.into(),
        ports: BTreeMap::from([(LISTENER_PORT, port)]),
        admin: (Ipv4Addr::LOCALHOST, 0).into(),
        connect_to: connect_to.map_err(|cause| Trouble::new(cause.to_string(), REPORT))?,
        system_roots: stand_in.map_or_else(SystemRoots::load, |stand_in| stand_in.roots.clone()),
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        loopback: Loopback::Reachable,
        drain_timeout: DRAIN,
    })
}

fn address(bound: &[Bound], port: u16) -> Result<SocketAddr, Trouble> {
    let listener = bound.first().ok_or_else(|| Trouble::new("no listener is served", REPORT))?;
    let remedy =
        "another program may have it: end that, or choose another port with --port 8081 (--port 0: any free one)";
    listener.result.clone().map_err(|why| Trouble::new(format!("the demo cannot listen on port {port}: {why}"), remedy))
}
