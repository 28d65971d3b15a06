//! How many values of each size there were, for Prometheus.
//!
//! A gateway has seven of these for each of its routes. The crate's own come to ten kilobytes a route, each in pieces of its
//! own on the heap: with thousands of routes a request waits for memory more than it works. These seven are one kilobyte,
//! in line with what they belong to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::proto;

/// The sizes that are told apart.
#[derive(Debug)]
pub(super) struct Scale<const N: usize> {
    /// The largest value of each.
    limits: [u64; N],
    /// How many of what is counted are one of what is shown.
    unit: f64,
}

/// The values so far.
#[derive(Debug)]
pub(super) struct Histogram<const N: usize> {
    scale: &'static Scale<N>,
    /// Those up to each limit, and above the one before.
    counts: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Scale<N> {
    /// For numbers of things.
    pub(super) const fn numbers(limits: [u64; N]) -> Self {
        Self { limits, unit: 1.0 }
    }

    /// For times, which are shown in seconds.
    pub(super) const fn milliseconds(mut limits: [u64; N]) -> Self {
        let mut i = 0;
        while i < N {
            limits[i] *= 1_000_000;
            i += 1;
        }
        Self { limits, unit: 1e9 }
    }
}

impl<const N: usize> Histogram<N> {
    /// Starts with no value.
    pub(super) fn new(scale: &'static Scale<N>) -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self { scale, counts, above: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    /// Counts a number of things.
    pub(super) fn count(&self, value: u64) {
        let fits = self.scale.limits.iter().position(|limit| value <= *limit);
        fits.map_or(&self.above, |i| &self.counts[i]).fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Counts a time.
    pub(super) fn time(&self, value: Duration) {
        self.count(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What Prometheus is told.
    pub(super) fn shown(&self) -> proto::Histogram {
        let mut total = 0;
        let buckets = self.counts.iter().zip(&self.scale.limits).map(|(count, limit)| {
            total += count.load(Ordering::Relaxed);
            let mut bucket = proto::Bucket::default();
            bucket.set_cumulative_count(total);
            bucket.set_upper_bound(*limit as f64 / self.scale.unit);
            bucket
        });
        let buckets = buckets.collect();
        let mut shown = proto::Histogram::default();
        shown.set_bucket(buckets);
        shown.set_sample_count(total + self.above.load(Ordering::Relaxed));
        shown.set_sample_sum(self.sum.load(Ordering::Relaxed) as f64 / self.scale.unit);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_the_largest_of_its_size() {
        static SCALE: Scale<3> = Scale::milliseconds([1, 5, 2500]);
        let histogram = Histogram::new(&SCALE);
        for micros in [0, 1_000, 1_001, 5_000, 2_500_000, 2_500_001] {
            histogram.time(Duration::from_micros(micros));
        }
        let shown = histogram.shown();
        let buckets = shown.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
        assert_eq!(buckets.collect::<Vec<_>>(), [(0.001, 2), (0.005, 4), (2.5, 5)]);
        assert_eq!((shown.get_sample_count(), shown.get_sample_sum()), (6, 5.007_002));
    }

    #[test]
    fn numbers_are_shown_as_they_are() {
        static SCALE: Scale<2> = Scale::numbers([1, 4]);
        let histogram = Histogram::new(&SCALE);
        for value in [1, 2, u64::from(u32::MAX)] {
            histogram.count(value);
        }
        let shown = histogram.shown();
        assert_eq!(shown.get_bucket().iter().map(|b| b.upper_bound()).collect::<Vec<_>>(), [1.0, 4.0]);
        assert_eq!((shown.get_sample_count(), shown.get_sample_sum()), (3, 4_294_967_298.0));
    }
}
