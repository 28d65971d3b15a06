//! Finding the rule for a request without walking all of them.
//!
//! Precedence is the specification's (Gateway API v1.6 `HTTPRouteRule.matches`): the most specific hostname first,
//! then [`MatchRank`], then [`Precedence`] (oldest route first).
//! Hostnames are looked up by hash, a wildcard at each of its possible label boundaries. Below a hostname, a few matches
//! are tried in order of precedence. Of many, exact paths are looked up by hash, expressions are tried in order, prefixes
//! are looked up by hash at each segment
//! boundary, longest first: the cost follows the depth of the path and not the number of routes. As in Envoy's
//! virtual hosts, a request that finds a hostname does not fall through to a less specific one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::precedence::Precedence;
use super::rule::RouteRule;
use crate::matcher::host::HostPattern;
use crate::matcher::path::{PathMatch, prefixes};
use crate::matcher::{MatchRank, RequestMatch, RequestParts};

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
    entries: Vec<RouteEntry>,
    exact: HashMap<String, PathIndex>,
    suffixes: HashMap<String, PathIndex>,
    any: PathIndex,
}

/// Most matches of one hostname that are tried one by one: no more than a lookup by hash costs, and a fraction of the
/// memory where thousands of hostnames have a route each.
const FEW: usize = 8;

/// The matches of one hostname.
#[derive(Debug, Clone)]
enum PathIndex {
    /// In order of precedence.
    Few(Vec<Candidate>),
    Many(Box<PathMap>),
}

/// Each list is in order of precedence.
#[derive(Debug, Clone, Default)]
struct PathMap {
    exact: HashMap<String, Vec<Candidate>>,
    regexes: Vec<Candidate>,
    prefixes: HashMap<String, Vec<Candidate>>,
}

/// One match of one rule; `position` is the rule's place among equals.
#[derive(Debug, Clone)]
struct Candidate {
    rule: Arc<RouteRule>,
    index: u32,
    position: u32,
}

impl RouteTable {
    /// Indexes rules, in whatever order they are given; what is equal in all stays in that order.
    pub fn new(mut entries: Vec<RouteEntry>) -> Self {
        entries.sort_by(|a, b| a.precedence.cmp(&b.precedence));
        let mut table = Self { exact: HashMap::with_capacity(entries.len()), ..Self::default() };
        for (position, entry) in (0..).zip(&entries) {
            table.insert(entry, position);
        }
        table.exact.values_mut().chain(table.suffixes.values_mut()).for_each(PathIndex::sort);
        table.any.sort();
        table.entries = entries;
        table
    }

    /// The rule for a request; `host` in lower case and without port.
    pub fn find(&self, host: &str, request: &RequestParts<'_>) -> Option<&Arc<RouteRule>> {
        self.paths_of(host).find(request)
    }

    /// The rules, in order of precedence.
    pub fn entries(&self) -> &[RouteEntry] {
        &self.entries
    }

    fn insert(&mut self, entry: &RouteEntry, position: u32) {
        for host in &entry.hosts {
            let paths = match host {
                HostPattern::Exact(name) => self.exact.entry(name.clone()).or_default(),
                HostPattern::Suffix(suffix) => self.suffixes.entry(suffix.clone()).or_default(),
            };
            paths.insert(&entry.rule, position);
        }
        if entry.hosts.is_empty() {
            self.any.insert(&entry.rule, position);
        }
    }

    fn paths_of(&self, host: &str) -> &PathIndex {
        if let Some(paths) = self.exact.get(host) {
            return paths;
        }
        if !self.suffixes.is_empty() {
            let boundaries = host.match_indices('.').map(|(dot, _)| &host[dot..]);
            if let Some(paths) = boundaries.skip_while(|s| s.len() == host.len()).find_map(|s| self.suffixes.get(s)) {
                return paths;
            }
        }
        &self.any
    }
}

impl Default for PathIndex {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl PathIndex {
    fn insert(&mut self, rule: &Arc<RouteRule>, position: u32) {
        for index in (0..).take(rule.matches.len()) {
            let candidate = Candidate { rule: Arc::clone(rule), index, position };
            match self {
                Self::Few(list) if list.len() < FEW => list.push(candidate),
                Self::Few(list) => {
                    let mut map = Box::<PathMap>::default();
                    list.drain(..).chain([candidate]).for_each(|c| map.insert(c));
                    *self = Self::Many(map);
                }
                Self::Many(map) => map.insert(candidate),
            }
        }
    }

    fn sort(&mut self) {
        match self {
            Self::Few(list) => list.sort_by_key(Candidate::precedence),
            Self::Many(map) => map.sort(),
        }
    }

    fn find(&self, request: &RequestParts<'_>) -> Option<&Arc<RouteRule>> {
        match self {
            Self::Few(list) => list.iter().find(|c| c.holds_path(request.path) && c.holds_beside_path(request)),
            Self::Many(map) => map.find(request),
        }
        .map(|candidate| &candidate.rule)
    }
}

impl PathMap {
    fn insert(&mut self, candidate: Candidate) {
        let list = match candidate.path() {
            Some(PathMatch::Exact(path)) => self.exact.entry(path.clone()).or_default(),
            Some(PathMatch::Prefix(prefix)) => self.prefixes.entry(prefix.clone()).or_default(),
            Some(PathMatch::Regex(_)) | None => &mut self.regexes,
        };
        list.push(candidate);
    }

    fn sort(&mut self) {
        let lists = self.exact.values_mut().chain(self.prefixes.values_mut()).chain([&mut self.regexes]);
        lists.for_each(|list| list.sort_by_key(Candidate::precedence));
    }

    fn find(&self, request: &RequestParts<'_>) -> Option<&Candidate> {
        let exact = self.exact.get(request.path).and_then(|list| list.iter().find(|c| c.holds_beside_path(request)));
        let regex = || self.regexes.iter().find(|c| c.holds_path(request.path) && c.holds_beside_path(request));
        let prefix = || {
            let lists = prefixes(request.path).filter_map(|prefix| self.prefixes.get(prefix));
            lists.flatten().find(|c| c.holds_beside_path(request))
        };
        exact.or_else(regex).or_else(prefix)
    }
}

impl Candidate {
    /// The match, which is always there.
    fn request_match(&self) -> Option<&RequestMatch> {
        self.rule.matches.get(self.index as usize)
    }

    fn path(&self) -> Option<&PathMatch> {
        self.request_match().map(|m| &m.path)
    }

    /// Exact paths first, then expressions, then prefixes, the longer before the shorter.
    fn precedence(&self) -> (Reverse<Option<MatchRank>>, u32) {
        (Reverse(self.request_match().map(RequestMatch::rank)), self.position)
    }

    fn holds_path(&self, path: &str) -> bool {
        self.path().is_some_and(|m| m.holds(path))
    }

    fn holds_beside_path(&self, request: &RequestParts<'_>) -> bool {
        self.request_match().is_some_and(|m| m.holds_beside_path(request))
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
    /// The indexes follow from the entries.
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
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
    use crate::matcher::value::{HeaderMatch, Pattern, QueryMatch, ValueMatch};
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
