//! The cases: what is asked of each proxy, one line each.

use super::proxy::Proxy;
use super::work::{Kind, Path};

/// One case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Case {
    /// As the command line, the result and the goals say it.
    pub(crate) name: &'static str,
    /// As the table says it.
    pub(crate) title: &'static str,
    pub(crate) upstream: Upstream,
    pub(crate) routes: Routes,
    /// Worker threads, or processes.
    pub(crate) workers: usize,
    pub(crate) connections: usize,
    pub(crate) kind: Kind,
    /// How often the configuration changes meanwhile.
    pub(crate) edits: usize,
}

/// How the provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upstream {
    Plain,
    TlsH1,
    TlsH2,
}

/// The routes of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Routes {
    /// `/v1`
    One,
    /// `/r0`, `/r1` and so on.
    Numbered(usize),
}

const KIB: usize = 1024;
const SMALL: Kind = Kind::Requests { body: 200, per_second: None };
const PACED: Kind = Kind::Requests { body: 200, per_second: Some(2000) };
/// 20 events a second in each stream, for 20 s; then it is asked for another.
const STREAMS: Kind = Kind::Streams { events: 400, pause_ms: 50 };

/// Those that are set against each other stand side by side, so that they are measured soon after each other.
pub(crate) const CASES: &[Case] = &[
    Case::plain("sat64", "small requests, 64 connections", 64, SMALL),
    Case { workers: 2, ..Case::plain("workers2", "64 connections, two workers", 64, SMALL) },
    Case { upstream: Upstream::TlsH1, ..Case::plain("tls_h1", "64 connections, provider by TLS, HTTP/1.1", 64, SMALL) },
    Case { upstream: Upstream::TlsH2, ..Case::plain("tls_h2", "64 connections, provider by TLS, HTTP/2", 64, SMALL) },
    Case { routes: Routes::Numbered(10), ..Case::plain("routes10", "64 connections, 10 prefix routes", 64, SMALL) },
    Case {
        routes: Routes::Numbered(10_000),
        ..Case::plain("routes10000", "64 connections, 10,000 prefix routes", 64, SMALL)
    },
    Case::plain("rate2000", "2,000 requests a second, 64 connections", 64, PACED),
    Case::plain("sat1000", "small requests, 1,000 connections", 1000, SMALL),
    Case::plain("prompt16k", "16 KiB prompts, 16 connections", 16, Kind::Requests { body: 16 * KIB, per_second: None }),
    Case::plain(
        "prompt256k",
        "256 KiB prompts, 8 connections",
        8,
        Kind::Requests { body: 256 * KIB, per_second: None },
    ),
    Case::plain("mb1", "1 MiB bodies, 8 connections", 8, Kind::Requests { body: KIB * KIB, per_second: None }),
    Case::plain("sse1000", "1,000 streams of 20 events a second", 1000, STREAMS),
    Case::plain("idle1000", "1,000 idle connections", 1000, Kind::Idle),
    Case { edits: 100, ..Case::plain("edit", "100 edits at 2,000 requests a second", 64, PACED) },
];

/// What is asked of a proxy that takes milliseconds: too little for the others to say anything. `/v1` is not for routes
/// in each of them.
pub(crate) const SLOW: &[Case] = &[Case {
    routes: Routes::Numbered(1),
    ..Case::plain(
        "slow",
        "20 small requests a second, 4 connections",
        4,
        Kind::Requests { body: 200, per_second: Some(20) },
    )
}];

impl Case {
    pub(crate) const fn plain(name: &'static str, title: &'static str, connections: usize, kind: Kind) -> Self {
        Self { name, title, upstream: Upstream::Plain, routes: Routes::One, workers: 1, connections, kind, edits: 0 }
    }

    /// The same at a tenth of the size, where the size would take long.
    #[must_use]
    pub(crate) fn short(self) -> Self {
        let routes = match self.routes {
            Routes::Numbered(routes @ 1000..) => Routes::Numbered(routes / 10),
            routes => routes,
        };
        let connections = if self.connections >= 1000 { self.connections / 10 } else { self.connections };
        Self { routes, connections, edits: self.edits / 10, ..self }
    }

    /// Why this is not asked of that proxy, if so.
    pub(crate) fn is_not_for(&self, proxy: Proxy) -> Option<&'static str> {
        let is_slow = self.name == "slow";
        match proxy {
            Proxy::Litellm if !is_slow => Some("it takes milliseconds for a request; case `slow` has it"),
            Proxy::Floor | Proxy::Direct if self.edits > 0 => Some("it has no configuration"),
            Proxy::Floor | Proxy::Direct if matches!(self.routes, Routes::Numbered(_)) => Some("it has no routes"),
            Proxy::Floor | Proxy::Direct if self.upstream != Upstream::Plain => Some("it has no TLS"),
            Proxy::Floor if self.workers > 1 => Some("it has one thread"),
            Proxy::Direct if matches!(self.kind, Kind::Idle) => Some("it has no memory"),
            Proxy::Direct if self.workers > 1 => Some("it is the same as with one"),
            Proxy::Nginx if self.upstream == Upstream::TlsH2 => {
                Some("nginx of the distribution speaks no HTTP/2 to providers")
            }
            _ => None,
        }
    }

    /// The paths that are asked for.
    pub(crate) fn path(&self, proxy: Proxy) -> Path {
        match self.routes {
            _ if proxy.leaves_requests_alone() => Path::One("/compatible-mode/v1/chat/completions".to_owned()),
            Routes::One => Path::One("/v1/chat/completions".to_owned()),
            Routes::Numbered(routes) => Path::Numbered(routes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = CASES.iter().chain(SLOW).map(|case| case.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn a_short_case_asks_the_same_of_less() {
        let find = |name| *CASES.iter().find(|case| case.name == name).unwrap();
        assert_eq!(find("routes10000").short().routes, Routes::Numbered(1000));
        assert_eq!(find("routes10").short(), find("routes10"));
        assert_eq!(find("idle1000").short().connections, 100);
        assert_eq!(find("edit").short().edits, 10);
    }
}
