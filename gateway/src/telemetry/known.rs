//! A map that only grows, read without a lock: what is looked up at each request and rarely made.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use arc_swap::ArcSwap;
use hashbrown::DefaultHashBuilder;

/// Values by the hash of their key, as the `prometheus` crate keeps its own: keys are borrowed and never stored. Two keys
/// meet by chance once in 2⁶⁴, and the seed is random. Whoever made two meet would be counted as the other, no more.
///
/// A new value costs a copy of its part of the map. One part is right for a few values, many are for thousands.
#[derive(Debug)]
pub(super) struct Known<V, const PARTS: usize = 1> {
    parts: [ArcSwap<HashMap<u64, V>>; PARTS],
    seed: DefaultHashBuilder,
}

impl<V: Clone, const PARTS: usize> Known<V, PARTS> {
    pub(super) fn new() -> Self {
        Self { parts: std::array::from_fn(|_| ArcSwap::default()), seed: DefaultHashBuilder::default() }
    }

    /// The value of a key, made when it is the first time. Two that meet may both make it: one is kept, and both get that.
    pub(super) fn at(&self, key: impl Hash, make: impl FnOnce() -> V) -> V {
        let key = self.seed.hash_one(key);
        let part = self.part(key);
        if let Some(value) = part.load().get(&key) {
            return value.clone();
        }
        let made = make();
        part.rcu(|values| {
            let mut values = HashMap::clone(values);
            values.entry(key).or_insert_with(|| made.clone());
            values
        });
        part.load().get(&key).cloned().unwrap_or(made)
    }

    /// All values, in this order.
    pub(super) fn sorted(&self, order: impl FnMut(&V, &V) -> Ordering) -> Vec<V> {
        let mut all: Vec<_> =
            self.parts.iter().flat_map(|part| part.load().values().cloned().collect::<Vec<_>>()).collect();
        all.sort_unstable_by(order);
        all
    }

    /// The lower bits place a key within its part.
    fn part(&self, key: u64) -> &ArcSwap<HashMap<u64, V>> {
        // Less than `PARTS`, which is small.
        &self.parts[(key >> 32) as usize % PARTS]
    }
}

impl<V: Clone> Known<V> {
    /// Whether the key is there, and how many are.
    pub(super) fn has(&self, key: impl Hash) -> (bool, usize) {
        let values = self.parts[0].load();
        (values.contains_key(&self.seed.hash_one(key)), values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once() {
        let known = Known::<_>::new();
        assert_eq!(known.at(("a", 1), || 1), 1);
        assert_eq!(known.at(("a", 1), || 2), 1);
        assert_eq!(known.at(("a", 2), || 3), 3);
        assert_eq!((known.has(("a", 2)), known.has("b")), ((true, 2), (false, 2)));
    }

    #[test]
    fn two_that_meet_get_the_same() {
        let known = Known::<_>::new();
        let slower = known.at("a", || {
            known.at("a", || 1);
            2
        });
        assert_eq!((slower, known.at("a", || 3)), (1, 1));
    }

    #[test]
    fn parts_are_one_map() {
        let known = Known::<_, 8>::new();
        for round in 0..2 {
            for key in 0..1000 {
                assert_eq!(known.at(key, || key + round), key);
            }
        }
        let sizes = known.parts.each_ref().map(|part| part.load().len());
        assert!(sizes.iter().all(|size| (60..200).contains(size)), "{sizes:?}");
    }
}
