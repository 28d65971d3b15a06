//! Where a result comes from.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The machine, the day, and the state of the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    /// With `+` if the tree differs from it.
    pub(crate) commit: String,
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) kernel: String,
    pub(crate) memory_mb: u64,
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kb: u64 = field(&meminfo, "MemTotal").and_then(|kb| kb.trim_end_matches(" kB").parse().ok()).unwrap_or(0);
        Self {
            date: said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]).unwrap_or_default(),
            commit: commit(),
            // ARM names none.
            processor: field(&cpuinfo, "model name").unwrap_or("unknown").to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
            memory_mb: kb / 1024,
        }
    }
}

/// A line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

fn commit() -> String {
    let Some(commit) = said("git", &["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    let changed = said("git", &["status", "--porcelain", "--untracked-files=no"]).is_some_and(|list| !list.is_empty());
    if changed { format!("{commit}+") } else { commit }
}

/// What a program says in the folder of the benches.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        let machine = Machine::this();
        assert!(machine.processors > 0 && machine.memory_mb > 0 && machine.date.starts_with("20"), "{machine:?}");
        assert!(machine.kernel.chars().next().is_some_and(|first| first.is_ascii_digit()), "{machine:?}");
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "model\t\t: 85\nmodel name\t: A processor @ 2.0 GHz\nMemTotal:  24 kB\n";
        assert_eq!(field(text, "model name"), Some("A processor @ 2.0 GHz"));
        assert_eq!((field(text, "MemTotal"), field(text, "name")), (Some("24 kB"), None));
    }
}
