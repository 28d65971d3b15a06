//! Addresses of a range for Gateways in this process: each Gateway the same one on every start, as far as can be.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::objects::key::Key;

/// A range, and who has what of it.
#[derive(Debug)]
pub(super) struct Addresses {
    range: IpNet,
    assigned: BTreeMap<Key, IpAddr>,
}

impl Addresses {
    pub(super) fn new(range: IpNet) -> Self {
        Self { range, assigned: BTreeMap::new() }
    }

    /// Gives each of these Gateways an address, and takes the addresses of all others back. A Gateway keeps what it
    /// has; a new one gets the address of its name's hash, or the next free one. Without any free one it gets none.
    pub(super) fn assign<'a>(&mut self, gateways: impl Iterator<Item = &'a Key>) -> &BTreeMap<Key, IpAddr> {
        let wanted: BTreeSet<_> = gateways.collect();
        self.assigned.retain(|key, _| wanted.contains(key));
        let mut taken: BTreeSet<_> = self.assigned.values().copied().collect();
        for key in wanted {
            if self.assigned.contains_key(key) {
                continue;
            }
            if let Some(address) = self.candidates(key).find(|address| !taken.contains(address)) {
                taken.insert(address);
                self.assigned.insert(key.clone(), address);
            }
        }
        &self.assigned
    }

    /// All addresses of the range but its first and last, from the one of the name's hash on.
    fn candidates(&self, key: &Key) -> impl Iterator<Item = IpAddr> + use<> {
        let bits = u32::from(self.range.max_prefix_len() - self.range.prefix_len()).min(32);
        let size = 1_u64 << bits;
        let usable = size.saturating_sub(2).max(1);
        let first = u64::from(size > 2);
        let start = hash(&key.to_string()) % usable;
        let network = self.range.network();
        (0..usable).map(move |step| at(network, first + (start + step) % usable))
    }
}

fn at(network: IpAddr, offset: u64) -> IpAddr {
    match network {
        // The offset is below the size of the range, so that neither sum leaves it.
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits().wrapping_add(u32::try_from(offset).unwrap_or(0))).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits().wrapping_add(u128::from(offset))).into(),
    }
}

/// FNV-1a: the standard library's hashes may differ from one release to the next.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<Key> {
        names.iter().map(|name| Key::new("ns", *name)).collect()
    }

    fn assigned(addresses: &mut Addresses, names: &[&str]) -> Vec<String> {
        let all = addresses.assign(keys(names).iter()).clone();
        keys(names).iter().filter_map(|key| all.get(key)).map(ToString::to_string).collect()
    }

    #[test]
    fn a_gateway_has_the_same_address_each_time() {
        let range: IpNet = "127.10.0.0/16".parse().unwrap();
        let first = assigned(&mut Addresses::new(range), &["a", "b"]);
        let mut addresses = Addresses::new(range);
        assert_eq!(assigned(&mut addresses, &["b"]), first[1..]);
        assert_eq!(assigned(&mut addresses, &["a", "b"]), first);
        assert!(first.iter().all(|address| range.contains(&address.parse::<IpAddr>().unwrap())));
    }

    #[test]
    fn no_two_have_the_same_and_who_comes_too_late_has_none() {
        let mut addresses = Addresses::new("127.10.0.0/30".parse().unwrap());
        let all = assigned(&mut addresses, &["a", "b", "c"]);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 2);
        assert!(all.iter().all(|address| ["127.10.0.1", "127.10.0.2"].contains(&address.as_str())), "{all:?}");
        assert_eq!(assigned(&mut addresses, &["c"]).len(), 1);
        assert_eq!(assigned(&mut Addresses::new("::1/128".parse().unwrap()), &["a"]), ["::1"]);
    }
}
