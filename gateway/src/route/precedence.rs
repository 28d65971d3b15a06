//! Who comes first where two rules match a request equally well.

use std::sync::Arc;

/// The place of a rule among equals; the derived order is the specification's (Gateway API v1.6
/// `HTTPRouteRule.matches`): the route that takes precedence, then the order of its rules.
///
/// A set of rules is put in order by it, whatever order they arrive in. Equal ones stay as they were given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Precedence {
    /// The route that the rule is of; shared by its rules.
    pub route: Arc<RouteOrigin>,
    /// Place of the rule within the route.
    pub rule: u32,
}

/// The object that a route came from; the derived order is the specification's: the oldest route, then the first in
/// alphabetical order of `namespace/name`. Kind and key name one route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RouteOrigin {
    /// RFC 3339 time of creation, which sorts as text; empty where nobody sets it.
    pub created: String,
    /// `namespace/name`
    pub key: String,
    /// Kind in lower case, such as `httproute`.
    pub kind: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_then_text_then_place() {
        let place = |created: &str, key: &str, rule| {
            let origin = RouteOrigin { created: created.into(), key: key.into(), kind: "httproute".into() };
            Precedence { route: Arc::new(origin), rule }
        };
        let order =
            [place("2024", "z/old", 1), place("2025", "a-b/x", 0), place("2025", "a/x", 0), place("2025", "a/x", 1)];
        assert!(order.is_sorted());
    }
}
