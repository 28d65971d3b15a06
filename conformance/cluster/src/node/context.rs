//! What all pods of the node share.

use std::path::PathBuf;
use std::sync::Arc;

use kube::Client;

use crate::node::image::ImageMap;
use crate::node::logs::Logs;
use crate::node::network::Network;
use crate::node::sources::Cluster;

/// The node's name.
pub(crate) const NAME: &str = "sim-0";

/// Shared by all pods.
#[derive(Clone)]
pub(crate) struct Context {
    /// The API server.
    pub(crate) client: Client,
    /// The folder of the node's state: volumes and logs.
    pub(crate) state: PathBuf,
    /// Which program an image is.
    pub(crate) images: Arc<ImageMap>,
    /// Where pods get their addresses.
    pub(crate) network: Arc<Network>,
    /// ConfigMaps and Secrets.
    pub(crate) sources: Arc<Cluster>,
    /// What containers said.
    pub(crate) logs: Arc<Logs>,
}
