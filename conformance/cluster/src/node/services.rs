//! Keeps the rules of Services and the names of the cluster up to date.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::node::mirror::Mirror;
use crate::node::names::Names;
use crate::node::nft;
use crate::node::service::Table;
use crate::node::tool;

/// How long changes are gathered before the rules are written.
const GATHER: Duration = Duration::from_millis(20);
/// How soon rules are written again that could not be.
const RETRY: Duration = Duration::from_secs(1);
/// How long nothing happens when nothing changes.
const FAR: Duration = Duration::from_secs(3600);

/// What Services are made from.
#[derive(Debug)]
pub(crate) struct Services {
    /// All Services.
    pub(crate) services: Arc<Mirror<Service>>,
    /// All EndpointSlices.
    pub(crate) slices: Mirror<EndpointSlice>,
    /// Where the API server's own Service leads.
    pub(crate) api: SocketAddrV4,
    /// Names of the world outside.
    pub(crate) hosts: BTreeMap<String, IpAddr>,
}

impl Services {
    /// The names as they are now.
    pub(crate) fn names(&self) -> Names {
        let (services, slices) = (self.services.all(), self.slices.all());
        let services = Table::new(services.iter().map(AsRef::as_ref), slices.iter().map(AsRef::as_ref), self.api);
        Names { services, hosts: self.hosts.clone() }
    }

    /// Writes the rules now and at each change. The names go to `names`.
    pub(crate) async fn follow(self, names: watch::Sender<Arc<Names>>) {
        let (mut services, mut slices) = (self.services.changes(), self.slices.changes());
        let mut written = None;
        loop {
            let now = self.names();
            if written.as_ref() != Some(&now.services) {
                written = write(&now.services).await;
                names.send_replace(Arc::new(now));
            }
            // Rules that could not be written are tried again.
            let patience = if written.is_none() { RETRY } else { FAR };
            let more = tokio::select! {
                more = services.changed() => more,
                more = slices.changed() => more,
                () = sleep(patience) => Ok(()),
            };
            if more.is_err() {
                return;
            }
            sleep(GATHER).await;
            services.mark_unchanged();
            slices.mark_unchanged();
        }
    }
}

/// The table whose rules are in force now; none if they could not be written.
async fn write(table: &Table) -> Option<Table> {
    match tool::feed("nft", &["-f", "-"], &nft::rules(table)).await {
        Ok(()) => Some(table.clone()),
        Err(error) => {
            tracing::warn!(%error, "rules of Services");
            None
        }
    }
}
