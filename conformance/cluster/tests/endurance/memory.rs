//! What processes take.

use std::fs;

/// Kilobytes of a process, with its share of what it shares (`Pss` of `smaps_rollup`).
pub(crate) fn of(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The process of a replica of that Gateway.
pub(crate) fn replica(gateway: &str) -> u32 {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let serves = |pid: &u32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&str> = line.split('\0').collect();
        words.first().is_some_and(|program| program.ends_with("/sluice"))
            && words.get(1) == Some(&"proxy")
            && words.iter().any(|word| word.ends_with(gateway))
    };
    pids.into_iter().find(serves).unwrap_or_else(|| panic!("no process serves {gateway}"))
}
