//! Finding the rule for a request without walking all of them.
//!
//! Precedence is the specification's (Gateway API v1.6 `HTTPRouteRule.matches`): the most specific hostname first,
//! then [`MatchRank`](crate::matcher::MatchRank), then the order in which the rules were given (oldest route first).
//! Hostnames are looked up by hash, a wildcard at each of its possible label boundaries. Below a hostname, exact
//! paths are looked up by hash, expressions are tried in order, prefixes are looked up by hash at each segment
//! boundary, longest first: the cost follows the depth of the path and not the number of routes. As in Envoy's
//! virtual hosts, a request that finds a hostname does not fall through to a less specific one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::RouteRule;
use crate::matcher::RequestParts;
use crate::matcher::host::HostPattern;
use crate::matcher::path::{PathMatch, prefixes};

/// A rule with the hostnames it is reached by; no hostname means every one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RouteEntry {
    /// Hostnames of the route met with the listener's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostPattern>,
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

#[derive(Debug, Clone, Default)]
struct PathIndex {
    exact: HashMap<String, Vec<Candidate>>,
    regexes: Vec<Candidate>,
    prefixes: HashMap<String, Vec<Candidate>>,
}

/// One match of one rule; `position` is the rule's place among equals.
#[derive(Debug, Clone)]
struct Candidate {
    rule: Arc<RouteRule>,
    index: usize,
    position: usize,
}

impl RouteTable {
    /// Indexes rules that are given in order of precedence among equals: oldest route first.
    pub fn new(entries: Vec<RouteEntry>) -> Self {
        let mut table = Self::default();
        for (position, entry) in entries.iter().enumerate() {
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

    /// The rules as given.
    pub fn entries(&self) -> &[RouteEntry] {
        &self.entries
    }

    fn insert(&mut self, entry: &RouteEntry, position: usize) {
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

impl PathIndex {
    fn insert(&mut self, rule: &Arc<RouteRule>, position: usize) {
        for (index, request_match) in rule.matches.iter().enumerate() {
            let candidate = Candidate { rule: Arc::clone(rule), index, position };
            match &request_match.path {
                PathMatch::Exact(path) => self.exact.entry(path.clone()).or_default().push(candidate),
                PathMatch::Regex(_) => self.regexes.push(candidate),
                PathMatch::Prefix(prefix) => self.prefixes.entry(prefix.clone()).or_default().push(candidate),
            }
        }
    }

    fn sort(&mut self) {
        let lists = self.exact.values_mut().chain(self.prefixes.values_mut()).chain([&mut self.regexes]);
        lists.for_each(|list| list.sort_by_key(|c| (Reverse(c.rule.matches[c.index].rank()), c.position)));
    }

    fn find(&self, request: &RequestParts<'_>) -> Option<&Arc<RouteRule>> {
        let exact = self.exact.get(request.path).and_then(|list| list.iter().find(|c| c.holds_beside_path(request)));
        let regex = || self.regexes.iter().find(|c| c.holds_path(request.path) && c.holds_beside_path(request));
        let prefix = || {
            let lists = prefixes(request.path).filter_map(|prefix| self.prefixes.get(prefix));
            lists.flatten().find(|c| c.holds_beside_path(request))
        };
        exact.or_else(regex).or_else(prefix).map(|c| &c.rule)
    }
}

impl Candidate {
    fn holds_path(&self, path: &str) -> bool {
        matches!(&self.rule.matches[self.index].path, PathMatch::Regex(pattern) if pattern.holds(path))
    }

    fn holds_beside_path(&self, request: &RequestParts<'_>) -> bool {
        self.rule.matches[self.index].holds_beside_path(request)
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
