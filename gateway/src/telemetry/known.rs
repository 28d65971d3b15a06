//! A map that only grows, read without a lock: what is looked up at each request and rarely made.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

use arc_swap::ArcSwap;

/// Values by the hash of their key, as the `prometheus` crate keeps its own: keys are borrowed and never stored. The
/// seed is random, so nobody can make two keys meet; by chance they do once in 2⁶⁴.
#[derive(Debug)]
pub(super) struct Known<V> {
    values: ArcSwap<HashMap<u64, V>>,
    seed: RandomState,
}

impl<V: Clone> Known<V> {
    pub(super) fn new() -> Self {
        Self { values: ArcSwap::default(), seed: RandomState::new() }
    }

    /// The value of a key, made when it is the first time. Two that meet may both make it, and one is kept.
    pub(super) fn at(&self, key: impl Hash, make: impl FnOnce() -> V) -> V {
        let key = self.seed.hash_one(key);
        if let Some(value) = self.values.load().get(&key) {
            return value.clone();
        }
        let made = make();
        self.values.rcu(|values| {
            let mut values = HashMap::clone(values);
            values.entry(key).or_insert_with(|| made.clone());
            values
        });
        made
    }

    /// Whether the key is there, and how many are.
    pub(super) fn has(&self, key: impl Hash) -> (bool, usize) {
        let values = self.values.load();
        (values.contains_key(&self.seed.hash_one(key)), values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once() {
        let known = Known::new();
        assert_eq!(known.at(("a", 1), || 1), 1);
        assert_eq!(known.at(("a", 1), || 2), 1);
        assert_eq!(known.at(("a", 2), || 3), 3);
        assert_eq!((known.has(("a", 2)), known.has("b")), ((true, 2), (false, 2)));
    }
}
