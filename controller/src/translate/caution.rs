//! Cautions: what is sent to a backend as written, though hardly as meant.

use sluice_gateway::cluster::{Cluster, Endpoint};
use sluice_gateway::filter::RequestEdit;

use crate::translate::fault::{Fault, Place};
use crate::translate::hostnames::Hostnames;

/// What an author should hear about a cluster, the edits on the way to it, and the hostnames that clients use.
pub(crate) fn about<'e>(
    cluster: &Cluster,
    edits: impl Iterator<Item = &'e RequestEdit> + Clone,
    hostnames: &Hostnames,
    place: &Place,
) -> impl Iterator<Item = Fault> {
    let all = [
        credential_in_clear(cluster, edits.clone(), place),
        port_443_in_clear(cluster, place),
        strange_host(cluster, edits, hostnames, place),
    ];
    all.into_iter().flatten()
}

/// A credential without TLS can be read by whoever is on the way.
fn credential_in_clear<'e>(
    cluster: &Cluster,
    mut edits: impl Iterator<Item = &'e RequestEdit>,
    place: &Place,
) -> Option<Fault> {
    let stays = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Ip(address) if address.ip().is_loopback());
    let leaves = cluster.tls.is_none() && !cluster.endpoints.iter().all(stays);
    let carries = edits.any(|edit| matches!(edit, RequestEdit::Credential(_)));
    (leaves && carries).then(|| {
        let message = format!("a credential goes to {} without TLS, for all on the way to read", cluster.name);
        place.warning(message, "attach a BackendTLSPolicy to it")
    })
}

/// The port number does not imply TLS, though many think it does.
fn port_443_in_clear(cluster: &Cluster, place: &Place) -> Option<Fault> {
    let port = |endpoint: &Endpoint| match endpoint {
        Endpoint::Fqdn { port, .. } => *port,
        Endpoint::Ip(address) => address.port(),
    };
    (cluster.tls.is_none() && cluster.endpoints.iter().any(|endpoint| port(endpoint) == 443)).then(|| {
        let message = format!("port 443 of {} is spoken to without TLS", cluster.name);
        place.warning(message, "attach a BackendTLSPolicy to it, in its own namespace")
    })
}

/// Without a rewrite the provider gets the client's Host, which is the gateway's name: most answer 404 or 421.
fn strange_host<'e>(
    cluster: &Cluster,
    mut edits: impl Iterator<Item = &'e RequestEdit>,
    hostnames: &Hostnames,
    place: &Place,
) -> Option<Fault> {
    let own_name = &cluster.tls.as_ref()?.hostname;
    let is_named = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Fqdn { hostname, .. } if hostname == own_name);
    let renamed = edits.any(|edit| matches!(edit, RequestEdit::Rewrite(rewrite) if rewrite.hostname.is_some()));
    (cluster.endpoints.iter().any(is_named) && !renamed && !hostnames.include(own_name)).then(|| {
        let message = format!("{own_name} gets the client's Host header, which it may not know");
        place.warning(message, format!("add a URLRewrite filter with hostname: {own_name}"))
    })
}
