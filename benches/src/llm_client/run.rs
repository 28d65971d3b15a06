//! The run: round by round, each in turn.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use super::args::Args;
use super::client;
use super::outcome::Outcome;
use super::report::{Absent, Plan, Report, Sample};
use super::table;
use crate::side_by_side::case::{Case, Routes};
use crate::side_by_side::child::Part;
use crate::side_by_side::machine::Machine;
use crate::side_by_side::mock::Addresses;
use crate::side_by_side::output::{print, say};
use crate::side_by_side::processors::{keep_off_proxies, provider_apart, proxies};
use crate::side_by_side::program::{Presence, Program, fetched, find_all};
use crate::side_by_side::proxy::Proxy;
use crate::side_by_side::role::allow_files;
use crate::side_by_side::site::{Provider, Site, first};
use crate::side_by_side::work::Kind;

/// For the mock to have its ports.
const START: Duration = Duration::from_secs(20);

/// As the proxies are configured: `/v1` is no route in each of them. What is asked is the client's affair.
const CASE: Case = Case { routes: Routes::Numbered(1), ..Case::plain("llm_client", "chat completions", 1, Kind::Idle) };

/// Does what the command line says.
///
/// # Errors
/// The mock does not start, or the result cannot be written.
pub fn run() -> io::Result<ExitCode> {
    let args = Args::parse();
    let client = fetched(client::NAME);
    let presence = Presence::of("client", &client);
    let (programs, proxies) = find_all(&args.proxies(), &args.named);
    let (machine, plan) = (Machine::this(), plan(&args));
    let mut report = Report { machine, plan, client: presence, proxies, samples: Vec::new(), absent: Vec::new() };
    if let Ok(client) = client {
        // Proxies inherit it.
        allow_files()?;
        keep_off_proxies()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(measure_all(&client, &programs, &mut report))?;
    }
    write(&args.out(), &report)?;
    Ok(if report.faults().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn plan(args: &Args) -> Plan {
    let flags: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let command = format!("cargo bench -p sluice-benches --bench llm_client -- {}", flags.join(" "));
    let command = command.trim_end_matches([' ', '-']).to_owned();
    Plan { command, rounds: args.rounds(), quick: args.quick, load: args.load() }
}

async fn measure_all(client: &Program, programs: &BTreeMap<Proxy, Program>, report: &mut Report) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let authority = folder.path().join("ca.crt");
    // The client takes more than the other two together: beside it, the provider would be late by what the client works, and
    // without a proxy more than with one.
    let mut mock = Part::start(provider_apart(), &["mock".as_ref(), "--ca".as_ref(), authority.as_ref()])?;
    let addresses: Addresses = mock.says(START).await?;
    let provider = Provider { addresses, authority: &authority };
    for round in 0..report.plan.rounds {
        // Who is first changes from round to round.
        let mut turns: Vec<_> = programs.iter().collect();
        let shift = round % turns.len().max(1);
        turns.rotate_left(shift);
        for (proxy, program) in turns {
            let measured = measure(client, (*proxy, program), provider, report).await;
            note(report, round, *proxy, measured);
        }
    }
    Ok(())
}

async fn measure(
    client: &Program,
    (proxy, program): (Proxy, &Program),
    provider: Provider<'_>,
    report: &Report,
) -> io::Result<Outcome> {
    let site = Site::open(proxy, &CASE, program, provider, proxies(CASE.workers)).await?;
    let base = format!("http://{}", site.address);
    client::run(client, &base, &first(&CASE.path(proxy)), &report.plan.load).await
}

fn note(report: &mut Report, round: usize, proxy: Proxy, measured: io::Result<Outcome>) {
    let place = format!("round {}  {:8}", round + 1, proxy.name());
    match measured {
        Ok(outcome) => {
            let (first, between) = (outcome.first_token, outcome.between_tokens);
            say(&format!(
                "{place}  first token {:.2}, {:.2} ms; between tokens {:.2}, {:.2} ms; {} answered, {} failed",
                first.p50, first.p99, between.p50, between.p99, outcome.answered, outcome.failed
            ));
            report.samples.push(Sample { round, proxy, outcome });
        }
        Err(error) => {
            say(&format!("{place}  FAILED: {error}"));
            report.absent.push(Absent { round, proxy, why: error.to_string() });
        }
    }
}

fn write(folder: &Path, report: &Report) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let text = table::whole(report);
    fs::write(folder.join("llm_client.json"), serde_json::to_string_pretty(report)? + "\n")?;
    fs::write(folder.join("llm_client.md"), &text)?;
    print(&text);
    say(&format!("written: {}/llm_client.{{json,md}}", folder.display()));
    Ok(())
}
