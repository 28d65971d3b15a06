//! Counts of instructions, held against those that are committed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Instructions, by the name of the bench.
pub type Counts = BTreeMap<String, u64>;

/// Most percent of difference that is no news. The same program counts the same within 0.6 %, in another folder, where
/// hashes come out differently, within 1.6 %; the rest is for what the compiler inlines elsewhere when other code changes.
pub const TOLERANCE: f64 = 5.0;

/// Whether the committed counts can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// They were made by this one.
    Same,
    /// They were made by another version or for another processor, so that a difference shows nothing about the code.
    Other,
}

/// One bench, as committed and as counted now.
#[derive(Debug, PartialEq, Eq)]
pub struct Compared<'a> {
    /// Its name.
    pub bench: &'a str,
    standing: Standing,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Standing {
    Both { committed: u64, counted: u64 },
    New { counted: u64 },
    Gone { committed: u64 },
}

/// What is to be said of a bench.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it was.
    Held,
    /// It may pass, and something should be done.
    Told(String),
    /// It may not pass.
    Failed(String),
}

/// Compares all benches, by name.
pub fn compare<'a>(committed: &'a Counts, counted: &'a Counts) -> Vec<Compared<'a>> {
    let names: BTreeSet<&String> = committed.keys().chain(counted.keys()).collect();
    let all = names.into_iter().filter_map(|bench| {
        let standing = match (committed.get(bench), counted.get(bench)) {
            (Some(&committed), Some(&counted)) => Standing::Both { committed, counted },
            (None, Some(&counted)) => Standing::New { counted },
            (Some(&committed), None) => Standing::Gone { committed },
            (None, None) => return None,
        };
        Some(Compared { bench, standing })
    });
    all.collect()
}

impl Compared<'_> {
    /// What is to be said of it.
    pub fn verdict(&self, compiler: Compiler) -> Verdict {
        let bench = self.bench;
        match self.standing {
            Standing::New { .. } => Verdict::Failed(format!("{bench}: no count of it is committed")),
            Standing::Gone { .. } => {
                Verdict::Failed(format!("{bench}: a count is committed, and there is no such bench"))
            }
            Standing::Both { committed, counted } => {
                let percent = difference(committed, counted);
                let both = format!("{bench}: {counted} instructions, {committed} are committed ({percent:+.1} %)");
                match (percent, compiler) {
                    (percent, Compiler::Same) if percent > TOLERANCE => Verdict::Failed(both),
                    (percent, _) if percent.abs() > TOLERANCE => Verdict::Told(both),
                    _ => Verdict::Held,
                }
            }
        }
    }
}

impl fmt::Display for Compared<'_> {
    /// A row of a table: bench, committed, counted, difference.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bench = self.bench;
        match self.standing {
            Standing::Both { committed, counted } => {
                write!(f, "| {bench} | {committed} | {counted} | {:+.1} % |", difference(committed, counted))
            }
            Standing::New { counted } => write!(f, "| {bench} | | {counted} | |"),
            Standing::Gone { committed } => write!(f, "| {bench} | {committed} | | |"),
        }
    }
}

/// Percent by which a count is over the committed one.
fn difference(committed: u64, counted: u64) -> f64 {
    (counted as f64 - committed as f64) * 100.0 / committed as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, u64)]) -> Counts {
        counts.iter().map(|(bench, count)| ((*bench).to_owned(), *count)).collect()
    }

    /// The verdict of a bench whose committed count is 20,000.
    fn verdict(counted: u64, compiler: Compiler) -> Verdict {
        let (committed, counted) = (counts(&[("a", 20_000)]), counts(&[("a", counted)]));
        compare(&committed, &counted)[0].verdict(compiler)
    }

    #[test]
    fn ten_percent_more_fail_and_both_figures_are_said() {
        let said = "a: 22000 instructions, 20000 are committed (+10.0 %)".to_owned();
        assert_eq!(verdict(22_000, Compiler::Same), Verdict::Failed(said));
    }

    #[test]
    fn five_percent_are_borne() {
        for counted in [19_000, 20_000, 21_000] {
            assert_eq!(verdict(counted, Compiler::Same), Verdict::Held, "{counted}");
        }
        assert!(matches!(verdict(21_001, Compiler::Same), Verdict::Failed(_)));
    }

    #[test]
    fn fewer_are_told_and_pass() {
        let said = "a: 18000 instructions, 20000 are committed (-10.0 %)".to_owned();
        assert_eq!(verdict(18_000, Compiler::Same), Verdict::Told(said));
    }

    #[test]
    fn another_compiler_is_not_held_to_counts_and_is_told_them() {
        assert!(matches!(verdict(22_000, Compiler::Other), Verdict::Told(_)));
        assert_eq!(verdict(20_100, Compiler::Other), Verdict::Held);
    }

    #[test]
    fn a_bench_without_its_count_and_a_count_without_its_bench_fail() {
        let (committed, counted) = (counts(&[("gone", 1)]), counts(&[("new", 1)]));
        for compared in compare(&committed, &counted) {
            assert!(matches!(compared.verdict(Compiler::Other), Verdict::Failed(_)), "{compared}");
        }
    }
}
