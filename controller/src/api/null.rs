//! Go writes an empty list without `omitempty` as `null`; so do API servers.

use serde::{Deserialize, Deserializer};

/// `null` means what an absent field means.
pub(super) fn is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Option::deserialize(d).map(Option::unwrap_or_default)
}
