//! What a cloud does for Services of type LoadBalancer: gives each an address. The rules of Services lead it on.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::time::sleep;

use crate::node::address::Pool;
use crate::node::mirror::Mirror;
use crate::node::service::Key;

/// Gives addresses now and at each change.
pub(crate) async fn follow(client: Client, services: Arc<Mirror<Service>>) {
    let mut changes = services.changes();
    let mut book = Book::new();
    loop {
        let orders = book.orders(services.all().iter().map(AsRef::as_ref));
        let mut failed = false;
        for (key, address) in orders {
            failed |= !write(&client, &key, address).await;
        }
        let pause = Duration::from_secs(if failed { 1 } else { 3600 });
        tokio::select! {
            change = changes.changed() => if change.is_err() { return },
            () = sleep(pause) => {}
        }
    }
}

/// Whether it need not be tried again.
async fn write(client: &Client, (namespace, name): &Key, address: Option<Ipv4Addr>) -> bool {
    let api = Api::<Service>::namespaced(client.clone(), namespace);
    let ingress = address.map(|ip| json!([{"ip": ip.to_string(), "ipMode": "VIP"}]));
    let patch = json!({"status": {"loadBalancer": {"ingress": ingress}}});
    match api.patch_status(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if (400..500).contains(&status.code) && status.code != 429 => true,
        Err(error) => {
            tracing::debug!(%error, service = name, "address of a load balancer");
            false
        }
    }
}

/// Who has which address.
#[derive(Debug)]
struct Book {
    pool: Pool,
    given: BTreeMap<Key, Ipv4Addr>,
}

impl Book {
    fn new() -> Self {
        Self { pool: Pool::new([10, 246]), given: BTreeMap::new() }
    }

    /// Which Services get another status: an address, or none any more.
    fn orders<'a>(&mut self, services: impl Iterator<Item = &'a Service>) -> Vec<(Key, Option<Ipv4Addr>)> {
        let mut wanted = BTreeMap::new();
        let mut orders = Vec::new();
        for service in services {
            let metadata = &service.metadata;
            let key = (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default());
            let balanced = service.spec.as_ref().is_some_and(|spec| spec.type_.as_deref() == Some("LoadBalancer"));
            match (balanced, present(service)) {
                (true, present) => drop(wanted.insert(key, (present, asked(service)))),
                (false, Some(_)) => orders.push((key, None)),
                (false, None) => {}
            }
        }
        for (_, address) in self.given.extract_if(.., |key, _| !wanted.contains_key(key)) {
            self.pool.release(address);
        }
        for (key, (present, asked)) in wanted {
            let address = match self.given.get(&key) {
                Some(address) => *address,
                None => match self.choose(present, asked) {
                    Some(address) => *self.given.entry(key.clone()).or_insert(address),
                    None => continue,
                },
            };
            if present != Some(address) {
                orders.push((key, Some(address)));
            }
        }
        orders
    }

    /// The address that it has, else the one that it asks for, else any. One that is taken is nobody else's.
    fn choose(&mut self, present: Option<Ipv4Addr>, asked: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        if let Some(present) = present.filter(|address| self.pool.claim(*address)) {
            return Some(present);
        }
        match asked {
            Some(asked) => self.pool.claim(asked).then_some(asked),
            None => self.pool.take(),
        }
    }
}

fn present(service: &Service) -> Option<Ipv4Addr> {
    let balancer = service.status.as_ref()?.load_balancer.as_ref()?;
    balancer.ingress.as_ref()?.first()?.ip.as_deref()?.parse().ok()
}

fn asked(service: &Service) -> Option<Ipv4Addr> {
    service.spec.as_ref()?.load_balancer_ip.as_deref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, type_: &str, ask: Option<&str>, ip: Option<&str>) -> Service {
        serde_json::from_value(json!({
            "metadata": {"namespace": "ns", "name": name},
            "spec": {"type": type_, "loadBalancerIP": ask},
            "status": {"loadBalancer": {"ingress": ip.map(|ip| json!([{"ip": ip}]))}},
        }))
        .unwrap()
    }

    #[track_caller]
    fn check(book: &mut Book, services: &[Service], expected: &[(&str, Option<&str>)]) {
        let orders = book.orders(services.iter());
        let orders: Vec<_> = orders.into_iter().map(|((_, name), ip)| (name, ip.map(|ip| ip.to_string()))).collect();
        let expected: Vec<_> = expected.iter().map(|(name, ip)| ((*name).to_owned(), ip.map(str::to_owned))).collect();
        assert_eq!(orders, expected);
    }

    #[test]
    fn each_gets_one_address_and_keeps_it() {
        let mut book = Book::new();
        let first = service("a", "LoadBalancer", None, None);
        check(&mut book, &[first.clone(), service("c", "ClusterIP", None, None)], &[("a", Some("10.246.1.0"))]);
        check(&mut book, &[first], &[("a", Some("10.246.1.0"))]);
        check(&mut book, &[service("a", "LoadBalancer", None, Some("10.246.1.0"))], &[]);
        let changed = service("a", "ClusterIP", None, Some("10.246.1.0"));
        check(
            &mut book,
            &[changed, service("b", "LoadBalancer", Some("10.246.1.0"), None)],
            &[("a", None), ("b", Some("10.246.1.0"))],
        );
    }

    #[test]
    fn an_address_of_somebody_else_is_not_given() {
        let mut book = Book::new();
        let has = service("a", "LoadBalancer", None, Some("10.246.7.7"));
        let wants = service("b", "LoadBalancer", Some("10.246.7.7"), None);
        let outside = service("c", "LoadBalancer", Some("192.0.2.1"), None);
        check(&mut book, &[has, wants, outside], &[]);
    }
}
