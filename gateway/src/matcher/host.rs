//! Hostnames of listeners and routes, parsed once into what is cheap to match.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A hostname as listeners and routes write it; lower case, no trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// `api.example.com`
    Exact(String),
    /// `*.example.com`, kept as `.example.com`: any number of labels in front (Gateway API `Hostname`).
    Suffix(String),
}

/// How specific a hostname is; the derived order is the specification's (Gateway API `HTTPRoute.spec.hostnames`): an
/// exact name before every wildcard, a longer wildcard before a shorter one, and no hostname at all last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostRank {
    /// No hostname.
    Any,
    /// A wildcard of so many bytes.
    Suffix(usize),
    /// The whole name.
    Exact,
}

/// Why a text is no hostname.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidHost(pub String);

impl HostPattern {
    /// How specific an optional hostname is.
    pub fn rank(hostname: Option<&Self>) -> HostRank {
        match hostname {
            None => HostRank::Any,
            Some(Self::Suffix(suffix)) => HostRank::Suffix(suffix.len()),
            Some(Self::Exact(_)) => HostRank::Exact,
        }
    }

    /// True when `host` (lower case, no port) is meant.
    pub fn holds(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Suffix(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
        }
    }

    /// What both mean together: the narrower of the two, or `None` when nothing can match both.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Exact(name), _) => other.holds(name).then(|| self.clone()),
            (_, Self::Exact(name)) => self.holds(name).then(|| other.clone()),
            (Self::Suffix(a), Self::Suffix(b)) if a.ends_with(b.as_str()) => Some(self.clone()),
            (Self::Suffix(a), Self::Suffix(b)) if b.ends_with(a.as_str()) => Some(other.clone()),
            _ => None,
        }
    }
}

impl FromStr for HostPattern {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let lower = text.trim_end_matches('.').to_ascii_lowercase();
        let name = lower.strip_prefix("*.").unwrap_or(&lower);
        if !is_dns_name(name) {
            return Err(InvalidHost(text.to_owned()));
        }
        Ok(if name.len() < lower.len() { Self::Suffix(format!(".{name}")) } else { Self::Exact(lower) })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Suffix(suffix) => write!(f, "*{suffix}"),
        }
    }
}

impl Serialize for HostPattern {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// RFC 1123 name: labels of letters, digits and inner hyphens, at most 253 bytes.
pub fn is_dns_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// The name in a `Host` or `:authority` value: without port and trailing dot, lower case.
pub fn host_name(authority: &str) -> String {
    let host = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => &authority[..colon],
        _ => authority,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn wildcards_take_any_number_of_labels_but_not_none() {
        assert!(pattern("*.example.com").holds("a.example.com"));
        assert!(pattern("*.example.com").holds("a.b.example.com"));
        assert!(!pattern("*.example.com").holds("example.com"));
        assert!(!pattern("*.example.com").holds("badexample.com"));
    }

    #[test]
    fn intersection_is_the_narrower_name() {
        let met = |a: &str, b: &str| pattern(a).intersect(&pattern(b)).map(|p| p.to_string());
        assert_eq!(met("*.example.com", "a.example.com").as_deref(), Some("a.example.com"));
        assert_eq!(met("*.example.com", "*.a.example.com").as_deref(), Some("*.a.example.com"));
        assert_eq!(met("*.example.com", "example.com"), None);
        assert_eq!(met("a.example.com", "b.example.com"), None);
    }

    #[test]
    fn authorities_lose_port_dot_and_case() {
        assert_eq!(host_name("API.example.com:8080"), "api.example.com");
        assert_eq!(host_name("example.com."), "example.com");
        assert_eq!(host_name("[::1]:80"), "[::1]");
        assert_eq!(host_name("[::1]"), "[::1]");
    }

    #[test]
    fn bad_names_are_refused() {
        for bad in ["", "*", "a..b", "-a.b", "a_b", "*.*.com", "a b"] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad}");
        }
    }
}
