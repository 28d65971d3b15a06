//! The goals, one line each, and whether a run meets them.

use super::proxy::Proxy;
use super::report::Report;
use super::sample::Figure;
use super::statistics::{Estimate, Rounds, estimate, ratios};

/// One goal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Goal {
    /// As the table says it.
    pub(crate) says: &'static str,
    pub(crate) case: &'static str,
    pub(crate) figure: Figure,
    pub(crate) measure: Measure,
    pub(crate) limit: Limit,
}

/// What is made of the figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Over Envoy's of the same round.
    OverEnvoy,
    /// Over Sluice's own in another case.
    Over(&'static str),
    /// The same, over what that is for Envoy.
    OverAsEnvoy(&'static str),
    /// As it is.
    Plain(Unit),
}

/// Of a figure as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    Kilobytes,
    Answers,
}

/// Where it is met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// What a run says of a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// The median says the first, part of its interval the other.
    NearlyMet,
    NearlyMissed,
    /// It was not measured.
    Unknown,
}

use Limit::{AtLeast, AtMost};
use Measure::{Over, OverAsEnvoy, OverEnvoy, Plain};

/// All of them, of one worker unless they say otherwise.
pub(crate) const GOALS: &[Goal] = &[
    Goal::envoy("CPU per small request, 64 connections", "sat64", Figure::Cpu, AtMost(0.40)),
    Goal::envoy("requests a second, 64 connections", "sat64", Figure::PerSecond, AtLeast(2.2)),
    Goal::envoy("latency at 2,000 a second, p50", "rate2000", Figure::P50, AtMost(0.55)),
    Goal::envoy("latency at 2,000 a second, p99", "rate2000", Figure::P99, AtMost(0.50)),
    Goal::envoy("CPU per small request, 1,000 connections", "sat1000", Figure::Cpu, AtMost(0.55)),
    Goal::envoy("CPU per body of 1 MiB", "mb1", Figure::Cpu, AtMost(0.70)),
    Goal::envoy("CPU per prompt of 16 KiB, usage accounted for", "prompt16k", Figure::Cpu, AtMost(0.8)),
    Goal::envoy("CPU per prompt of 256 KiB, usage accounted for", "prompt256k", Figure::Cpu, AtMost(0.8)),
    Goal::envoy("CPU per event, 1,000 streams", "sse1000", Figure::Cpu, AtMost(0.75)),
    Goal::envoy("latency added to an event, p50", "sse1000", Figure::Added, AtMost(0.55)),
    Goal::envoy("memory per stream", "sse1000", Figure::PerConnection, AtMost(0.6)),
    Goal::envoy("memory at rest", "idle1000", Figure::AtRest, AtMost(0.2)),
    Goal::own("memory per idle connection", "idle1000", Figure::PerConnection, Plain(Unit::Kilobytes), AtMost(12.0)),
    Goal::envoy("CPU per small request, TLS and HTTP/1.1 to the provider", "tls_h1", Figure::Cpu, AtMost(0.45)),
    Goal::envoy("CPU per small request, TLS and HTTP/2 to the provider", "tls_h2", Figure::Cpu, AtMost(0.50)),
    Goal::own(
        "CPU with 10,000 prefix routes over that with 10",
        "routes10000",
        Figure::Cpu,
        Over("routes10"),
        AtMost(1.2),
    ),
    Goal::own("edit of a file → first new answer", "edit", Figure::FirstNew, Plain(Unit::Milliseconds), AtMost(30.0)),
    Goal::own("lost in 100 edits under load", "edit", Figure::Faults, Plain(Unit::Answers), AtMost(0.0)),
    Goal::own(
        "requests a second, two workers over one, as Envoy's or better",
        "workers2",
        Figure::PerSecond,
        OverAsEnvoy("sat64"),
        AtLeast(1.0),
    ),
];

impl Goal {
    const fn envoy(says: &'static str, case: &'static str, figure: Figure, limit: Limit) -> Self {
        Self::own(says, case, figure, OverEnvoy, limit)
    }

    const fn own(says: &'static str, case: &'static str, figure: Figure, measure: Measure, limit: Limit) -> Self {
        Self { says, case, figure, measure, limit }
    }

