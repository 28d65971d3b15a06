//! Finding the rule for a request without walking all of them.
//!
//! Precedence is the specification's (Gateway API v1.6 `HTTPRouteRule.matches`): the most specific hostname first,
//! then [`MatchRank`](crate::matcher::MatchRank), then [`Precedence`] (oldest route first).
//! Hostnames are looked up by hash, a wildcard at each of its possible label boundaries. Below a hostname, a few matches
//! are tried in order of precedence. Of many, exact paths are looked up by hash, expressions are tried in order, prefixes
//! are looked up by hash at each segment
//! boundary, longest first: the cost follows the depth of the path and not the number of routes. As in Envoy's
//! virtual hosts, a request that finds a hostname does not fall through to a less specific one.

use std::sync::Arc;

use serde::Serialize;

use super::index::Index;
use super::precedence::Precedence;
use super::rule::RouteRule;
use crate::matcher::RequestParts;
use crate::matcher::host::HostPattern;

/// A rule with the hostnames it is reached by; no hostname means every one.
#[derive(Debug, Clone, Serialize)]
pub struct RouteEntry {
    /// Hostnames of the route met with the listener's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostPattern>,
    /// Its place among equals.
    #[serde(skip)]
    pub precedence: Precedence,
    /// The rule.
    pub rule: Arc<RouteRule>,
}

/// The rules of one listener, indexed.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    entries: Vec<Arc<RouteEntry>>,
    index: Index,
}

impl RouteTable {
    /// Indexes rules, in whatever order they are given; what is equal in all stays in that order.
    pub fn new<E: Into<Arc<RouteEntry>>>(entries: impl IntoIterator<Item = E>) -> Self {
        let mut entries: Vec<Arc<RouteEntry>> = entries.into_iter().map(Into::into).collect();
        entries.sort_by(|a, b| a.precedence.cmp(&b.precedence));
        let index = Index::new(&entries);
        Self { entries, index }
    }

    /// The rule for a request; `host` in lower case and without port.
    pub fn find(&self, host: &str, request: &RequestParts<'_>) -> Option<&Arc<RouteRule>> {
        self.index.find(&self.entries, host, request)
    }

    /// The rules, in order of precedence.
    pub fn entries(&self) -> &[Arc<RouteEntry>] {
        &self.entries
    }
}

impl PartialEq for RouteEntry {
    /// A rule that a replica kept from one version to the next is the same object, and need not be looked into.
    fn eq(&self, other: &Self) -> bool {
        let Self { hosts, precedence, rule } = self;
        let same_rule = Arc::ptr_eq(rule, &other.rule) || *rule == other.rule;
        *hosts == other.hosts && *precedence == other.precedence && same_rule
    }
}

impl PartialEq for RouteTable {
    /// The index follows from the entries; those that were kept need not be looked into.
    fn eq(&self, other: &Self) -> bool {
        let equal = |(a, b): (&Arc<RouteEntry>, &Arc<RouteEntry>)| Arc::ptr_eq(a, b) || a == b;
        self.entries.len() == other.entries.len() && self.entries.iter().zip(&other.entries).all(equal)
    }
}

impl Serialize for RouteTable {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.entries.serialize(s)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;
    use crate::matcher::host::HostRank;
    use crate::matcher::path::PathMatch;
    use crate::matcher::value::{HeaderMatch, Pattern, QueryMatch, ValueMatch};
    use crate::matcher::{MatchRank, RequestMatch};
    use crate::route::{Action, AnswerBody, DirectResponse, Timeouts};

    fn entry(name: usize, hosts: &[&str], matches: Vec<RequestMatch>) -> RouteEntry {
        let answer = DirectResponse { status: http::StatusCode::OK, body: AnswerBody::Broken(String::new()) };
        let rule = RouteRule {
            name: name.to_string(),
            matches,
            edits: Vec::new(),
            response_edits: Vec::new(),
            action: Action::Answer(answer),
            timeouts: Timeouts::default(),
        };
        let hosts = hosts.iter().map(|h| h.parse().unwrap()).collect();
        RouteEntry { hosts, precedence: Precedence::default(), rule: Arc::new(rule) }
    }

