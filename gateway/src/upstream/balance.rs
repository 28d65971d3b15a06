//! Which address of a cluster is next.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an address goes last after a connection to it failed.
const MEMORY: Duration = Duration::from_secs(30);

/// An address for one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// Where to connect to.
    pub address: SocketAddr,
    /// Whether an address that was not tried yet remains after this one.
    pub more: bool,
}

/// What is remembered about the addresses of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Balance {
    next: AtomicUsize,
    failed: Mutex<HashMap<SocketAddr, Instant>>,
}

impl Balance {
    /// Round robin over the addresses not tried yet; over all of them when each was tried. Those that failed lately
    /// are taken only when there is no other. `None` without addresses.
    pub(crate) fn pick(&self, addresses: &[SocketAddr], tried: &[SocketAddr], now: Instant) -> Option<Pick> {
        if let [address] = *addresses {
            return Some(Pick { address, more: false });
        }
        let untried: Vec<_> = addresses.iter().copied().filter(|a| !tried.contains(a)).collect();
        let pool = if untried.is_empty() { addresses } else { &untried };
        let healthy = self.healthy(pool, now);
        let pool = if healthy.is_empty() { pool } else { &healthy };
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let address = *pool.get(turn.checked_rem(pool.len())?)?;
        Some(Pick { address, more: untried.len() > 1 })
    }

    /// A connection to the address failed.
    pub(crate) fn failed(&self, address: SocketAddr, now: Instant) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|_, since| now.duration_since(*since) < MEMORY);
        failed.insert(address, now);
    }

    /// A connection to the address came about.
    pub(crate) fn connected(&self, address: SocketAddr) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }

    fn healthy(&self, pool: &[SocketAddr], now: Instant) -> Vec<SocketAddr> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let lately =
            |address: &SocketAddr| failed.get(address).is_some_and(|since| now.duration_since(*since) < MEMORY);
        pool.iter().copied().filter(|address| !lately(address)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(count: u8) -> Vec<SocketAddr> {
        (1..=count).map(|n| SocketAddr::from(([10, 0, 0, n], 80))).collect()
    }

    #[test]
    fn all_take_turns() {
        let (balance, all, now) = (Balance::default(), addresses(3), Instant::now());
        let picks: Vec<_> = (0..6).map(|_| balance.pick(&all, &[], now).unwrap().address).collect();
        assert_eq!(picks, [all.clone(), all].concat());
        assert_eq!(balance.pick(&[], &[], now), None);
    }

    #[test]
    fn a_tried_one_comes_again_only_when_none_is_left() {
        let (balance, all, now) = (Balance::default(), addresses(3), Instant::now());
        for _ in 0..4 {
            assert_eq!(balance.pick(&all, &all[..2], now), Some(Pick { address: all[2], more: false }));
            assert!(balance.pick(&all, &all[..1], now).unwrap().more);
            assert!(!balance.pick(&all, &all, now).unwrap().more);
        }
    }

    #[test]
    fn failed_ones_go_last_for_a_while() {
        let (balance, all, now) = (Balance::default(), addresses(2), Instant::now());
        let taken = |at| (0..4).filter(|_| balance.pick(&all, &[], at).unwrap().address == all[0]).count();
        balance.failed(all[0], now);
        assert_eq!(taken(now), 0);
        assert_eq!(balance.pick(&all, &all[1..], now).unwrap().address, all[0]);
        assert_eq!(taken(now + MEMORY), 2);
        balance.failed(all[0], now);
        balance.connected(all[0]);
        assert_eq!(taken(now), 2);
        balance.failed(all[0], now);
        balance.failed(all[1], now);
        assert_eq!(taken(now), 2, "when all failed, all take turns");
    }
}