    /// What Sluice has of it, round by round.
    fn rounds(&self, report: &Report) -> Rounds {
        let Self { case, figure, .. } = *self;
        let over = |proxy, other| ratios(&report.figure(case, proxy, figure), &report.figure(other, proxy, figure));
        match self.measure {
            OverEnvoy => report.over_envoy(case, Proxy::Sluice, figure),
            Over(other) => over(Proxy::Sluice, other),
            OverAsEnvoy(other) => ratios(&over(Proxy::Sluice, other), &over(Proxy::Envoy, other)),
            Plain(_) => report.figure(case, Proxy::Sluice, figure),
        }
    }

    /// What Sluice has of it; of what is lost, all of it.
    pub(crate) fn value(&self, report: &Report) -> Option<Estimate> {
        let values: Vec<f64> = self.rounds(report).into_values().collect();
        let estimate = estimate(&values)?;
        match self.figure {
            Figure::Faults => {
                let sum = values.iter().sum();
                Some(Estimate { middle: sum, low: sum, high: sum, ..estimate })
            }
            _ => Some(estimate),
        }
    }
}

impl Limit {
    /// Whether a value meets it, and its interval with it.
    pub(crate) fn judges(self, value: Option<Estimate>) -> Verdict {
        let Some(Estimate { middle, low, high, .. }) = value else { return Verdict::Unknown };
        match (self.holds(middle), self.holds(low) && self.holds(high), self.holds(low) || self.holds(high)) {
            (true, true, _) => Verdict::Met,
            (true, false, _) => Verdict::NearlyMet,
            (false, _, true) => Verdict::NearlyMissed,
            (false, _, false) => Verdict::Missed,
        }
    }

    fn holds(self, value: f64) -> bool {
        match self {
            AtMost(limit) => value <= limit,
            AtLeast(limit) => value >= limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side_by_side::case::CASES;
    use crate::side_by_side::report::tests::report;
    use crate::side_by_side::sample::tests::sample;

    fn between(low: f64, middle: f64, high: f64) -> Option<Estimate> {
        Some(Estimate { middle, low, high, rounds: 3 })
    }

    #[test]
    fn goals_are_of_cases_that_exist() {
        let exists = |name: &str| CASES.iter().any(|case| case.name == name);
        for goal in GOALS {
            assert!(exists(goal.case), "{goal:?}");
            if let Over(other) | OverAsEnvoy(other) = goal.measure {
                assert!(exists(other), "{goal:?}");
            }
        }
    }

    #[test]
    fn the_median_judges_and_the_interval_says_how_surely() {
        for (low, middle, high, verdict) in [
            (0.3, 0.35, 0.4, Verdict::Met),
            (0.3, 0.35, 0.5, Verdict::NearlyMet),
            (0.3, 0.41, 0.5, Verdict::NearlyMissed),
            (0.41, 0.45, 0.5, Verdict::Missed),
        ] {
            assert_eq!(AtMost(0.4).judges(between(low, middle, high)), verdict);
            assert_eq!(AtLeast(-0.4).judges(between(-high, -middle, -low)), verdict, "the other way round");
        }
        assert_eq!(AtMost(0.4).judges(None), Verdict::Unknown);
    }

    #[test]
    fn a_run_is_held_against_them() {
        let report = report();
        let verdicts: Vec<_> = GOALS[..3].iter().map(|goal| goal.limit.judges(goal.value(&report))).collect();
        assert_eq!(verdicts, [Verdict::Met, Verdict::Met, Verdict::Unknown]);
    }

    #[test]
    fn two_workers_are_compared_with_what_they_are_for_envoy() {
        let mut report = report();
        for (proxy, answers) in [(Proxy::Sluice, 90_000), (Proxy::Envoy, 30_000)] {
            report.samples.push(sample("workers2", 0, proxy, (answers, 18.0, 20.0)));
        }
        let goal = GOALS.iter().find(|goal| goal.case == "workers2").unwrap();
        // 1.8 times as many, Envoy 1.5 times.
        assert_eq!(goal.value(&report).map(|value| (value.middle * 100.0).round()), Some(120.0));
    }

    #[test]
    fn what_is_lost_is_added_up() {
        let mut report = report();
        report.samples.retain(|sample| sample.proxy == Proxy::Sluice);
        for (lost, sample) in report.samples.iter_mut().enumerate() {
            (sample.case, sample.measured.lost) = ("edit".to_owned(), lost as u64 * 3);
        }
        let goal = GOALS.iter().find(|goal| goal.figure == Figure::Faults).unwrap();
        assert_eq!(goal.limit.judges(goal.value(&report)), Verdict::Missed);
    }
}
