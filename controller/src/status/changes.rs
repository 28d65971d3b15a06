//! What differs between two sets of statuses.

use std::collections::BTreeMap;

use crate::objects::Kind;
use crate::objects::key::{Key, ObjectRef};
use crate::status::statuses::Statuses;

impl Statuses {
    /// The objects whose status differs from `before`, those that have none any more among them.
    pub fn changed_since(&self, before: &Self) -> Vec<ObjectRef> {
        let mut changed = Vec::new();
        let mut add = |kind: Kind, keys: Vec<&Key>| {
            changed.extend(keys.into_iter().map(|key| ObjectRef { kind: kind.name(), key: key.clone() }));
        };
        add(Kind::GatewayClass, differing(&before.gateway_classes, &self.gateway_classes));
        add(Kind::Gateway, differing(&before.gateways, &self.gateways));
        add(Kind::HTTPRoute, differing(&before.http_routes, &self.http_routes));
        add(Kind::Backend, differing(&before.backends, &self.backends));
        add(Kind::BackendTLSPolicy, differing(&before.backend_tls_policies, &self.backend_tls_policies));
        add(Kind::EnvoyProxy, differing(&before.envoy_proxies, &self.envoy_proxies));
        changed
    }

    /// The generation of the object that its status is about, if it has one.
    pub fn generation(&self, object: &ObjectRef) -> Option<i64> {
        let ObjectRef { kind, key } = object;
        let classes = self.gateway_classes.get(key).map(|s| (Kind::GatewayClass, s.generation));
        let gateways = self.gateways.get(key).map(|s| (Kind::Gateway, s.generation));
        let routes = self.http_routes.get(key).map(|s| (Kind::HTTPRoute, s.generation));
        let backends = self.backends.get(key).map(|s| (Kind::Backend, s.generation));
        let policies = self.backend_tls_policies.get(key).map(|s| (Kind::BackendTLSPolicy, s.generation));
        let proxies = self.envoy_proxies.get(key).map(|s| (Kind::EnvoyProxy, s.generation));
        let all = [classes, gateways, routes, backends, policies, proxies];
        all.into_iter().flatten().find(|(k, _)| k.name() == *kind).map(|(_, generation)| generation)
    }
}

fn differing<'a, T: PartialEq>(before: &'a BTreeMap<Key, T>, now: &'a BTreeMap<Key, T>) -> Vec<&'a Key> {
    let gone = before.keys().filter(|key| !now.contains_key(*key));
    now.iter().filter(|(key, status)| before.get(*key) != Some(status)).map(|(key, _)| key).chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::ObjectStatus;

    fn statuses(backends: &[(&str, i64)]) -> Statuses {
        let status = |generation| ObjectStatus { generation, conditions: Vec::new() };
        let backends = backends.iter().map(|(name, generation)| (Key::new("ns", *name), status(*generation)));
        Statuses { backends: backends.collect(), ..Statuses::default() }
    }

    #[test]
    fn what_is_new_other_or_gone_has_changed() {
        let (before, now) = (statuses(&[("a", 1), ("b", 1), ("c", 1)]), statuses(&[("a", 1), ("b", 2), ("d", 1)]));
        let changed: Vec<_> = now.changed_since(&before).iter().map(ToString::to_string).collect();
        assert_eq!(changed, ["Backend ns/b", "Backend ns/d", "Backend ns/c"]);
        let object = |kind: Kind| ObjectRef { kind: kind.name(), key: Key::new("ns", "b") };
        assert_eq!(now.generation(&object(Kind::Backend)), Some(2));
        assert_eq!(now.generation(&object(Kind::HTTPRoute)), None);
    }
}
