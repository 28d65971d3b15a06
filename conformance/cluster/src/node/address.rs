//! The addresses of the bed, and a pool that hands them out.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// The node, and the gateway of every pod.
pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);
/// The resolver of every pod.
pub(crate) const DNS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// Where Services get their ClusterIPs (the API server's `--service-cluster-ip-range`).
pub(crate) const SERVICES: &str = "10.96.0.0/16";
/// Where Services of type LoadBalancer get their addresses.
pub(crate) const BALANCERS: &str = "10.246.0.0/16";

/// A /16 whose addresses are given out in turn, so that an address rests as long as possible before it comes again.
#[derive(Debug)]
pub(crate) struct Pool {
    net: [u8; 2],
    next: u16,
    taken: BTreeSet<u16>,
}

impl Pool {
    /// The pool of `net.0.0/16`; the first 255 addresses are the node's own.
    pub(crate) fn new(net: [u8; 2]) -> Self {
        Self { net, next: FIRST, taken: BTreeSet::new() }
    }

    /// An address that nobody has, or none when all are taken.
    pub(crate) fn take(&mut self) -> Option<Ipv4Addr> {
        let turn = (self.next..=LAST).chain(FIRST..self.next);
        let free = turn.into_iter().find(|host| !self.taken.contains(host))?;
        self.taken.insert(free);
        self.next = if free == LAST { FIRST } else { free + 1 };
        Some(self.address(free))
    }

    /// Marks an address that somebody else gave out; false when it is taken or not of this pool.
    pub(crate) fn claim(&mut self, address: Ipv4Addr) -> bool {
        self.host(address).is_some_and(|host| self.taken.insert(host))
    }

    /// Takes an address back.
    pub(crate) fn release(&mut self, address: Ipv4Addr) {
        if let Some(host) = self.host(address) {
            self.taken.remove(&host);
        }
    }

    fn address(&self, host: u16) -> Ipv4Addr {
        let [high, low] = host.to_be_bytes();
        Ipv4Addr::new(self.net[0], self.net[1], high, low)
    }

    fn host(&self, address: Ipv4Addr) -> Option<u16> {
        let [a, b, c, d] = address.octets();
        ([a, b] == self.net).then(|| u16::from_be_bytes([c, d]))
    }
}

const FIRST: u16 = 256;
const LAST: u16 = 0xfffe;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_rests_before_it_comes_again() {
        let mut pool = Pool::new([10, 244]);
        let first = pool.take().unwrap();
        assert_eq!(first, Ipv4Addr::new(10, 244, 1, 0));
        pool.release(first);
        assert_eq!(pool.take().unwrap(), Ipv4Addr::new(10, 244, 1, 1));
    }

    #[test]
    fn a_claimed_address_is_not_given_out() {
        let mut pool = Pool::new([10, 246]);
        assert!(pool.claim(Ipv4Addr::new(10, 246, 1, 0)));
        assert!(!pool.claim(Ipv4Addr::new(10, 246, 1, 0)));
        assert!(!pool.claim(Ipv4Addr::new(10, 244, 1, 0)));
        assert_eq!(pool.take().unwrap(), Ipv4Addr::new(10, 246, 1, 1));
    }

    #[test]
    fn a_pool_ends() {
        let mut pool = Pool::new([10, 244]);
        let all: BTreeSet<_> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(all.len(), usize::from(LAST - FIRST) + 1);
    }
}
