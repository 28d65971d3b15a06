//! EndpointSlices by the Service they belong to, and the endpoints that they hold for one of its ports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use sluice_gateway::cluster::Endpoint;
use sluice_gateway::matcher::host::is_dns_name;

use crate::api::{EndpointSlice, Service, ServicePort, SliceEndpoint};
use crate::objects::key::Key;
use crate::objects::{Kind, Object, Objects};
use crate::translate::fault::{Fault, Place};

/// The label that names a slice's Service (Kubernetes `discoveryv1.LabelServiceName`).
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const TCP: &str = "TCP";

/// All slices, by namespace and name of their Service. Who wrote them, Kubernetes or a person, makes no difference.
pub(super) struct Slices<'a>(BTreeMap<(&'a str, &'a str), Vec<(&'a Key, &'a EndpointSlice)>>);

/// True of a port that HTTP can be spoken to; the protocol is TCP where none is given.
pub(super) fn is_tcp(protocol: Option<&str>) -> bool {
    protocol.is_none_or(|protocol| protocol == TCP)
}

impl<'a> Slices<'a> {
    /// Sorts the slices by Service; one without the label belongs to none.
    pub(super) fn of(objects: &'a Objects) -> Self {
        let mut all = BTreeMap::<_, Vec<_>>::new();
        for (key, Object { meta, spec }) in &objects.endpoint_slices {
            if let Some(service) = meta.labels.get(SERVICE_NAME) {
                all.entry((key.namespace.as_str(), service.as_str())).or_default().push((key, spec));
            }
        }
        Self(all)
    }

    /// Where a port of a Service is, each place once and in order: the endpoints that are ready. Where none is, those
    /// on their way out that still answer, as kube-proxy has it. A slice's port is the Service's by its name.
    pub(super) fn endpoints(
        &self,
        service: &Key,
        spec: &Service,
        port: &ServicePort,
        faults: &mut Vec<Fault>,
    ) -> Vec<Endpoint> {
        let (mut ready, mut leaving) = (BTreeSet::new(), BTreeSet::new());
        let own = self.0.get(&(service.namespace.as_str(), service.name.as_str()));
        for (key, slice) in own.into_iter().flatten() {
            let numbers: Vec<_> = numbers(slice, port).collect();
            let place = Place::of(Kind::EndpointSlice, key);
            if !numbers.is_empty() && !["IPv4", "IPv6", "FQDN"].contains(&slice.address_type.as_str()) {
                faults.push(unknown_type(&slice.address_type, &place));
                continue;
            }
            for (index, endpoint) in slice.endpoints.iter().enumerate() {
                let Some(list) = list_of(spec, endpoint, &mut ready, &mut leaving) else { continue };
                match addresses(slice, endpoint, &numbers) {
                    Ok(places) => list.extend(places),
                    Err(message) => faults.push(bad_address(message, &place.at("endpoints").index(index))),
                }
            }
        }
        Vec::from_iter(if ready.is_empty() { leaving } else { ready })
    }
}

/// The numbers by which a slice has the Service's port; more than one is odd, but said.
fn numbers<'s>(slice: &'s EndpointSlice, port: &'s ServicePort) -> impl Iterator<Item = u16> + 's {
    let same = slice.ports.iter().filter(|p| p.name == port.name && is_tcp(p.protocol.as_deref()));
    same.filter_map(|p| p.port).filter(|number| *number != 0)
}

/// Where an endpoint is to be kept, if it counts at all (Kubernetes `discoveryv1.EndpointConditions`).
fn list_of<'l>(
    service: &Service,
    endpoint: &SliceEndpoint,
    ready: &'l mut BTreeSet<Endpoint>,
    leaving: &'l mut BTreeSet<Endpoint>,
) -> Option<&'l mut BTreeSet<Endpoint>> {
    let conditions = endpoint.conditions;
    if service.publish_not_ready_addresses || conditions.ready.unwrap_or(true) {
        Some(ready)
    } else {
        (conditions.terminating.unwrap_or(false) && conditions.serving.unwrap_or(true)).then_some(leaving)
    }
}

/// An endpoint's places: its first address at each port. Kubernetes gives the other addresses no meaning.
fn addresses(slice: &EndpointSlice, endpoint: &SliceEndpoint, numbers: &[u16]) -> Result<Vec<Endpoint>, String> {
    let text = endpoint.addresses.first().ok_or_else(|| "has no address".to_owned())?;
    let of_type = |ip: &IpAddr| ip.is_ipv4() == (slice.address_type == "IPv4") && !ip.is_unspecified();
    if slice.address_type == "FQDN" {
        let hostname = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_name = is_dns_name(&hostname) && hostname.parse::<IpAddr>().is_err();
        let place = |port: &u16| Endpoint::Fqdn { hostname: hostname.clone(), port: *port };
        return is_name.then(|| numbers.iter().map(place).collect()).ok_or_else(|| format!("{text:?} is no hostname"));
    }
    let ip = text.parse().ok().filter(of_type);
    let ip = ip.ok_or_else(|| format!("{text:?} is no {} address to connect to", slice.address_type))?;
    Ok(numbers.iter().map(|port| Endpoint::Ip(SocketAddr::new(ip, *port))).collect())
}

fn unknown_type(kind: &str, place: &Place) -> Fault {
    place.at("addressType").error(format!("addressType {kind:?} is not known"), "write IPv4 or IPv6")
}

fn bad_address(message: String, place: &Place) -> Fault {
    place.at("addresses").index(0).error(message, "mend it; until then the endpoint gets no requests")
}
