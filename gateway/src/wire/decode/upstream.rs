//! Clusters, credentials and CA bundles.

use std::sync::Arc;

use super::content;
use crate::cluster::{CaBundle, Cluster, Endpoint, Roots, UpstreamProtocol, UpstreamTls};
use crate::filter::credential::Credential;
use crate::wire::error::{At, DecodeError, Flaw, each, optional, required};
use crate::wire::message;
use crate::wire::resource::Resource;

/// Reads a CA bundle's resource.
pub(in crate::wire) fn bundle(resource: &Resource) -> Result<CaBundle, DecodeError> {
    let message::CaBundle { certificates } = content::message(resource)?;
    CaBundle::from_der(certificates).map_err(|why| Flaw::new(why).of(&resource.name))
}

/// Reads a credential's resource.
pub(in crate::wire) fn credential(resource: &Resource) -> Result<Credential, DecodeError> {
    let message::Credential { source, value } = content::message(resource)?;
    let credential = Credential::new(&value).map_err(|invalid| Flaw::new(invalid.0).of(&resource.name))?;
    Ok(credential.from_source(source))
}

/// Reads a cluster's resource; CA bundles are found by the name of their resource.
pub(in crate::wire) fn cluster(
    resource: &Resource,
    bundle: impl Fn(&str) -> Option<Arc<CaBundle>>,
) -> Result<Cluster, DecodeError> {
    let message = content::message::<message::Cluster>(resource)?;
    read(&message, bundle).map_err(|flaw| flaw.of(&resource.name))
}

fn read(message: &message::Cluster, bundle: impl Fn(&str) -> Option<Arc<CaBundle>>) -> Result<Cluster, Flaw> {
    let message::Cluster { name, endpoints, tls, protocol } = message;
    let protocol = match message::UpstreamProtocol::try_from(*protocol) {
        Ok(message::UpstreamProtocol::Auto) => UpstreamProtocol::Auto,
        Ok(message::UpstreamProtocol::H2c) => UpstreamProtocol::H2c,
        Ok(message::UpstreamProtocol::Unspecified) | Err(_) => return Err(Flaw::unknown()).at("protocol"),
    };
    let endpoints = each("endpoints", endpoints, |message| required("kind", message.kind.as_ref(), endpoint))?;
    let tls = optional("tls", tls.as_ref(), |message| upstream_tls(message, bundle))?;
    Ok(Cluster { name: name.clone(), endpoints, tls, protocol })
}

fn endpoint(kind: &message::EndpointKind) -> Result<Endpoint, Flaw> {
    match kind {
        message::EndpointKind::Fqdn(message::Fqdn { hostname, port }) => {
            let port = u16::try_from(*port).map_err(|_| Flaw::new("is no port")).at("port")?;
            Ok(Endpoint::Fqdn { hostname: hostname.clone(), port })
        }
        message::EndpointKind::Ip(text) => {
            text.parse().map(Endpoint::Ip).map_err(|_| Flaw::new("is no address with a port"))
        }
    }
}

fn upstream_tls(
    message: &message::UpstreamTls,
    bundle: impl Fn(&str) -> Option<Arc<CaBundle>>,
) -> Result<UpstreamTls, Flaw> {
    let message::UpstreamTls { hostname, roots } = message;
    let roots = required("roots", roots.as_ref(), |roots| match roots {
        message::Roots::System(message::Nothing {}) => Ok(Roots::System),
        message::Roots::Bundle(name) => {
            bundle(name).map(Roots::Bundle).ok_or_else(|| Flaw::new(format!("{name} is not there")))
        }
    })?;
    Ok(UpstreamTls { hostname: hostname.clone(), roots })
}
