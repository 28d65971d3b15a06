//! The way to the API server.

use std::io;
use std::path::Path;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// Longest silence of the API server. It has to be longer than a watch lasts, in which nothing may happen.
const SILENCE: Duration = Duration::from_secs(15);

const CONNECT: Duration = Duration::from_secs(5);

/// Prepares a client: from the file that is named, else as a pod is told, else from kubectl's file. No request is made.
///
/// # Errors
/// There is no such file, or it names no API server.
pub(super) async fn connect(kubeconfig: Option<&Path>) -> io::Result<Client> {
    let mut config = match kubeconfig {
        Some(path) => {
            let named = |error| io::Error::other(format!("{}: {error}", path.display()));
            let kubeconfig = Kubeconfig::read_from(path).map_err(named)?;
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(named)?
        }
        None => match Config::incluster() {
            Ok(config) => config,
            Err(_) => Config::from_kubeconfig(&KubeConfigOptions::default()).await.map_err(|error| {
                io::Error::other(format!("no API server is known ({error}); give --kubeconfig, or run in a pod"))
            })?,
        },
    };
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    // Whoever asks knows how long to wait.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| io::Error::other(format!("the API server cannot be reached: {error}")))
}
