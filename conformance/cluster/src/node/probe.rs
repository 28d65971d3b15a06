//! The kubelet's probes: when to ask, and what a row of answers means.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::node::check::{self, Target};

/// Which question a probe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Has it started? The other two wait for it, and a no kills.
    Startup,
    /// May it get traffic?
    Readiness,
    /// Is it alive? A no kills.
    Liveness,
}

/// A probe changed its mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Which probe.
    pub(crate) kind: Kind,
    /// What it says now.
    pub(crate) healthy: bool,
}

/// The probes of one run of a container. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Probes {
    tasks: JoinSet<()>,
    verdicts: mpsc::UnboundedReceiver<Verdict>,
    sender: mpsc::UnboundedSender<Verdict>,
    container: Container,
    target: Target,
    started: bool,
    ready: bool,
}

impl Probes {
    /// Starts the probes of `container`.
    pub(crate) fn start(container: &Container, target: Target) -> Self {
        let (sender, verdicts) = mpsc::unbounded_channel();
        let container = container.clone();
        let mut probes =
            Self { tasks: JoinSet::new(), verdicts, sender, container, target, started: false, ready: false };
        match probes.container.startup_probe.clone() {
            Some(probe) => probes.ask(Kind::Startup, probe),
            None => probes.begin(),
        }
        probes
    }

    /// Whether the container has started (it has no startup probe, or that one said yes).
    pub(crate) fn started(&self) -> bool {
        self.started
    }

    /// Whether it may get traffic.
    pub(crate) fn ready(&self) -> bool {
        self.started && self.ready
    }

    /// Waits until something changes; false when the container must be killed. May be dropped while it waits.
    pub(crate) async fn alive(&mut self) -> bool {
        // Never closed: `self` has a sender.
        let Some(Verdict { kind, healthy }) = self.verdicts.recv().await else { return true };
        match (kind, healthy) {
            (Kind::Startup, true) => self.begin(),
            (Kind::Readiness, _) => self.ready = healthy,
            (Kind::Liveness, true) => {}
            (Kind::Startup | Kind::Liveness, false) => return false,
        }
        true
    }

    fn begin(&mut self) {
        self.started = true;
        match self.container.readiness_probe.clone() {
            Some(probe) => self.ask(Kind::Readiness, probe),
            None => self.ready = true,
        }
        if let Some(probe) = self.container.liveness_probe.clone() {
            self.ask(Kind::Liveness, probe);
        }
    }

    fn ask(&mut self, kind: Kind, probe: Probe) {
        let ports = self.container.ports.clone().unwrap_or_default();
        let (sender, target) = (self.sender.clone(), self.target);
        self.tasks.spawn(async move {
            let mut tally = Tally::new(kind, &probe);
            let patience = seconds(probe.timeout_seconds, 1);
            sleep(seconds(probe.initial_delay_seconds, 0)).await;
            loop {
                let healthy = timeout(patience, check::healthy(&probe, target, &ports)).await.unwrap_or(false);
                if let Some(healthy) = tally.record(healthy)
                    && (sender.send(Verdict { kind, healthy }).is_err() || kind == Kind::Startup)
                {
                    return;
                }
                sleep(tally.pause()).await;
            }
        });
    }
}

/// Counts answers in a row.
#[derive(Debug)]
struct Tally {
    kind: Kind,
    verdict: Option<bool>,
    last: bool,
    row: u32,
    success_threshold: u32,
    failure_threshold: u32,
    period: Duration,
    early: Duration,
}

impl Tally {
    fn new(kind: Kind, probe: &Probe) -> Self {
        let at_least_one = |value: Option<i32>, default: u32| {
            value.and_then(|value| u32::try_from(value).ok()).filter(|value| *value > 0).unwrap_or(default)
        };
        Self {
            kind,
            verdict: None,
            last: false,
            row: 0,
            success_threshold: at_least_one(probe.success_threshold, 1),
            failure_threshold: at_least_one(probe.failure_threshold, 3),
            period: seconds(probe.period_seconds, 10).max(Duration::from_secs(1)),
            early: Duration::from_millis(50),
        }
    }

    /// One answer. The verdict, when this one changed it.
    fn record(&mut self, healthy: bool) -> Option<bool> {
        self.row = if healthy == self.last { self.row.saturating_add(1) } else { 1 };
        self.last = healthy;
        let threshold = if healthy { self.success_threshold } else { self.failure_threshold };
        if self.row < threshold || self.verdict == Some(healthy) {
            return None;
        }
        self.verdict = Some(healthy);
        Some(healthy)
    }

    /// How long until the next question: the period. Before the first yes a readiness probe asks sooner, from 50 ms on,
    /// which a kubelet does not: its failures do no harm, and a bed need not wait a period for a pod that is up at once.
    fn pause(&mut self) -> Duration {
        if self.kind != Kind::Readiness || self.verdict == Some(true) {
            return self.period;
        }
        let pause = self.early.min(self.period);
        self.early *= 2;
        if self.early > self.period {
            self.early = self.period;
        }
        pause
    }
}

fn seconds(value: Option<i32>, default: u64) -> Duration {
    Duration::from_secs(value.map_or(default, |value| u64::try_from(value).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(kind: Kind, success: i32, failure: i32) -> Tally {
        let (success_threshold, failure_threshold) = (Some(success), Some(failure));
        Tally::new(kind, &Probe { success_threshold, failure_threshold, period_seconds: Some(2), ..Probe::default() })
    }

    #[track_caller]
    fn check(thresholds: (i32, i32), answers: &str, verdicts: &str) {
        let mut tally = tally(Kind::Liveness, thresholds.0, thresholds.1);
        let said = answers.chars().map(|answer| match tally.record(answer == '+') {
            None => '.',
            Some(true) => '+',
            Some(false) => '-',
        });
        assert_eq!(said.collect::<String>(), verdicts, "{answers}");
    }

    #[test]
    fn a_row_of_answers_makes_a_verdict() {
        check((1, 3), "+++", "+..");
        check((1, 3), "---", "..-");
        check((1, 3), "--+--+---", "..+.....-");
        check((2, 1), "+-++", ".-.+");
        check((1, 1), "+-+-", "+-+-");
    }

    #[test]
    fn readiness_asks_soon_until_its_first_yes() {
        let mut tally = tally(Kind::Readiness, 1, 3);
        let pauses = (0..8).map(|_| tally.pause().as_millis()).collect::<Vec<_>>();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        tally.record(true);
        assert_eq!(tally.pause().as_millis(), 2000);
    }

    #[test]
    fn the_others_keep_their_period() {
        assert_eq!(tally(Kind::Startup, 1, 3).pause().as_millis(), 2000);
    }
}
