//! The command line of the bench.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

use super::case::{CASES, Case, SLOW};
use super::measure::Times;
use super::program::Named;
use super::proxy::Proxy;

const EXAMPLES: &str = "\
Examples:
  cargo bench -p sluice-benches --bench side_by_side -- --quick
  cargo bench -p sluice-benches --bench side_by_side -- --case sat64 --case mb1 --rounds 9
  cargo bench -p sluice-benches --bench side_by_side -- --proxy sluice --proxy envoy --sluice target/release/sluice
  cargo bench -p sluice-benches --bench side_by_side -- --proxy envoy --proxy litellm --case slow
  cargo bench -p sluice-benches --bench side_by_side -- --table benches/results/side_by_side.json

Exit codes: 0 it was measured, however long things took; 1 a proxy answered wrongly, lost an answer or did
not start (nginx and HAProxy may lose some at a reload); 2 the command line is wrong.";

/// Sluice, Envoy, nginx, HAProxy and other proxies side by side, in front of the same provider, in one run.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "side_by_side", max_term_width = 110, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Measure this proxy; may be repeated. By default all but LiteLLM, which takes minutes to install; agentgateway if
    /// it is named. Envoy, nginx and HAProxy are fetched if need be, by `benches/setup`.
    #[arg(long = "proxy", value_enum, value_name = "PROXY")]
    pub(crate) proxies: Vec<Proxy>,
    /// Measure this case; may be repeated. By default all.
    #[arg(long = "case", value_name = "CASE", value_parser = case)]
    pub(crate) cases: Vec<&'static str>,
    /// How often each proxy is measured in each case, in turns.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: u16,
    /// How long each measurement takes, after a warm-up.
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) seconds: u16,
    /// One short round of each case with fewer connections, routes and edits: it shows that everything works.
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    pub(crate) quick: bool,
    /// Where the result goes: side_by_side.json, .md and .svg. By default target/side_by_side of the workspace.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) named: Named,
    /// Measure nothing: print the table of goals of an earlier run.
    #[arg(long, value_name = "FILE")]
    pub(crate) table: Option<PathBuf>,
    /// What cargo tells each bench.
    #[arg(long = "bench", hide = true)]
    pub(crate) is_bench: bool,
}

impl Args {
    /// The proxies that are to be measured.
    pub(crate) fn proxies(&self) -> Vec<Proxy> {
        use Proxy::{Agentgateway, Direct, Envoy, Floor, Haproxy, Nginx, Sluice};
        match (self.proxies.is_empty(), &self.named.agentgateway) {
            (false, _) => self.proxies.clone(),
            (true, None) => vec![Sluice, Envoy, Nginx, Haproxy, Floor, Direct],
            (true, Some(_)) => vec![Sluice, Envoy, Nginx, Haproxy, Agentgateway, Floor, Direct],
        }
    }

    /// The cases that are to be measured.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let is_asked = |case: &&Case| match self.cases.is_empty() {
            false => self.cases.contains(&case.name),
            // The slow case is for one proxy.
            true => case.name != SLOW[0].name || self.proxies.contains(&Proxy::Litellm),
        };
        let cases = CASES.iter().chain(SLOW).filter(is_asked).copied();
        cases.map(|case| if self.quick { case.short() } else { case }).collect()
    }

    /// Where the result goes.
    pub(crate) fn out(&self) -> PathBuf {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        self.out.clone().unwrap_or_else(|| benches.with_file_name("target").join("side_by_side"))
    }

    /// How often.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 1 } else { usize::from(self.rounds) }
    }

    /// How long.
    pub(crate) fn times(&self) -> Times {
        match self.quick {
            true => Times { warm_up: Duration::from_millis(200), measure: Duration::from_millis(600) },
            false => Times { warm_up: Duration::from_secs(1), measure: Duration::from_secs(u64::from(self.seconds)) },
        }
    }
}

fn case(name: &str) -> Result<&'static str, String> {
    let names = || CASES.iter().chain(SLOW).map(|case| case.name);
    let found = names().find(|known| *known == name);
    found.ok_or_else(|| format!("there are: {}", names().collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Result<Args, String> {
        Args::try_parse_from([&["side_by_side"], args].concat()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn everything_is_the_default_but_what_takes_minutes_to_install() {
        let args = parse(&["--bench"]).unwrap();
        assert_eq!((args.cases().len(), args.rounds()), (CASES.len(), 5));
        assert!(!args.proxies().contains(&Proxy::Litellm) && !args.proxies().contains(&Proxy::Agentgateway));
        assert!(parse(&["--agentgateway", "x"]).unwrap().proxies().contains(&Proxy::Agentgateway));
    }

    #[test]
    fn proxies_and_cases_may_be_repeated() {
        let args = parse(&["--proxy", "sluice", "--proxy", "haproxy", "--case", "mb1", "--case", "sat64"]).unwrap();
        assert_eq!(args.proxies(), [Proxy::Sluice, Proxy::Haproxy]);
        // In the order of the table.
        assert_eq!(args.cases().iter().map(|case| case.name).collect::<Vec<_>>(), ["sat64", "mb1"]);
    }

    #[test]
    fn mistakes_are_told_with_their_remedy() {
        assert!(parse(&["--case", "x"]).unwrap_err().contains("there are: sat64, "));
        assert!(parse(&["--proxy", "x"]).unwrap_err().contains("sluice, envoy"));
        assert!(parse(&["--rounds", "0"]).is_err());
    }
}
