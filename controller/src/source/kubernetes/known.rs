//! What one watch knows: which objects there are, in which version; and what a list leaves in doubt.

use std::collections::BTreeMap;

use super::seen::{is_before, number};
use crate::objects::key::Key;

/// UID and version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) uid: String,
    pub(super) resource_version: String,
}

/// The objects of one kind.
#[derive(Debug, Default)]
pub(super) struct Known {
    objects: BTreeMap<Key, Version>,
    /// While a list is read: what was known before and has not been listed yet.
    unlisted: BTreeMap<Key, Version>,
}

impl Known {
    /// A list begins.
    pub(super) fn begin_list(&mut self) {
        self.unlisted = self.objects.clone();
    }

    /// An object of the list; says whether it is news. One that is older than what is known stays in doubt: either the
    /// list is stale, or the API server has lost its memory.
    pub(super) fn list(&mut self, key: &Key, version: Version) -> bool {
        if self.is_newer(key, &version) {
            return false;
        }
        self.unlisted.remove(key);
        self.objects.insert(key.clone(), version);
        true
    }

    /// The list has ended: the objects that must be asked for by name.
    pub(super) fn end_list(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.unlisted).into_keys().collect()
    }

    /// An object was added or changed; says whether that is news. A watch that begins at an old version replays what
    /// was known long ago.
    pub(super) fn apply(&mut self, key: &Key, version: Version) -> bool {
        let is_news = !self.is_newer(key, &version);
        if is_news {
            self.objects.insert(key.clone(), version);
        }
        is_news
    }

    /// An object was deleted, at this version; says whether that is news: it may be there again since.
    pub(super) fn delete(&mut self, key: &Key, version: &Version) -> bool {
        let newer = self.objects.get(key).is_some_and(|known| {
            matches!((number(&version.resource_version), number(&known.resource_version)), (Some(v), Some(k)) if v < k)
        });
        if !newer {
            self.objects.remove(key);
        }
        !newer
    }

    /// What the API server has answered when it was asked for an object by name.
    pub(super) fn confirm(&mut self, key: &Key, version: Option<Version>) {
        match version {
            Some(version) => drop(self.objects.insert(key.clone(), version)),
            None => drop(self.objects.remove(key)),
        }
    }

    /// All of them are gone with their kind.
    pub(super) fn clear(&mut self) -> Vec<Key> {
        self.unlisted.clear();
        std::mem::take(&mut self.objects).into_keys().collect()
    }

    fn is_newer(&self, key: &Key, version: &Version) -> bool {
        self.objects.get(key).is_some_and(|known| {
            is_before((&version.uid, &version.resource_version), (&known.uid, &known.resource_version))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("ns", name)
    }

    fn version(uid: &str, version: u64) -> Version {
        Version { uid: uid.to_owned(), resource_version: version.to_string() }
    }

    fn known() -> Known {
        let mut known = Known::default();
        known.begin_list();
        assert!(known.list(&key("a"), version("1", 10)) && known.list(&key("b"), version("2", 11)));
        assert!(known.end_list().is_empty(), "nothing was known, so that nothing is in doubt");
        known
    }

    #[test]
    fn what_a_list_lacks_is_in_doubt_until_it_is_confirmed() {
        let mut known = known();
        known.begin_list();
        known.list(&key("a"), version("1", 10));
        assert_eq!(known.end_list(), [key("b")]);
        known.begin_list();
        assert_eq!(known.end_list(), [key("a"), key("b")], "a doubt takes nothing away");
        known.confirm(&key("b"), None);
        known.begin_list();
        assert_eq!(known.end_list(), [key("a")]);
    }

    #[test]
    fn what_a_list_has_of_old_is_in_doubt() {
        let mut known = known();
        known.begin_list();
        assert!(!known.list(&key("a"), version("1", 9)) && known.list(&key("b"), version("2", 12)));
        assert_eq!(known.end_list(), [key("a")]);
        known.confirm(&key("a"), Some(version("1", 3)));
        assert!(known.apply(&key("a"), version("1", 4)), "an API server that lost its memory is believed");
    }

    #[test]
    fn what_is_replayed_is_no_news() {
        let mut known = known();
        assert!(!known.apply(&key("a"), version("1", 9)));
        assert!(!known.delete(&key("a"), &version("0", 9)), "an object of that name that was there before");
        assert!(known.apply(&key("a"), version("1", 12)) && known.delete(&key("a"), &version("1", 13)));
        assert!(known.apply(&key("a"), version("3", 14)));
    }
}
