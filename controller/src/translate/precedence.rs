//! Who comes first where objects compete: the older, then the alphabetical (Gateway API "conflicts" guideline, GEP-713).

use crate::objects::key::Key;
use crate::objects::{Object, Store};

/// The objects of a kind, the one that takes precedence first.
pub(crate) fn oldest_first<T>(store: &Store<T>) -> Vec<(&Key, &Object<T>)> {
    let mut all: Vec<_> = store.iter().collect();
    // As text: `a-b/x` stands before `a/x`, which comparing the two parts apart would turn round.
    all.sort_by_cached_key(|(key, object)| (object.meta.creation_timestamp.as_str(), key.to_string()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Meta;

    #[test]
    fn time_then_text() {
        let mut store = Store::new();
        for (namespace, name, time) in [("a", "x", ""), ("a-b", "x", ""), ("z", "old", "2024"), ("b", "new", "2025")] {
            let meta = Meta { creation_timestamp: time.to_owned(), ..Meta::default() };
            store.insert(Key::new(namespace, name), Object { meta, spec: () });
        }
        let order: Vec<_> = oldest_first(&store).into_iter().map(|(key, _)| key.to_string()).collect();
        assert_eq!(order, ["a-b/x", "a/x", "z/old", "b/new"]);
    }
}
