//! What many rounds say together: a median, and how sure it is.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{median, quantile};

/// One value of each round.
pub(crate) type Rounds = BTreeMap<usize, f64>;

/// Resamples of a bootstrap.
const RESAMPLES: usize = 2000;
/// The same rounds give the same interval.
const SEED: u64 = 0x51_07_ce;

/// A median with its bootstrap 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Estimate {
    pub(crate) middle: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) rounds: usize,
}

/// `None` of no rounds. Of one round, the interval is that round: nothing is known of how it varies.
pub(crate) fn estimate(values: &[f64]) -> Option<Estimate> {
    let middle = median(&mut values.to_vec())?;
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut medians = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let mut resample: Vec<f64> = (0..values.len()).map(|_| values[random.usize(..values.len())]).collect();
        medians.push(median(&mut resample)?);
    }
    let (low, high) = (quantile(&mut medians, 0.025)?, quantile(&mut medians, 0.975)?);
    Some(Estimate { middle, low, high, rounds: values.len() })
}

/// Each round's quotient: what changed from round to round for both of them is not in it.
pub(crate) fn ratios(of: &Rounds, over: &Rounds) -> Rounds {
    let pairs = of.iter().filter_map(|(round, value)| Some((*round, value / over.get(round)?)));
    pairs.filter(|(_, ratio)| ratio.is_finite()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_compared_with_itself_only() {
        let of = Rounds::from([(0, 10.0), (1, 30.0), (3, 5.0)]);
        let over = Rounds::from([(0, 20.0), (1, 30.0), (2, 1.0), (3, 0.0)]);
        assert_eq!(ratios(&of, &over), Rounds::from([(0, 0.5), (1, 1.0)]));
    }

    #[test]
    fn intervals_hold_the_median_and_lie_within_the_values() {
        let values = [1.0, 2.0, 3.0, 4.0, 100.0];
        let found = estimate(&values).unwrap();
        assert_eq!((found.middle, found.rounds), (3.0, 5));
        assert!(1.0 <= found.low && found.low < 3.0 && 3.0 < found.high && found.high <= 100.0, "{found:?}");
        assert_eq!(estimate(&values), Some(found), "the same values give the same interval");
    }

    #[test]
    fn intervals_narrow_as_rounds_agree() {
        assert_eq!(estimate(&[2.0; 9]), Some(Estimate { middle: 2.0, low: 2.0, high: 2.0, rounds: 9 }));
        assert_eq!(estimate(&[7.0]), Some(Estimate { middle: 7.0, low: 7.0, high: 7.0, rounds: 1 }));
        assert_eq!(estimate(&[]), None);
    }

    #[test]
    fn intervals_cover_the_true_median_as_often_as_they_say() {
        let mut random = fastrand::Rng::with_seed(7);
        let covered = (0..100).filter(|_| {
            let values: Vec<f64> = (0..15).map(|_| random.f64()).collect();
            estimate(&values).is_some_and(|e| e.low <= 0.5 && 0.5 <= e.high)
        });
        assert!(covered.count() >= 88);
    }
}
