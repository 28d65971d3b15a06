//! A whole run, as it is kept in a file: what was measured where, and every round of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::program::Presence;
use super::proxy::Proxy;
use super::sample::{Figure, Sample};
use super::statistics::{Rounds, ratios};

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) plan: Plan,
    pub(crate) proxies: BTreeMap<Proxy, Presence>,
    /// What was not measured, though it was to be.
    pub(crate) absent: Vec<Absent>,
    pub(crate) samples: Vec<Sample>,
}

/// How much was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) command: String,
    pub(crate) rounds: usize,
    /// Of each measurement.
    pub(crate) seconds: f64,
    /// With `--quick`: it shows that everything works, and its figures are no result.
    pub(crate) quick: bool,
}

/// A proxy in a case that has no measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Absent {
    pub(crate) case: String,
    pub(crate) proxy: Proxy,
    pub(crate) why: String,
    /// It was to be possible.
    pub(crate) is_fault: bool,
}

impl Report {
    /// Measurements of a proxy in a case, in the order of their rounds.
    pub(crate) fn of<'a>(&'a self, case: &'a str, proxy: Proxy) -> impl Iterator<Item = &'a Sample> {
        self.samples.iter().filter(move |sample| sample.case == case && sample.proxy == proxy)
    }

    /// A figure of each round.
    pub(crate) fn figure(&self, case: &str, proxy: Proxy, figure: Figure) -> Rounds {
        let direct: BTreeMap<usize, &Sample> =
            self.of(case, Proxy::Direct).map(|sample| (sample.round, sample)).collect();
        let values = self.of(case, proxy).filter_map(|sample| {
            let value = figure.of(sample, direct.get(&sample.round).copied())?;
            Some((sample.round, value))
        });
        values.collect()
    }

    /// The same over Envoy's of the same round.
    pub(crate) fn over_envoy(&self, case: &str, proxy: Proxy, figure: Figure) -> Rounds {
        ratios(&self.figure(case, proxy, figure), &self.figure(case, Proxy::Envoy, figure))
    }

    /// What went wrong: a proxy that has to be right answered wrongly, lost an answer, or could not be measured.
    pub(crate) fn faults(&self) -> Vec<String> {
        let measured = self.samples.iter().filter_map(Sample::fault);
        let absent = self.absent.iter().filter(|absent| absent.is_fault);
        let absent = absent.map(|Absent { case, proxy, why, .. }| format!("{case}, {}: {why}", proxy.name()));
        measured.chain(absent).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::side_by_side::sample::Edits;
    use crate::side_by_side::sample::tests::sample;

    /// Two rounds of one case, the second on a machine that is half as fast.
    pub(crate) fn report() -> Report {
        let mut samples = Vec::new();
        for (round, slower) in [(0, 1.0), (1, 2.0)] {
            for (proxy, answers, cpu, p50) in [
                (Proxy::Direct, 70_000, 0.0, 10.0),
                (Proxy::Sluice, 50_000, 18.0, 20.0),
                (Proxy::Envoy, 20_000, 50.0, 50.0),
            ] {
                let answers = (f64::from(answers) / slower) as u64;
                samples.push(sample("sat64", round, proxy, (answers, cpu * slower, p50 * slower)));
            }
        }
        let nginx = Presence::Missing("there is no network".into());
        let proxies = [
            (Proxy::Sluice, Presence::Version("sluice 0.1.0".into())),
            (Proxy::Envoy, Presence::Version("1.40.0".into())),
            (Proxy::Nginx, nginx),
            (Proxy::Direct, Presence::Version("this bench's own".into())),
        ];
        Report {
            machine: Machine {
                date: "2026-11-28".into(),
                commit: "0123abc".into(),
                processor: "A processor".into(),
                processors: 2,
                kernel: "6.1.0".into(),
                memory_mb: 4096,
            },
            plan: Plan { command: "cargo bench".into(), rounds: 2, seconds: 1.0, quick: false },
            proxies: proxies.into(),
            absent: Vec::new(),
            samples,
        }
    }

    #[test]
    fn a_slow_round_changes_no_ratio() {
        let report = report();
        let cpu = report.figure("sat64", Proxy::Sluice, Figure::Cpu);
        assert_eq!(cpu.values().map(|cpu| cpu.round()).collect::<Vec<_>>(), [18.0, 36.0]);
        let ratio = report.over_envoy("sat64", Proxy::Sluice, Figure::Cpu);
        assert!(ratio.values().all(|ratio| (ratio - 0.36).abs() < 1e-9), "{ratio:?}");
        assert_eq!(report.over_envoy("sat64", Proxy::Sluice, Figure::Added), Rounds::from([(0, 0.25), (1, 0.25)]));
    }

    #[test]
    fn a_lost_answer_is_a_fault_but_for_reloads_of_nginx_and_haproxy() {
        let mut report = report();
        assert!(report.faults().is_empty());
        report.samples[0].measured.answers = 0;
        assert_eq!(report.faults(), ["sat64, direct, round 1: no answer"]);
        report.samples[0].measured.answers = 1;
        for (proxy, edits, is_fault) in [
            (Proxy::Nginx, Some(Edits::default()), false),
            (Proxy::Nginx, None, true),
            (Proxy::Envoy, Some(Edits::default()), true),
        ] {
            let sample = report.samples.last_mut().unwrap();
            (sample.proxy, sample.edits, sample.measured.lost) = (proxy, edits, 1);
            assert_eq!(!report.faults().is_empty(), is_fault, "{proxy:?}");
        }
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = report();
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}