    /// Small numbers from a seed; a table of them makes a world that anybody can make again.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % sides
        }

        fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
            choices[self.roll(choices.len())]
        }
    }

    const HOSTS: &[&str] = &["a.b.c", "x.b.c", "*.b.c", "*.c", "other"];
    const PATHS: &[&str] = &["/", "/v1", "/v1/", "/v1/chat", "/v1beta", "/v1/chat/x", "/v2"];

    fn random_match(dice: &mut Dice) -> RequestMatch {
        let path = dice.one_of(PATHS);
        RequestMatch {
            path: match dice.roll(5) {
                0 => PathMatch::Exact(path.to_owned()),
                1 => PathMatch::Regex(Pattern::new(&format!("{path}.*")).unwrap()),
                _ => PathMatch::prefix(path),
            },
            method: [None, None, Some(Method::GET), Some(Method::POST)][dice.roll(4)].clone(),
            headers: (0..dice.roll(3).saturating_sub(1))
                .map(|_| HeaderMatch { name: "x-a".parse().unwrap(), value: ValueMatch::Exact("1".into()) })
                .collect(),
            queries: (0..dice.roll(3).saturating_sub(1))
                .map(|_| QueryMatch { name: "q".into(), value: ValueMatch::Exact("1".into()) })
                .collect(),
        }
    }

    fn random_entry(dice: &mut Dice, name: usize) -> RouteEntry {
        let hosts: Vec<_> = (0..dice.roll(3)).map(|_| dice.one_of(HOSTS)).collect();
        let matches = (0..=dice.roll(2)).map(|_| random_match(dice)).collect();
        entry(name, &hosts, matches)
    }

    /// The specification read word by word: of all that matches, the best, and of equals the first.
    fn naive(entries: &[RouteEntry], host: &str, request: &RequestParts<'_>) -> Option<String> {
        let host_rank = |entry: &RouteEntry| {
            let held = entry.hosts.iter().filter(|h| h.holds(host)).map(|h| HostPattern::rank(Some(h))).max();
            if entry.hosts.is_empty() { Some(HostRank::Any) } else { held }
        };
        let best_host = entries.iter().filter_map(host_rank).max()?;
        let path_holds = |path: &PathMatch| match path {
            PathMatch::Exact(exact) => exact == request.path,
            PathMatch::Regex(pattern) => pattern.holds(request.path),
            PathMatch::Prefix(prefix) => {
                request.path == prefix || request.path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
            }
        };
        let mut best: Option<(MatchRank, &RouteEntry)> = None;
        for entry in entries.iter().filter(|entry| host_rank(entry) == Some(best_host)) {
            for m in entry.rule.matches.iter().filter(|m| path_holds(&m.path) && m.holds_beside_path(request)) {
                if best.is_none_or(|(rank, _)| m.rank() > rank) {
                    best = Some((m.rank(), entry));
                }
            }
        }
        best.map(|(_, entry)| entry.rule.name.clone())
    }

    #[test]
    fn the_index_finds_what_a_walk_finds() {
        let mut dice = Dice(7);
        let mut found = 0;
        for _ in 0..300 {
            // Some hostnames have few matches, some many.
            let most = if dice.roll(4) == 0 { 60 } else { 12 };
            let count = dice.roll(most);
            let entries: Vec<_> = (0..count).map(|name| random_entry(&mut dice, name)).collect();
            let table = RouteTable::new(entries.clone());
            for _ in 0..30 {
                let headers = match dice.roll(2) {
                    0 => HeaderMap::new(),
                    _ => HeaderMap::from_iter([("x-a".parse().unwrap(), "1".parse().unwrap())]),
                };
                let method = [Method::GET, Method::POST][dice.roll(2)].clone();
                let query = [None, Some("q=1")][dice.roll(2)];
                let (path, host) =
                    (dice.one_of(PATHS), dice.one_of(&["a.b.c", "x.b.c", "y.b.c", "z.c", "other", "none"]));
                let request = RequestParts { path, query, method: &method, headers: &headers };
                let indexed = table.find(host, &request).map(|rule| rule.name.clone());
                found += usize::from(indexed.is_some());
                assert_eq!(indexed, naive(&entries, host, &request), "{host} {method} {path} {query:?} {entries:#?}");
            }
        }
        assert!(found > 1000, "the worlds are too empty: {found}");
    }
}
