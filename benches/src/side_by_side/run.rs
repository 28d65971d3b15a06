//! The run: all cases, round by round, each proxy in turn.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use super::args::Args;
use super::case::Case;
use super::child::Part;
use super::machine::Machine;
use super::measure::{Turn, measure};
use super::mock::Addresses;
use super::output::{print, say};
use super::processors::{LOAD, keep_off_proxies};
use super::program::{Program, find_all};
use super::proxy::Proxy;
use super::report::{Absent, Plan, Report};
use super::role::allow_files;
use super::sample::{Figure, Sample};
use super::site::Provider;
use super::{plot, table};

/// For the mock to have its ports.
const START: Duration = Duration::from_secs(20);

/// Columns of the progress.
const PROGRESS: [(&str, Figure); 6] = [
    ("CPU µs", Figure::Cpu),
    ("a second", Figure::PerSecond),
    ("p50 µs", Figure::P50),
    ("p99 µs", Figure::P99),
    ("kB a connection", Figure::PerConnection),
    ("first new ms", Figure::FirstNew),
];

/// Does what the command line says.
///
/// # Errors
/// The mock does not start, or the result cannot be written or read.
pub fn run() -> io::Result<ExitCode> {
    let args = Args::parse();
    if let Some(file) = &args.table {
        print(&table::goals(&read(file)?));
        return Ok(ExitCode::SUCCESS);
    }
    let (programs, proxies) = find_all(&args.proxies(), &args.named);
    let machine = Machine::this();
    // Proxies inherit it.
    allow_files()?;
    keep_off_proxies()?;
    let mut report = Report { machine, plan: plan(&args), proxies, absent: Vec::new(), samples: Vec::new() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure_all(&args, &programs, &mut report))?;
    write(&args.out(), &report)?;
    Ok(if report.faults().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: &Path) -> io::Result<Report> {
    serde_json::from_str(&fs::read_to_string(file)?)
        .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))
}

fn plan(args: &Args) -> Plan {
    let flags: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let command = format!("cargo bench -p sluice-benches --bench side_by_side -- {}", flags.join(" "));
    let seconds = args.times().measure.as_secs_f64();
    Plan { command: command.trim_end_matches([' ', '-']).to_owned(), rounds: args.rounds(), seconds, quick: args.quick }
}

async fn measure_all(args: &Args, programs: &BTreeMap<Proxy, Program>, report: &mut Report) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let authority = folder.path().join("ca.crt");
    let mut mock = Part::start(LOAD, &["mock".as_ref(), "--ca".as_ref(), authority.as_ref()])?;
    let addresses: Addresses = mock.says(START).await?;
    let provider = Provider { addresses, authority: &authority };
    let (cases, times, begun) = (args.cases(), args.times(), Instant::now());
    note_exclusions(&cases, programs, report);
    for round in 0..args.rounds() {
        for case in &cases {
            for proxy in order(programs, case, round) {
                let turn = Turn { round, case, proxy, times };
                let result = measure(&turn, &programs[&proxy], provider).await;
                let place = format!(
                    "{:5} s  round {}  {:11} {:12}",
                    begun.elapsed().as_secs(),
                    round + 1,
                    case.name,
                    proxy.name()
                );
                note(report, &turn, &place, result);
            }
        }
    }
    Ok(())
}

fn note(report: &mut Report, turn: &Turn<'_>, place: &str, result: io::Result<Sample>) {
    match result {
        Ok(sample) => {
            say(&format!("{place} {}", summary(&sample)));
            report.samples.push(sample);
        }
        Err(error) => {
            say(&format!("{place} FAILED: {error}"));
            let (case, why) = (turn.case.name.to_owned(), error.to_string());
            report.absent.push(Absent { case, proxy: turn.proxy, why, is_fault: true });
        }
    }
}

/// Those that the case is for, beginning with another one in each round.
fn order(programs: &BTreeMap<Proxy, Program>, case: &Case, round: usize) -> Vec<Proxy> {
    let mut proxies: Vec<Proxy> = programs.keys().copied().filter(|proxy| case.is_not_for(*proxy).is_none()).collect();
    let shift = round % proxies.len().max(1);
    proxies.rotate_left(shift);
    proxies
}

fn note_exclusions(cases: &[Case], programs: &BTreeMap<Proxy, Program>, report: &mut Report) {
    for case in cases {
        for proxy in programs.keys() {
            if let Some(why) = case.is_not_for(*proxy) {
                let (case, why) = (case.name.to_owned(), why.to_owned());
                report.absent.push(Absent { case, proxy: *proxy, why, is_fault: false });
            }
        }
    }
}

/// Of one measurement, while others are made.
fn summary(sample: &Sample) -> String {
    let values = PROGRESS.iter().filter_map(|(name, figure)| Some(format!("{name} {:.1}", figure.of(sample, None)?)));
    let mut parts: Vec<String> = values.collect();
    let measured = &sample.measured;
    if measured.lost + measured.wrong > 0 {
        let first = measured.first_fault.as_deref().unwrap_or("unknown");
        parts.push(format!("lost {}, wrong {}: {first}", measured.lost, measured.wrong));
    }
    parts.join(", ")
}

fn write(folder: &Path, report: &Report) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let text = table::whole(report);
    fs::write(folder.join("side_by_side.json"), serde_json::to_string_pretty(report)?)?;
    fs::write(folder.join("side_by_side.md"), &text)?;
    fs::write(folder.join("side_by_side.svg"), plot::svg(report))?;
    print(&text);
    say(&format!("written: {}/side_by_side.{{json,md,svg}}", folder.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::side_by_side::case::CASES;

    #[test]
    fn each_proxy_is_as_often_the_first() {
        let program = || Program { path: PathBuf::new(), version: String::new() };
        let proxies = [Proxy::Sluice, Proxy::Envoy, Proxy::Nginx];
        let programs: BTreeMap<_, _> = proxies.into_iter().map(|proxy| (proxy, program())).collect();
        let firsts: Vec<_> = (0..4).map(|round| order(&programs, &CASES[0], round)[0]).collect();
        assert_eq!(firsts, [Proxy::Sluice, Proxy::Envoy, Proxy::Nginx, Proxy::Sluice]);
    }
}
