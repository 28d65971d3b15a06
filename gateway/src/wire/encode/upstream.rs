//! What rules refer to: clusters, credentials and CA bundles, each once.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;

use crate::cluster::{CaBundle, Cluster, Endpoint, Roots, UpstreamProtocol, UpstreamTls};
use crate::filter::credential::Credential;
use crate::wire::message;
use crate::wire::resource::{BUNDLE, CLUSTER, CREDENTIAL, Resource, hash_of, hex};

/// What was referred to so far.
#[derive(Default)]
pub(super) struct Upstreams {
    clusters: Named<Cluster>,
    credentials: Named<Credential>,
    resources: Vec<Resource>,
    bundles: BTreeMap<String, Resource>,
}

/// Things by name. Different things of one name, which no translation makes, are told apart by a number.
struct Named<T>(BTreeMap<String, Vec<T>>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone + PartialEq> Named<T> {
    fn is_ambiguous(&self) -> bool {
        self.0.values().any(|things| things.len() > 1)
    }

    /// The name of a thing, and whether it is new.
    fn name(&mut self, name: &str, thing: &T) -> (String, bool) {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), Vec::new());
        }
        let Some(known) = self.0.get_mut(name) else { return (name.to_owned(), true) };
        let position = known.iter().position(|other| other == thing);
        let number = position.unwrap_or(known.len());
        if position.is_none() {
            known.push(thing.clone());
        }
        let name = if number == 0 { name.to_owned() } else { format!("{name}~{number}") };
        (name, position.is_none())
    }
}

impl Upstreams {
    /// The name of a cluster's resource.
    pub(super) fn cluster(&mut self, cluster: &Cluster) -> String {
        let (name, is_new) = self.clusters.name(&cluster.name, cluster);
        let name = format!("{CLUSTER}{name}");
        if is_new {
            let message = self.encode_cluster(cluster);
            self.resources.push(Resource::new(name.clone(), &message));
        }
        name
    }

    /// The name of a credential's resource.
    pub(super) fn credential(&mut self, credential: &Credential) -> String {
        let (name, is_new) = self.credentials.name(credential.source(), credential);
        let name = format!("{CREDENTIAL}{name}");
        if is_new {
            let value = Bytes::copy_from_slice(credential.reveal());
            let message = message::Credential { source: credential.source().to_owned(), value };
            self.resources.push(Resource::new(name.clone(), &message));
        }
        name
    }

    /// True when different things have one name.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.clusters.is_ambiguous() || self.credentials.is_ambiguous()
    }

    pub(super) fn into_resources(self) -> impl Iterator<Item = Resource> {
        self.resources.into_iter().chain(self.bundles.into_values())
    }

    fn encode_cluster(&mut self, cluster: &Cluster) -> message::Cluster {
        let Cluster { name, endpoints, tls, protocol } = cluster;
        let protocol = match protocol {
            UpstreamProtocol::Auto => message::UpstreamProtocol::Auto,
            UpstreamProtocol::H2c => message::UpstreamProtocol::H2c,
        };
        message::Cluster {
            name: name.clone(),
            endpoints: endpoints.iter().map(endpoint).collect(),
            tls: tls.as_ref().map(|tls| self.encode_tls(tls)),
            protocol: protocol.into(),
        }
    }

    fn encode_tls(&mut self, tls: &UpstreamTls) -> message::UpstreamTls {
        let UpstreamTls { hostname, roots } = tls;
        let roots = match roots {
            Roots::System => message::Roots::System(message::Nothing {}),
            Roots::Bundle(bundle) => message::Roots::Bundle(self.bundle(bundle)),
        };
        message::UpstreamTls { hostname: hostname.clone(), roots: Some(roots) }
    }

    fn bundle(&mut self, bundle: &CaBundle) -> String {
        let message = message::CaBundle { certificates: bundle.certificates().to_vec() };
        let name = format!("{BUNDLE}{}", hex(&hash_of(&[&message.encode_to_vec()])));
        self.bundles.entry(name.clone()).or_insert_with(|| Resource::new(name.clone(), &message));
        name
    }
}

fn endpoint(endpoint: &Endpoint) -> message::Endpoint {
    let kind = match endpoint {
        Endpoint::Fqdn { hostname, port } => {
            message::EndpointKind::Fqdn(message::Fqdn { hostname: hostname.clone(), port: u32::from(*port) })
        }
        Endpoint::Ip(address) => message::EndpointKind::Ip(address.to_string()),
    };
    message::Endpoint { kind: Some(kind) }
}
