//! What the processes of a proxy cost, as the kernel counts it.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

/// A process and all that it has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    pids: Vec<u32>,
}

/// Seconds on a processor.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Cpu {
    /// As the scheduler counts them, in nanoseconds.
    pub(crate) seconds: f64,
    /// As ticks count them, in hundredths.
    pub(crate) user: f64,
    pub(crate) system: f64,
}

/// Ticks of a second in `/proc` (`USER_HZ`), on each architecture that Linux has today.
const TICKS: f64 = 100.0;

impl Tree {
    /// The tree as it is now.
    pub(crate) fn of(root: u32) -> Self {
        let mut pids = vec![root];
        let mut next = 0;
        while let Some(pid) = pids.get(next) {
            pids.extend(children(*pid));
            next += 1;
        }
        Self { pids }
    }

    /// Root first.
    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// Of all its processes since they began. One that has ended counts no longer.
    pub(crate) fn cpu(&self) -> Cpu {
        self.pids.iter().fold(Cpu::default(), |sum, pid| sum.plus(&cpu(*pid).unwrap_or_default()))
    }

    /// Memory of all of them in kB; what they share with others counts by their share (PSS).
    pub(crate) fn memory(&self) -> io::Result<u64> {
        self.pids
            .iter()
            .map(|pid| fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).and_then(|text| pss(&text)))
            .sum()
    }
}

impl Cpu {
    /// What came between.
    #[must_use]
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let Self { seconds, user, system } = self;
        Self { seconds: seconds - earlier.seconds, user: user - earlier.user, system: system - earlier.system }
    }

    fn plus(&self, other: &Self) -> Self {
        let Self { seconds, user, system } = self;
        Self { seconds: seconds + other.seconds, user: user + other.user, system: system + other.system }
    }
}

fn children(pid: u32) -> Vec<u32> {
    let of_thread = |thread: u32| fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
    let lists = threads(pid).into_iter().map(of_thread);
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

fn threads(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// `None` if it has ended.
fn cpu(pid: u32) -> Option<Cpu> {
    let (user, system) = ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    let of_thread = |thread: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    let nanos: f64 = threads(pid).into_iter().filter_map(of_thread).sum();
    // A kernel without schedstat says 0.
    let seconds = if nanos > 0.0 { nanos / 1e9 } else { user + system };
    Some(Cpu { seconds, user, system })
}

/// User and system time, in seconds. The name of the program stands in parentheses and may hold anything.
fn ticks(stat: &str) -> Option<(f64, f64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).map(str::parse::<f64>);
    Some((fields.next()?.ok()? / TICKS, fields.next()?.ok()? / TICKS))
}

fn pss(rollup: &str) -> io::Result<u64> {
    let kb = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse().ok());
    kb.ok_or_else(|| io::Error::other("the kernel does not say what memory a process has"))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_program_may_have_any_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 4043 85015 2 80 150 25 122 49 20 0 1 0 1176776";
        assert_eq!(ticks(stat), Some((1.5, 0.25)));
        assert_eq!(ticks("42 (a) S"), None);
    }

    #[test]
    fn memory_is_the_proportional_one() {
        let rollup = "55d18d84a000-7ffe54919000 ---p 00000000 00:00 0    [rollup]\nRss:  1760 kB\nPss:   242 kB\nPss_Anon: 9 kB\n";
        assert_eq!(pss(rollup).unwrap(), 242);
        assert!(pss("").is_err());
    }

    #[test]
    fn a_tree_holds_children_of_children_and_what_they_cost() {
        let script = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; read end; true'; true";
        let mut root = Command::new("sh");
        let mut root = root.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(root.stdout.take().unwrap()), &mut line).unwrap();
        let tree = Tree::of(root.id());
        assert_eq!((tree.pids().len(), tree.pids()[0]), (2, root.id()));
        assert!(tree.cpu().seconds > cpu(root.id()).unwrap().seconds);
        assert!(tree.memory().unwrap() > 0);
        drop(root.stdin.take());
        root.wait().unwrap();
        assert_eq!(tree.cpu(), Cpu::default());
    }
}
