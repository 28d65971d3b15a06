//! The result as a person reads it.

use std::fmt::Write;

use super::client::Load;
use super::figure::Figure;
use super::report::Report;
use crate::side_by_side::machine::Machine;
use crate::side_by_side::program::Presence;
use crate::side_by_side::proxy::Proxy;
use crate::side_by_side::statistics::{Rounds, estimate};

/// All that is to be said of a run.
pub(crate) fn whole(report: &Report) -> String {
    let mut text = origin(report);
    text.push_str(&versions(report));
    text.push_str(&side_by_side(report));
    text
}

fn origin(report: &Report) -> String {
    let Machine { date, commit, processor, processors, kernel, memory_mb } = &report.machine;
    let plan = &report.plan;
    let Load { requests, warm_up, per_second, tokens, wait_ms, pause_ms } = plan.load;
    let quick = if plan.quick { " **A quick run: no result.**" } else { "" };
    format!(
        "\
{date}, commit {commit}; {processors} × {processor}, {memory_mb} MB, Linux {kernel}.
`{}`: {} rounds of {requests} requests after {warm_up}, {per_second} a second (Poisson, the same each time), each for {tokens} tokens,
the first after {wait_ms} ms and then one each {pause_ms} ms.{quick}

",
        plan.command, plan.rounds
    )
}

fn versions(report: &Report) -> String {
    let mut text = line("client, AIPerf", &report.client);
    for proxy in order(report) {
        text.push_str(&line(proxy.name(), &report.proxies[&proxy]));
    }
    for fault in report.faults() {
        // Writing to a String does not fail.
        let _ = writeln!(text, "* **fault**: {fault}");
    }
    text + "\n"
}

fn line(name: &str, presence: &Presence) -> String {
    match presence {
        Presence::Version(version) => format!("* {name}: {version}\n"),
        Presence::Missing(why) => format!("* {name}: **missing**: {why}\n"),
    }
}

/// Direct first, which the others are set against.
fn order(report: &Report) -> Vec<Proxy> {
    let mut proxies: Vec<_> = report.proxies.keys().copied().collect();
    proxies.sort_by_key(|proxy| *proxy != Proxy::Direct);
    proxies
}

fn side_by_side(report: &Report) -> String {
    let proxies = order(report);
    let head: String = proxies.iter().map(|proxy| column(*proxy)).collect();
    let width = proxies.iter().map(|proxy| cells(*proxy)).sum();
    let mut text = format!("| |{head}\n|---|{}\n", "---:|".repeat(width));
    for figure in Figure::ALL {
        let row: String = proxies.iter().map(|proxy| of_figure(report, *proxy, figure)).collect();
        let _ = writeln!(text, "| {} |{row}", figure.title());
    }
    let failed: String = proxies.iter().map(|proxy| failures(report, *proxy)).collect();
    let _ = writeln!(text, "| failed requests |{failed}");
    text
}

fn column(proxy: Proxy) -> String {
    let name = proxy.name();
    if cells(proxy) == 1 { format!(" {name} |") } else { format!(" {name} | × direct [95 %] |") }
}

fn cells(proxy: Proxy) -> usize {
    if proxy == Proxy::Direct { 1 } else { 2 }
}

fn of_figure(report: &Report, proxy: Proxy, figure: Figure) -> String {
    let value = middle(&report.figure(proxy, figure));
    if cells(proxy) == 1 {
        return format!(" {value} |");
    }
    let ratio = estimate(&report.over_direct(proxy, figure).into_values().collect::<Vec<_>>());
    let ratio = ratio.map_or_else(nothing, |e| format!("{:.3} [{:.3}–{:.3}]", e.middle, e.low, e.high));
    format!(" {value} | {ratio} |")
}

fn middle(rounds: &Rounds) -> String {
    let values: Vec<f64> = rounds.values().copied().collect();
    estimate(&values).map_or_else(nothing, |estimate| format!("{:.2}", estimate.middle))
}

fn failures(report: &Report, proxy: Proxy) -> String {
    let is_measured = report.samples.iter().any(|sample| sample.proxy == proxy);
    let failed = if is_measured { report.failed(proxy).to_string() } else { nothing() };
    format!(" {failed} |{}", " |".repeat(cells(proxy) - 1))
}

fn nothing() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm_client::report::Absent;
    use crate::llm_client::report::tests::report;

    const GOLDEN: &str = "\
2026-11-28, commit 0123abc; 2 × A processor, 4096 MB, Linux 6.1.0.
`cargo bench`: 2 rounds of 40 requests after 10, 20 a second (Poisson, the same each time), each for 50 tokens,
the first after 100 ms and then one each 20 ms.

* client, AIPerf: 0.13.0
* direct: this bench's own
* Sluice: sluice 0.1.0
* nginx: **missing**: there is no network

| | direct | Sluice | × direct [95 %] | nginx | × direct [95 %] |
|---|---:|---:|---:|---:|---:|
| time to first token, p50 ms | 100.00 | 101.00 | 1.010 [1.010–1.010] | – | – |
";

    #[test]
    fn a_run_is_told_with_what_is_missing() {
        let text = whole(&report());
        assert!(text.starts_with(GOLDEN), "{text}");
        assert!(text.ends_with("| failed requests | 0 | 0 | | – | |\n"), "{text}");
    }

    #[test]
    fn faults_and_quick_runs_are_told() {
        let mut report = report();
        report.absent.push(Absent { round: 0, proxy: Proxy::Sluice, why: "it has ended".into() });
        report.plan.quick = true;
        let text = whole(&report);
        assert!(text.contains("* **fault**: Sluice, round 1: it has ended\n") && text.contains("no result"), "{text}");
    }
}
