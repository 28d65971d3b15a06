//! What is kept of one proxy in one round of one case.

use serde::{Deserialize, Serialize};

use super::proxy::Proxy;
use super::tree::Cpu;
use super::work::Measured;

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) case: String,
    pub(crate) round: usize,
    pub(crate) proxy: Proxy,
    pub(crate) connections: usize,
    pub(crate) measured: Measured,
    /// Of its processes while it was measured; `None` where there is no proxy.
    pub(crate) cpu: Option<Cpu>,
    pub(crate) memory: Option<Memory>,
    /// In the case that edits.
    pub(crate) edits: Option<Edits>,
}

impl Sample {
    /// What of it has to be right and was not. nginx and HAProxy end connections when they are given another
    /// configuration; that is theirs, and in the table.
    pub(crate) fn fault(&self) -> Option<String> {
        let Self { case, round, proxy, measured, edits, .. } = self;
        let Measured { answers, wrong, lost, first_fault, .. } = measured;
        let may_lose = edits.is_some() && matches!(proxy, Proxy::Nginx | Proxy::Haproxy);
        let first = first_fault.as_deref().unwrap_or("no answer");
        let place = format!("{case}, {}, round {}", proxy.name(), round + 1);
        match (answers, wrong + lost) {
            (0, _) => Some(format!("{place}: {first}")),
            (_, 1..) if !may_lose => Some(format!("{place}: {wrong} wrong, {lost} lost: {first}")),
            _ => None,
        }
    }
}

/// In kB; what processes share counts by its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Before the load.
    pub(crate) at_rest: u64,
    /// At its end, with all connections.
    pub(crate) loaded: u64,
}

/// Changes of the configuration under load.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Edits {
    /// Milliseconds from the edit of the file to the first answer that shows it.
    pub(crate) first_new_ms: Vec<f64>,
    /// Of which nothing was seen while there was time.
    pub(crate) unseen: usize,
}

/// What can be read from a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Microseconds of a processor for each answer or event.
    Cpu,
    /// Answers a second.
    PerSecond,
    /// How much of a processor it used; near 1 (or 2), no more answers a second were possible.
    Busy,
    /// Microseconds.
    P50,
    P99,
    /// Of p50, what is more than without a proxy in the same round.
    Added,
    /// kB.
    AtRest,
    Loaded,
    /// kB more than at rest, for each connection.
    PerConnection,
    /// Milliseconds, the middle one of the edits.
    FirstNew,
    /// Answers that were lost or wrong.
    Faults,
}

impl Figure {
    /// Of a measurement; `direct` is that of the same round without a proxy.
    pub(crate) fn of(self, sample: &Sample, direct: Option<&Sample>) -> Option<f64> {
        let Sample { measured, cpu, memory, edits, connections, .. } = sample;
        match self {
            Self::Cpu if measured.answers == 0 => None,
            Self::Cpu => Some(cpu.as_ref()?.seconds * 1e6 / measured.answers as f64),
            Self::Busy => Some(cpu.as_ref()?.seconds / measured.seconds),
            Self::PerSecond => Some(measured.answers as f64 / measured.seconds).filter(|rate| *rate > 0.0),
            Self::P50 => Some(measured.latency.p50).filter(|micros| *micros > 0.0),
            Self::P99 => Some(measured.latency.p99).filter(|micros| *micros > 0.0),
            Self::Added => Some(measured.latency.p50 - direct?.measured.latency.p50),
            Self::AtRest => Some(memory.as_ref()?.at_rest as f64),
            Self::Loaded => Some(memory.as_ref()?.loaded as f64),
            Self::PerConnection => {
                let Memory { at_rest, loaded } = memory.as_ref()?;
                Some((*loaded as f64 - *at_rest as f64) / *connections as f64)
            }
            Self::FirstNew => {
                let Edits { first_new_ms, unseen } = edits.as_ref()?;
                // An edit that nobody sees is the slowest.
                let unseen = std::iter::repeat_n(f64::INFINITY, *unseen);
                crate::median(&mut first_new_ms.iter().copied().chain(unseen).collect::<Vec<_>>())
            }
            Self::Faults => Some((measured.lost + measured.wrong) as f64),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::side_by_side::work::Latency;

    /// A measurement of one second with so many answers, so many microseconds of CPU time for each, and this p50.
    pub(crate) fn sample(case: &str, round: usize, proxy: Proxy, values: (u64, f64, f64)) -> Sample {
        let (answers, cpu_micros, p50) = values;
        let latency = Latency { p50, p90: p50 * 2.0, p99: p50 * 3.0, max: p50 * 4.0 };
        let seconds = cpu_micros * answers as f64 / 1e6;
        Sample {
            case: case.to_owned(),
            round,
            proxy,
            connections: 64,
            measured: Measured { seconds: 1.0, answers, latency, ..Measured::default() },
            cpu: (proxy != Proxy::Direct).then_some(Cpu { seconds, user: seconds / 2.0, system: seconds / 2.0 }),
            memory: (proxy != Proxy::Direct).then_some(Memory { at_rest: 1000, loaded: 1640 }),
            edits: None,
        }
    }

    #[test]
    fn figures_are_read_from_a_measurement() {
        let sluice = sample("sat64", 0, Proxy::Sluice, (50_000, 18.0, 90.0));
        let direct = sample("sat64", 0, Proxy::Direct, (70_000, 0.0, 30.0));
        let of = |figure: Figure| figure.of(&sluice, Some(&direct));
        assert_eq!(of(Figure::Cpu).map(f64::round), Some(18.0));
        assert_eq!(
            (of(Figure::PerSecond), of(Figure::P99), of(Figure::Added)),
            (Some(50_000.0), Some(270.0), Some(60.0))
        );
        assert_eq!((of(Figure::AtRest), of(Figure::PerConnection)), (Some(1000.0), Some(10.0)));
        assert_eq!((Figure::Cpu.of(&direct, None), Figure::Added.of(&sluice, None)), (None, None));
    }

    #[test]
    fn an_edit_that_is_not_seen_is_the_slowest() {
        let mut sluice = sample("edit", 0, Proxy::Sluice, (2000, 18.0, 90.0));
        for (unseen, first_new) in [(0, 20.0), (1, 20.0), (4, f64::INFINITY)] {
            sluice.edits = Some(Edits { first_new_ms: vec![30.0, 20.0, 10.0], unseen });
            assert_eq!(Figure::FirstNew.of(&sluice, None), Some(first_new), "{unseen} unseen");
        }
    }

    #[test]
    fn nothing_is_read_from_nothing() {
        let idle = sample("idle1000", 0, Proxy::Sluice, (0, 1.0, 0.0));
        for figure in [Figure::Cpu, Figure::PerSecond, Figure::P50, Figure::P99, Figure::FirstNew] {
            assert_eq!(figure.of(&idle, None), None, "{figure:?}");
        }
    }
}
