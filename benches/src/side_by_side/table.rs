//! A run as tables in Markdown: the goals, then each case.

use std::fmt::Write;

use super::case::{CASES, Case, SLOW};
use super::goal::{GOALS, Goal, Limit, Measure, Unit, Verdict};
use super::machine::Machine;
use super::program::Presence;
use super::proxy::Proxy;
use super::report::Report;
use super::sample::Figure;
use super::statistics::{Estimate, estimate};
use super::work::Kind;

/// The whole of it.
pub(crate) fn whole(report: &Report) -> String {
    let cases = CASES.iter().chain(SLOW).filter_map(|case| of_case(report, case));
    let parts = [of_origin(report), goals(report)].into_iter().chain(cases);
    parts.collect::<Vec<_>>().join("\n")
}

/// Where it was measured, how much, and what is missing.
fn of_origin(report: &Report) -> String {
    let Machine { date, commit, processor, processors, kernel, memory_mb } = &report.machine;
    let plan = &report.plan;
    let mut text = format!(
        "{date}, commit {commit}; {processors} × {processor}, {memory_mb} MB, Linux {kernel}.\n`{}`: {} rounds of {} s each.{}\n\n",
        plan.command,
        plan.rounds,
        plan.seconds,
        if plan.quick { " **A quick run, of a tenth of the connections, routes and edits: no result.**" } else { "" }
    );
    for (proxy, presence) in &report.proxies {
        let line = match presence {
            Presence::Version(version) => version.clone(),
            Presence::Missing(why) => format!("**missing**: {why}"),
        };
        put(&mut text, format_args!("* {}: {line}\n", proxy.name()));
    }
    for fault in report.faults() {
        put(&mut text, format_args!("* **fault**: {fault}\n"));
    }
    text
}

/// Each goal, and whether it is met.
pub(crate) fn goals(report: &Report) -> String {
    let mut text = String::from("| case | goal | Sluice | met? |\n|---|---|---|---|\n");
    for goal in GOALS {
        let value = goal.value(report);
        let met = match goal.limit.judges(value) {
            Verdict::Met => "yes",
            Verdict::Missed => "**no**",
            Verdict::NearlyMet => "yes, within the noise",
            Verdict::NearlyMissed => "**no**, within the noise",
            Verdict::Unknown => "not measured",
        };
        let value = value.map_or_else(|| "–".to_owned(), |value| said(goal, value));
        put(&mut text, format_args!("| {} | {} | {value} | {met} |\n", goal.says, limit(goal)));
    }
    text
}

fn limit(goal: &Goal) -> String {
    let (sign, limit) = match goal.limit {
        Limit::AtMost(limit) => ("≤", limit),
        Limit::AtLeast(limit) => ("≥", limit),
    };
    match goal.measure {
        Measure::OverEnvoy => format!("{sign} {limit:.2} × Envoy"),
        Measure::Over(_) | Measure::OverAsEnvoy(_) => format!("{sign} {limit:.2} ×"),
        Measure::Plain(unit) => format!("{sign} {}", of_unit(limit, unit)),
    }
}

fn said(goal: &Goal, value: Estimate) -> String {
    let Estimate { middle, low, high, rounds: _ } = value;
    match goal.measure {
        Measure::Plain(Unit::Answers) => of_unit(middle, Unit::Answers),
        Measure::Plain(unit) => format!("{} [{low:.1}–{high:.1}]", of_unit(middle, unit)),
        _ => format!("{middle:.2} [{low:.2}–{high:.2}]"),
    }
}

fn of_unit(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Milliseconds => format!("{value:.1} ms"),
        Unit::Kilobytes => format!("{value:.1} kB"),
        Unit::Answers => format!("{value:.0}"),
    }
}

/// A column of a case's table: what it is called, and the figure with its number of decimals.
const COLUMNS: [(&str, Figure, usize); 10] = [
    ("CPU µs", Figure::Cpu, 1),
    ("a second", Figure::PerSecond, 0),
    ("busy", Figure::Busy, 2),
    ("p50 µs", Figure::P50, 0),
    ("p99 µs", Figure::P99, 0),
    ("added µs", Figure::Added, 0),
    ("first new ms", Figure::FirstNew, 1),
    ("at rest kB", Figure::AtRest, 0),
    ("loaded kB", Figure::Loaded, 0),
    ("kB a connection", Figure::PerConnection, 1),
];

/// `None` if nothing was measured or to be measured of it.
fn of_case(report: &Report, case: &Case) -> Option<String> {
    let present: Vec<Proxy> = report.proxies.keys().copied().filter(|proxy| is_of(report, case, *proxy)).collect();
    present.iter().find(|proxy| report.of(case.name, **proxy).next().is_some())?;
    let columns: Vec<_> = COLUMNS.into_iter().filter(|(_, figure, _)| concerns(case, *figure)).collect();
    let head: String = columns.iter().map(|(name, ..)| format!(" {name} |")).collect();
    let line = "---:|".repeat(columns.len() + 3);
    let mut text = format!(
        "### {}: {}\n\n| proxy | n | CPU × Envoy [95 %] | lost, wrong |{head}\n|---|{line}\n",
        case.name, case.title
    );
    for proxy in present {
        text.push_str(&row(report, case, proxy, &columns));
    }
    Some(text)
}

