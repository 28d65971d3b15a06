//! Access to the API server for the bed's own processes.

use std::io;
use std::path::Path;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// A client with what a kubeconfig says, and a limit for each answer where there is to be one.
pub(crate) async fn client(kubeconfig: &Path, answer: Option<Duration>) -> io::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).map_err(io::Error::other)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.map_err(io::Error::other)?;
    if answer.is_some() {
        config.connect_timeout = answer;
        config.read_timeout = answer;
    }
    Client::try_from(config).map_err(io::Error::other)
}
