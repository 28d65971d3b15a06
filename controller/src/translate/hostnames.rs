//! The hostnames of a route, and what they have in common with a listener's.

use sluice_gateway::matcher::host::HostPattern;

use crate::translate::fault::{Fault, Place};

/// `HTTPRoute.spec.hostnames`.
pub(crate) enum Hostnames {
    /// None is listed: whatever the listener takes.
    Any,
    /// Those of the list that are hostnames; a list of none that are is not [`Hostnames::Any`].
    Listed(Vec<HostPattern>),
}

impl Hostnames {
    /// Parses the list.
    pub(crate) fn parse(texts: &[String], place: &Place) -> (Self, Vec<Fault>) {
        if texts.is_empty() {
            return (Self::Any, Vec::new());
        }
        let mut patterns = Vec::new();
        let mut faults = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            match text.parse() {
                Ok(pattern) if patterns.contains(&pattern) => {}
                Ok(pattern) => patterns.push(pattern),
                Err(_) => {
                    faults.push(place.index(index).error(
                        format!("{text:?} is no hostname"),
                        "write a DNS name, with `*.` in front for all below it",
                    ));
                }
            }
        }
        (Self::Listed(patterns), faults)
    }

    /// True when the list holds this very name.
    pub(crate) fn include(&self, name: &str) -> bool {
        matches!(self, Self::Listed(patterns) if patterns.iter().any(|p| matches!(p, HostPattern::Exact(n) if n == name)))
    }

    /// What both mean together: `None` when they have nothing in common, no name where every one is meant.
    pub(crate) fn intersect(&self, listener: Option<&HostPattern>) -> Option<Vec<HostPattern>> {
        let met = match (self, listener) {
            (Self::Any, listener) => return Some(listener.cloned().into_iter().collect()),
            (Self::Listed(patterns), None) => patterns.clone(),
            (Self::Listed(patterns), Some(pattern)) => patterns.iter().filter_map(|p| p.intersect(pattern)).collect(),
        };
        (!met.is_empty()).then_some(met)
    }
}
