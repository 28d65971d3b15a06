//! Where the rules of a listener are found: by hostname, then by path.
//!
//! Flat: it refers to entries by number and holds no text of theirs, so that it takes the same few allocations for ten
//! thousand routes as for ten. A data plane makes it anew for each edit, and a short-lived mountain of small pieces would
//! cost more than the index itself.

use std::cmp::Reverse;
use std::hash::BuildHasher;
use std::iter;
use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::rule::RouteRule;
use super::table::RouteEntry;
use crate::matcher::host::HostPattern;
use crate::matcher::path::{PathMatch, prefixes};
use crate::matcher::{MatchRank, RequestMatch, RequestParts};

/// Most matches of one hostname that are tried one by one: no more than a lookup by hash costs.
const FEW: usize = 8;

/// Place in [`Index::hosts`] of what takes every hostname that has no place of its own.
const ANY: u32 = 0;

/// An index of entries, which stay with their owner and are given for each use.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    hasher: DefaultHashBuilder,
    /// Those of one hostname stand together, in order of precedence.
    candidates: Vec<Candidate>,
    /// Empty, or [`ANY`] is there.
    hosts: Vec<Host>,
    /// Places in `hosts`, by the hostname.
    by_name: HashTable<u32>,
    /// Of the hostnames with many matches.
    by_path: HashTable<Chain>,
}

/// A match of an entry's rule, by their positions.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    entry: u32,
    index: u32,
    /// The next one in order of precedence with the same hostname and path, or of the expressions.
    next: Option<NonZeroU32>,
}

/// A hostname, or a wildcard's suffix.
#[derive(Debug, Clone)]
struct Host {
    /// An entry that has it, and which of the entry's hostnames it is; none has [`ANY`].
    name: Option<(u32, u32)>,
    /// Its part of the candidates.
    matches: Range<usize>,
    /// Its expressions, if it has many matches.
    regexes: Option<Chain>,
}

/// Candidates with the same hostname and path, in order of precedence.
#[derive(Debug, Clone, Copy)]
struct Chain {
    host: u32,
    first: u32,
    last: u32,
}

/// A path that can be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Path<'a> {
    Exact(&'a str),
    Prefix(&'a str),
}

/// A candidate before it has its place; the derived order is that of the candidates.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    host: u32,
    rank: Reverse<MatchRank>,
    entry: u32,
    index: u32,
}

impl Index {
    /// Of entries in order of precedence.
    pub(super) fn new(entries: &[Arc<RouteEntry>]) -> Self {
        let any = Host { name: None, matches: 0..0, regexes: None };
        let mut index = Self { hosts: vec![any], ..Self::default() };
        let mut found = index.matches_by_host(entries);
        found.sort_unstable();
        let candidate = |found: &Found| Candidate { entry: found.entry, index: found.index, next: None };
        index.candidates = found.iter().map(candidate).collect();
        let by_host = || found.chunk_by(|a, b| a.host == b.host);
        index.by_path = HashTable::with_capacity(by_host().map(<[_]>::len).filter(|matches| *matches > FEW).sum());
        let mut start = 0;
        for of_host in by_host() {
            let matches = start..start + of_host.len();
            start = matches.end;
            index.give(entries, of_host[0].host, matches);
        }
        index
    }

    /// All matches, once for each hostname, which gets its place.
    fn matches_by_host(&mut self, entries: &[Arc<RouteEntry>]) -> Vec<Found> {
        let mut all = Vec::with_capacity(entries.len());
        for (position, entry) in (0..).zip(entries) {
            let mut add = |host| {
                let matches = (0..).zip(&entry.rule.matches);
                all.extend(matches.map(|(index, m)| Found { host, rank: Reverse(m.rank()), entry: position, index }));
            };
            if entry.hosts.is_empty() {
                add(ANY);
            }
            for (which, pattern) in (0..).zip(&entry.hosts) {
                add(self.place_of(entries, text(pattern), (position, which)));
            }
        }
        all
    }

    /// The place of a hostname; the first to ask gives it a name.
    fn place_of(&mut self, entries: &[Arc<RouteEntry>], hostname: &str, name: (u32, u32)) -> u32 {
        let Self { hasher, hosts, by_name, .. } = self;
        let named = |place: &u32| hosts[*place as usize].hostname(entries).unwrap_or_default();
        let slot = by_name.entry(hasher.hash_one(hostname), |p| named(p) == hostname, |p| hasher.hash_one(named(p)));
        let next = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
        let place = *slot.or_insert(next).get();
        if place == next {
            hosts.push(Host { name: Some(name), matches: 0..0, regexes: None });
        }
        place
    }

    /// Gives a hostname its candidates. Many are put in chains.
    fn give(&mut self, entries: &[Arc<RouteEntry>], host: u32, matches: Range<usize>) {
        if matches.len() > FEW {
            for position in matches.clone() {
                self.chain(entries, host, position);
            }
        }
        self.hosts[host as usize].matches = matches;
    }

