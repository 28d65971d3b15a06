//! The node of the bed: turns the pods of a cluster into processes on this machine, each pod in a network namespace of
//! its own, and makes Services and names work for them. What a kubelet, a scheduler, kube-proxy, a cloud's load balancer
//! and CoreDNS do in a real cluster, as far as tests of a gateway need it.
//!
//! It changes the network and the mounts of the namespaces that it runs in: they must be made for it.

mod address;
mod balancer;
mod check;
mod container;
mod context;
mod dns;
mod env;
mod error;
mod facts;
mod furnish;
pub mod image;
pub mod init;
mod kubelet;
mod launch;
mod log;
mod logs;
mod mirror;
mod missing;
mod names;
mod network;
mod nft;
mod pod;
mod pods;
mod probe;
mod process;
mod publish;
mod quantity;
mod reading;
mod register;
mod report;
mod service;
mod services;
mod sources;
mod status;
mod token;
mod tool;
mod volume;
mod volumes;
mod writer;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;

use kube::Client;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::node::context::Context;
pub use crate::node::error::Error;
use crate::node::image::ImageMap;
use crate::node::logs::Logs;
use crate::node::mirror::Mirror;
use crate::node::network::Network;
use crate::node::services::Services;
use crate::node::sources::Cluster;

/// What a node needs to know.
#[derive(Clone)]
pub struct NodeOptions {
    /// The API server, as an administrator.
    pub client: Client,
    /// A folder for volumes and logs.
    pub state: PathBuf,
    /// Which program an image is.
    pub images: ImageMap,
    /// Names of the world outside, for the cluster's DNS.
    pub hosts: BTreeMap<String, IpAddr>,
    /// Where the API server listens: the Service `kubernetes` leads there. Loopback will do.
    pub api: SocketAddrV4,
}

/// A running node. Its pods end when it is dropped, without grace; [`Node::stop`] is the polite form.
#[derive(Debug)]
pub struct Node {
    stop: watch::Sender<bool>,
    pods: JoinHandle<()>,
    network: Arc<Network>,
    _tasks: JoinSet<()>,
}

/// Starts a node and returns when it takes pods.
///
/// # Errors
/// The network cannot be set up, or the API server refuses.
pub async fn start(options: NodeOptions) -> Result<Node, Error> {
    let NodeOptions { client, state, images, hosts, api } = options;
    std::fs::create_dir_all(&state).map_err(|error| Error::new(state.display(), error))?;
    let mut tasks = JoinSet::new();
    let network = Arc::new(Network::create().await?);
    let services = Services {
        services: Arc::new(Mirror::start(&client, &mut tasks)),
        slices: Mirror::start(&client, &mut tasks),
        api,
        hosts: hosts.into_iter().map(|(name, address)| (name.to_ascii_lowercase(), address)).collect(),
    };
    let sources =
        Cluster { config_maps: Mirror::start(&client, &mut tasks), secrets: Mirror::start(&client, &mut tasks) };
    sources.config_maps.ready().await;
    sources.secrets.ready().await;
    services.services.ready().await;
    services.slices.ready().await;
    let (names, told) = watch::channel(Arc::new(services.names()));
    dns::start(told, &mut tasks).await?;
    dns::use_here(&state).await?;
    tasks.spawn(balancer::follow(client.clone(), Arc::clone(&services.services)));
    tasks.spawn(services.follow(names));
    let logs = Arc::new(Logs::default());
    kubelet::start(Arc::clone(&logs), &mut tasks).await?;
    register::register(&client, kubelet::PORT).await?;
    let context = Context {
        client,
        state,
        images: Arc::new(images),
        network: Arc::clone(&network),
        sources: Arc::new(sources),
        logs,
    };
    let (stop, stopped) = watch::channel(false);
    let pods = tokio::spawn(pods::run(context, stopped));
    Ok(Node { stop, pods, network, _tasks: tasks })
}

impl Node {
    /// Ends all pods and takes away what the node has set up.
    ///
    /// # Errors
    /// The rules or the bridge are not there any more.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop.send_replace(true);
        // It cannot fail but by a panic, which has been told already.
        let _ = (&mut self.pods).await;
        tool::feed("nft", &["-f", "-"], &nft::none()).await?;
        dns::use_no_longer().await?;
        self.network.remove().await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.pods.abort();
    }
}
