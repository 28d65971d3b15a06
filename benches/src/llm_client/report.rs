//! A whole run, as it is kept in a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::client::Load;
use super::figure::Figure;
use super::outcome::Outcome;
use crate::side_by_side::machine::Machine;
use crate::side_by_side::program::Presence;
use crate::side_by_side::proxy::Proxy;
use crate::side_by_side::statistics::{Rounds, ratios};

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) plan: Plan,
    pub(crate) client: Presence,
    pub(crate) proxies: BTreeMap<Proxy, Presence>,
    pub(crate) samples: Vec<Sample>,
    /// Measurements that could not be made.
    pub(crate) absent: Vec<Absent>,
}

/// What was measured, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) command: String,
    pub(crate) rounds: usize,
    /// With `--quick`: it shows that everything works, and its figures are no result.
    pub(crate) quick: bool,
    pub(crate) load: Load,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) round: usize,
    pub(crate) proxy: Proxy,
    pub(crate) outcome: Outcome,
}

/// One that there is not, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Absent {
    pub(crate) round: usize,
    pub(crate) proxy: Proxy,
    pub(crate) why: String,
}

impl Report {
    /// A figure of each round.
    pub(crate) fn figure(&self, proxy: Proxy, figure: Figure) -> Rounds {
        self.of(proxy).map(|sample| (sample.round, figure.of(&sample.outcome))).collect()
    }

    /// The same over that without a proxy in the same round.
    pub(crate) fn over_direct(&self, proxy: Proxy, figure: Figure) -> Rounds {
        ratios(&self.figure(proxy, figure), &self.figure(Proxy::Direct, figure))
    }

    /// Requests of all rounds that failed.
    pub(crate) fn failed(&self, proxy: Proxy) -> u64 {
        self.of(proxy).map(|sample| sample.outcome.failed).sum()
    }

    /// What went wrong.
    pub(crate) fn faults(&self) -> Vec<String> {
        let Load { requests, tokens, .. } = self.plan.load;
        let told = |round: usize, proxy: Proxy, why: &str| format!("{}, round {}: {why}", proxy.name(), round + 1);
        let client = match &self.client {
            Presence::Version(_) => None,
            Presence::Missing(why) => Some(format!("there is no client: {why}")),
        };
        let measured = self.samples.iter().filter_map(|Sample { round, proxy, outcome }| {
            Some(told(*round, *proxy, &outcome.fault(requests, tokens)?))
        });
        let absent = self.absent.iter().map(|Absent { round, proxy, why }| told(*round, *proxy, why));
        client.into_iter().chain(measured).chain(absent).collect()
    }

    fn of(&self, proxy: Proxy) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.proxy == proxy)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::llm_client::outcome::tests::WHOLE;

    /// Two rounds, the second on a machine that is half as fast; there is no nginx.
    pub(crate) fn report() -> Report {
        let mut samples = Vec::new();
        for (round, slower) in [(0, 1.0), (1, 2.0)] {
            for (proxy, first) in [(Proxy::Direct, 100.0), (Proxy::Sluice, 101.0)] {
                let mut outcome = Outcome::read(WHOLE).unwrap();
                outcome.first_token.p50 = first * slower;
                samples.push(Sample { round, proxy, outcome });
            }
        }
        let version = |version: &str| Presence::Version(version.into());
        Report {
            machine: Machine {
                date: "2026-11-28".into(),
                commit: "0123abc".into(),
                processor: "A processor".into(),
                processors: 2,
                kernel: "6.1.0".into(),
                memory_mb: 4096,
            },
            plan: Plan { command: "cargo bench".into(), rounds: 2, quick: false, load: Load::of(40) },
            client: version("0.13.0"),
            proxies: BTreeMap::from([
                (Proxy::Direct, version("this bench's own")),
                (Proxy::Sluice, version("sluice 0.1.0")),
                (Proxy::Nginx, Presence::Missing("there is no network".into())),
            ]),
            samples,
            absent: Vec::new(),
        }
    }

    #[test]
    fn a_slow_round_changes_no_ratio() {
        let report = report();
        let first = Figure::FirstTokenP50;
        assert_eq!(report.figure(Proxy::Sluice, first), Rounds::from([(0, 101.0), (1, 202.0)]));
        assert_eq!(report.over_direct(Proxy::Sluice, first), Rounds::from([(0, 1.01), (1, 1.01)]));
    }

    #[test]
    fn failed_requests_and_what_is_absent_are_faults() {
        let mut report = report();
        assert!(report.faults().is_empty());
        report.samples[1].outcome.failed = 3;
        report.samples[1].outcome.failures = vec!["3 × 503 no".into()];
        report.absent.push(Absent { round: 1, proxy: Proxy::Envoy, why: "it has ended".into() });
        assert_eq!(report.faults(), ["Sluice, round 1: 3 requests failed: 3 × 503 no", "Envoy, round 2: it has ended"]);
        assert_eq!((report.failed(Proxy::Sluice), report.failed(Proxy::Direct)), (3, 0));
    }

    #[test]
    fn without_a_client_there_is_no_result() {
        let report = Report { client: Presence::Missing("no python3".into()), samples: Vec::new(), ..report() };
        assert_eq!(report.faults(), ["there is no client: no python3"]);
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = report();
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}