    fn chain(&mut self, entries: &[Arc<RouteEntry>], host: u32, position: usize) {
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        let alone = Chain { host, first: position, last: position };
        let Self { hasher, candidates, hosts, by_path, .. } = self;
        let chain = match candidates[position as usize].path(entries) {
            Some(path) => {
                let of = |chain: &Chain| (chain.host, candidates[chain.first as usize].path(entries));
                let hash = hasher.hash_one((host, path));
                let same = |chain: &Chain| of(chain) == (host, Some(path));
                let rehash = |chain: &Chain| match of(chain) {
                    (host, Some(path)) => hasher.hash_one((host, path)),
                    (_, None) => 0,
                };
                by_path.entry(hash, same, rehash).or_insert(alone).into_mut()
            }
            None => hosts[host as usize].regexes.get_or_insert(alone),
        };
        if chain.last != position {
            candidates[chain.last as usize].next = NonZeroU32::new(position);
            chain.last = position;
        }
    }

    /// The rule for a request; `host` in lower case and without port.
    pub(super) fn find<'e>(
        &self,
        entries: &'e [Arc<RouteEntry>],
        host: &str,
        request: &RequestParts<'_>,
    ) -> Option<&'e Arc<RouteRule>> {
        let place = self.lookup(entries, host);
        let host = self.hosts.get(place as usize)?;
        let holds = |candidate: &&Candidate| candidate.holds_beside_path(entries, request);
        let holds_whole = |c: &&Candidate| c.holds_path(entries, request.path) && holds(c);
        if host.matches.len() <= FEW {
            let few = self.candidates.get(host.matches.clone())?;
            return few.iter().find(holds_whole)?.rule(entries);
        }
        let chain = |path| self.follow(self.chain_of(entries, place, path));
        let exact = chain(Path::Exact(request.path)).find(holds);
        let regex = || self.follow(host.regexes).find(holds_whole);
        let prefix = || prefixes(request.path).flat_map(|prefix| chain(Path::Prefix(prefix))).find(holds);
        exact.or_else(regex).or_else(prefix)?.rule(entries)
    }

    /// The place of the most specific hostname that a request's host meets.
    fn lookup(&self, entries: &[Arc<RouteEntry>], host: &str) -> u32 {
        if self.by_name.is_empty() {
            return ANY;
        }
        let named = |place: &u32| self.hosts.get(*place as usize).and_then(|host| host.hostname(entries));
        let find = |name: &str| self.by_name.find(self.hasher.hash_one(name), |place| named(place) == Some(name));
        let boundaries = host.match_indices('.').map(|(dot, _)| &host[dot..]).skip_while(|s| s.len() == host.len());
        let whole = (!host.starts_with('.')).then_some(host);
        whole.into_iter().chain(boundaries).find_map(find).copied().unwrap_or(ANY)
    }

    fn chain_of(&self, entries: &[Arc<RouteEntry>], host: u32, path: Path<'_>) -> Option<Chain> {
        let first = |chain: &Chain| self.candidates.get(chain.first as usize)?.path(entries);
        let same = |chain: &Chain| chain.host == host && first(chain) == Some(path);
        self.by_path.find(self.hasher.hash_one((host, path)), same).copied()
    }

    fn follow(&self, chain: Option<Chain>) -> impl Iterator<Item = &Candidate> {
        let at = |position: u32| self.candidates.get(position as usize);
        let first = chain.and_then(|chain| at(chain.first));
        iter::successors(first, move |candidate| at(candidate.next?.get()))
    }
}

impl Host {
    fn hostname<'e>(&self, entries: &'e [Arc<RouteEntry>]) -> Option<&'e str> {
        let (entry, which) = self.name?;
        entries.get(entry as usize)?.hosts.get(which as usize).map(text)
    }
}

impl Candidate {
    fn rule<'e>(&self, entries: &'e [Arc<RouteEntry>]) -> Option<&'e Arc<RouteRule>> {
        entries.get(self.entry as usize).map(|entry| &entry.rule)
    }

    /// The match, which is always there.
    fn request_match<'e>(&self, entries: &'e [Arc<RouteEntry>]) -> Option<&'e RequestMatch> {
        self.rule(entries)?.matches.get(self.index as usize)
    }

    /// What it can be looked up by; an expression has nothing.
    fn path<'e>(&self, entries: &'e [Arc<RouteEntry>]) -> Option<Path<'e>> {
        match &self.request_match(entries)?.path {
            PathMatch::Exact(path) => Some(Path::Exact(path)),
            PathMatch::Prefix(prefix) => Some(Path::Prefix(prefix)),
            PathMatch::Regex(_) => None,
        }
    }

    fn holds_path(&self, entries: &[Arc<RouteEntry>], path: &str) -> bool {
        self.request_match(entries).is_some_and(|m| m.path.holds(path))
    }

    fn holds_beside_path(&self, entries: &[Arc<RouteEntry>], request: &RequestParts<'_>) -> bool {
        self.request_match(entries).is_some_and(|m| m.holds_beside_path(request))
    }
}

/// A suffix begins with a dot, which no hostname does: they do not meet in one table.
fn text(pattern: &HostPattern) -> &str {
    match pattern {
        HostPattern::Exact(name) => name,
        HostPattern::Suffix(suffix) => suffix,
    }
}