fn is_of(report: &Report, case: &Case, proxy: Proxy) -> bool {
    let missing = matches!(report.proxies.get(&proxy), Some(Presence::Missing(_)));
    missing || report.of(case.name, proxy).next().is_some() || absence(report, case, proxy).is_some()
}

fn absence<'a>(report: &'a Report, case: &Case, proxy: Proxy) -> Option<&'a str> {
    let found = report.absent.iter().find(|absent| absent.case == case.name && absent.proxy == proxy);
    found.map(|absent| absent.why.as_str())
}

/// Only what the case is about.
fn concerns(case: &Case, figure: Figure) -> bool {
    match figure {
        Figure::Added => matches!(case.kind, Kind::Streams { .. }),
        Figure::FirstNew => case.edits > 0,
        // Of processes that a reload ends and begins nothing is known.
        Figure::Cpu | Figure::Busy if case.edits > 0 => false,
        Figure::Cpu | Figure::Busy | Figure::PerSecond | Figure::P50 | Figure::P99 => !matches!(case.kind, Kind::Idle),
        _ => true,
    }
}

fn row(report: &Report, case: &Case, proxy: Proxy, columns: &[(&str, Figure, usize)]) -> String {
    let rounds = report.of(case.name, proxy).count();
    if rounds == 0 {
        let missing = match report.proxies.get(&proxy) {
            Some(Presence::Missing(why)) => Some(why.as_str()),
            _ => absence(report, case, proxy),
        };
        return format!("| {} | 0 | {} | |{}\n", proxy.name(), missing.unwrap_or("–"), " |".repeat(columns.len()));
    }
    let ratio = match proxy {
        _ if !concerns(case, Figure::Cpu) => "–".to_owned(),
        Proxy::Envoy => "1".to_owned(),
        _ => of(report.over_envoy(case.name, proxy, Figure::Cpu).into_values().collect(), |e| {
            format!("{:.2} [{:.2}–{:.2}]", e.middle, e.low, e.high)
        }),
    };
    let faults: f64 = report.figure(case.name, proxy, Figure::Faults).values().sum();
    let values: String = columns
        .iter()
        .map(|(_, figure, decimals)| {
            let values = report.figure(case.name, proxy, *figure).into_values().collect();
            format!(" {} |", of(values, |estimate| format!("{:.*}", decimals, estimate.middle)))
        })
        .collect();
    format!("| {} | {rounds} | {ratio} | {faults:.0} |{values}\n", proxy.name())
}

fn of(values: Vec<f64>, say: impl Fn(Estimate) -> String) -> String {
    estimate(&values).map_or_else(|| "–".to_owned(), say)
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = text.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side_by_side::report::Absent;
    use crate::side_by_side::report::tests::report;

    const GOLDEN: &str = "\
2026-11-28, commit 0123abc; 2 × A processor, 4096 MB, Linux 6.1.0.
`cargo bench`: 2 rounds of 1 s each.

* Sluice: sluice 0.1.0
* Envoy: 1.40.0
* nginx: **missing**: there is no network
* direct: this bench's own
";

    const CASE: &str = "\
### sat64: small requests, 64 connections

| proxy | n | CPU × Envoy [95 %] | lost, wrong | CPU µs | a second | busy | p50 µs | p99 µs | at rest kB | loaded kB | kB a connection |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
| Sluice | 2 | 0.36 [0.36–0.36] | 0 | 18.0 | 25000 | 0.90 | 20 | 60 | 1000 | 1640 | 10.0 |
| Envoy | 2 | 1 | 0 | 50.0 | 10000 | 1.00 | 50 | 150 | 1000 | 1640 | 10.0 |
| nginx | 0 | there is no network | | | | | | | | | |
| direct | 2 | – | 0 | – | 35000 | – | 10 | 30 | – | – | – |
";

    #[test]
    fn a_run_is_told_with_what_is_missing() {
        let text = whole(&report());
        assert!(text.starts_with(GOLDEN), "{text}");
        assert!(text.ends_with(CASE), "{text}");
    }

    #[test]
    fn goals_are_told_with_their_intervals() {
        let text = goals(&report());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[2], "| CPU per small request, 64 connections | ≤ 0.40 × Envoy | 0.36 [0.36–0.36] | yes |");
        assert_eq!(lines[4], "| latency at 2,000 a second, p50 | ≤ 0.55 × Envoy | – | not measured |");
        assert_eq!(lines.len(), GOALS.len() + 2);
        assert!(text.contains("| memory per idle connection | ≤ 12.0 kB | – | not measured |"), "{text}");
    }

    #[test]
    fn a_proxy_that_could_not_be_measured_says_why() {
        let mut report = report();
        report.samples.retain(|sample| sample.proxy != Proxy::Direct);
        let why = "it has ended".to_owned();
        report.absent.push(Absent { case: "sat64".into(), proxy: Proxy::Direct, why, is_fault: true });
        assert!(whole(&report).contains("* **fault**: sat64, direct: it has ended\n"));
        assert!(whole(&report).ends_with("| direct | 0 | it has ended | | | | | | | | | |\n"));
    }

    #[test]
    fn a_quick_run_is_no_result() {
        let mut report = report();
        report.plan.quick = true;
        assert!(whole(&report).contains("no result"));
    }
}
