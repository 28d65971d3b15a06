//! What Services mean at this moment: addresses, and the endpoints behind each of their ports.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

/// A Service's namespace and name.
pub(crate) type Key = (String, String);

/// All Services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table(pub(crate) BTreeMap<Key, Entry>);

/// One Service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its ClusterIP, unless it is headless.
    pub(crate) cluster_ip: Option<Ipv4Addr>,
    /// Its other addresses: of its load balancer, and those that its spec names.
    pub(crate) external: Vec<Ipv4Addr>,
    /// Its ports, whatever address they are asked at.
    pub(crate) ports: Vec<Port>,
    /// What its name means when it is headless.
    pub(crate) pods: Vec<Ipv4Addr>,
    /// What its name stands for when its type is ExternalName.
    pub(crate) alias: Option<String>,
}

/// One port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) protocol: Protocol,
    pub(crate) number: u16,
    /// Where it leads; nowhere when empty.
    pub(crate) endpoints: Vec<SocketAddrV4>,
}

/// The protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

impl Table {
    /// The table of these objects. The Service `kubernetes` leads to `api` when it has no endpoints.
    pub(crate) fn new<'a>(
        services: impl IntoIterator<Item = &'a Service>,
        slices: impl IntoIterator<Item = &'a EndpointSlice>,
        api: SocketAddrV4,
    ) -> Self {
        let mut of: BTreeMap<Key, Vec<&EndpointSlice>> = BTreeMap::new();
        for slice in slices.into_iter().filter(|slice| slice.address_type == "IPv4") {
            let owner = slice.metadata.labels.as_ref().and_then(|labels| labels.get("kubernetes.io/service-name"));
            if let (Some(namespace), Some(name)) = (&slice.metadata.namespace, owner) {
                of.entry((namespace.clone(), name.clone())).or_default().push(slice);
            }
        }
        let entries = services.into_iter().map(|service| {
            let key = (
                service.metadata.namespace.clone().unwrap_or_default(),
                service.metadata.name.clone().unwrap_or_default(),
            );
            let mut entry = entry(service, of.get(&key).map(Vec::as_slice).unwrap_or_default());
            if key.0 == "default" && key.1 == "kubernetes" {
                let silent = entry.ports.iter_mut().filter(|port| port.endpoints.is_empty());
                silent.for_each(|port| port.endpoints = vec![api]);
            }
            (key, entry)
        });
        Self(entries.collect())
    }
}

fn entry(service: &Service, slices: &[&EndpointSlice]) -> Entry {
    let spec = service.spec.clone().unwrap_or_default();
    if spec.type_.as_deref() == Some("ExternalName") {
        return Entry { alias: spec.external_name, ..Entry::default() };
    }
    let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref());
    let balanced = balancer.into_iter().flatten().filter_map(|ingress| ingress.ip.clone());
    let external = balanced.chain(spec.external_ips.iter().flatten().cloned());
    let everyone = spec.publish_not_ready_addresses == Some(true);
    let mut pods: Vec<_> = slices.iter().flat_map(|slice| serving(slice, everyone)).collect();
    pods.sort_unstable();
    pods.dedup();
    Entry {
        cluster_ip: spec.cluster_ip.as_deref().and_then(|ip| ip.parse().ok()),
        external: external.filter_map(|ip| ip.parse().ok()).collect(),
        ports: spec.ports.iter().flatten().filter_map(|port| port_of(port, slices, everyone)).collect(),
        pods,
        alias: None,
    }
}

fn port_of(port: &ServicePort, slices: &[&EndpointSlice], everyone: bool) -> Option<Port> {
    let protocol = match port.protocol.as_deref() {
        None | Some("TCP") => Protocol::Tcp,
        Some("UDP") => Protocol::Udp,
        Some(_) => return None,
    };
    let name = port.name.as_deref().unwrap_or_default();
    let mut endpoints = Vec::new();
    for slice in slices {
        let same = slice.ports.iter().flatten().find(|port| port.name.as_deref().unwrap_or_default() == name);
        let Some(number) = same.and_then(|port| u16::try_from(port.port?).ok()) else { continue };
        endpoints.extend(serving(slice, everyone).into_iter().map(|ip| SocketAddrV4::new(ip, number)));
    }
    endpoints.sort_unstable();
    endpoints.dedup();
    Some(Port { protocol, number: u16::try_from(port.port).ok()?, endpoints })
}

/// The addresses that get traffic: those that are ready; if there is none, those that still serve while they end.
fn serving(slice: &EndpointSlice, everyone: bool) -> Vec<Ipv4Addr> {
    let addresses = |wanted: &dyn Fn(&Endpoint) -> bool| {
        let endpoints = slice.endpoints.iter().filter(|endpoint| wanted(endpoint));
        endpoints.filter_map(|endpoint| endpoint.addresses.first()?.parse().ok()).collect::<Vec<_>>()
    };
    // A condition that is not given is true (EndpointConditions.ready).
    let ready = |endpoint: &Endpoint| endpoint.conditions.as_ref().and_then(|state| state.ready) != Some(false);
    let ending = |endpoint: &Endpoint| {
        endpoint.conditions.as_ref().is_some_and(|state| state.serving == Some(true) && state.terminating == Some(true))
    };
    let found = addresses(&|endpoint| everyone || ready(endpoint));
    if found.is_empty() { addresses(&ending) } else { found }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(crate) fn table(services: Value, slices: Value) -> Table {
        let services: Vec<Service> = serde_json::from_value(services).unwrap();
        let slices: Vec<EndpointSlice> = serde_json::from_value(slices).unwrap();
        Table::new(&services, &slices, "127.0.0.1:6443".parse().unwrap())
    }

    pub(crate) fn service(name: &str, spec: Value) -> Value {
        json!({"metadata": {"namespace": "ns", "name": name}, "spec": spec})
    }

    pub(crate) fn slice(service: &str, port: Value, endpoints: Value) -> Value {
        json!({
            "metadata": {"namespace": "ns", "name": format!("{service}-1"), "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4", "ports": [port], "endpoints": endpoints,
        })
    }

    fn entry<'a>(table: &'a Table, name: &str) -> &'a Entry {
        &table.0[&("ns".to_owned(), name.to_owned())]
    }

    #[track_caller]
    fn check(conditions: &[Value], expected: &[&str]) {
        let endpoints: Vec<_> = (1..)
            .zip(conditions)
            .map(|(host, conditions)| json!({"addresses": [format!("10.244.1.{host}")], "conditions": conditions}))
            .collect();
        let spec = json!({"clusterIP": "10.96.1.1", "ports": [{"port": 80, "name": "web"}]});
        let slices = json!([slice("s", json!({"name": "web", "port": 8080}), json!(endpoints))]);
        let table = table(json!([service("s", spec)]), slices);
        let found: Vec<_> = entry(&table, "s").ports[0].endpoints.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn ready_endpoints_get_traffic_and_ending_ones_if_there_is_no_other() {
        let ready = json!({"ready": true});
        let unready = json!({"ready": false});
        let ending = json!({"ready": false, "serving": true, "terminating": true});
        check(&[ready.clone(), json!({})], &["10.244.1.1:8080", "10.244.1.2:8080"]);
        check(&[ready, unready.clone(), ending.clone()], &["10.244.1.1:8080"]);
        check(&[unready.clone(), ending], &["10.244.1.2:8080"]);
        check(&[unready], &[]);
    }

    #[test]
    fn addresses() {
        let mut balanced = service("lb", json!({"clusterIP": "10.96.1.2", "externalIPs": ["10.246.9.9"], "ports": []}));
        balanced["status"] = json!({"loadBalancer": {"ingress": [{"ip": "10.246.1.0"}]}});
        let headless = service("none", json!({"clusterIP": "None", "ports": []}));
        let alias = service("ext", json!({"type": "ExternalName", "externalName": "api.example.com"}));
        let slices = json!([slice("none", json!({"port": 1}), json!([{"addresses": ["10.244.1.9"]}]))]);
        let table = table(json!([balanced, headless, alias]), slices);
        assert_eq!(
            entry(&table, "lb").external,
            ["10.246.1.0", "10.246.9.9"].map(|ip| ip.parse::<Ipv4Addr>().unwrap())
        );
        assert_eq!(entry(&table, "none").cluster_ip, None);
        assert_eq!(entry(&table, "none").pods, [Ipv4Addr::new(10, 244, 1, 9)]);
        assert_eq!(entry(&table, "ext").alias.as_deref(), Some("api.example.com"));
    }

    #[test]
    fn the_api_server_has_a_service() {
        let mut service = service("kubernetes", json!({"clusterIP": "10.96.0.1", "ports": [{"port": 443}]}));
        service["metadata"]["namespace"] = "default".into();
        let table = table(json!([service]), json!([]));
        let entry = &table.0[&("default".to_owned(), "kubernetes".to_owned())];
        assert_eq!(entry.ports[0].endpoints, ["127.0.0.1:6443".parse().unwrap()]);
    }
}
