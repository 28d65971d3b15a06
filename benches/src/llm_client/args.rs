//! The command line of the bench.

use std::path::{Path, PathBuf};

use clap::Parser;

use super::client::Load;
use crate::side_by_side::program::Named;
use crate::side_by_side::proxy::Proxy;

const EXAMPLES: &str = "\
Examples:
  cargo bench -p sluice-benches --bench llm_client -- --quick
  cargo bench -p sluice-benches --bench llm_client -- --rounds 9 --proxy sluice --proxy envoy --proxy haproxy

Exit codes: 0 it was measured, however long things took; 1 a request failed or its answer was not whole, the client or
a proxy did not start, or there is no client; 2 the command line is wrong.";

/// A benchmark client of the LLM world (AIPerf) against the same provider: directly, and through proxies.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "llm_client", max_term_width = 110, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Put this proxy in between; may be repeated. By default Sluice and Envoy. What is missing, and the client, is fetched
    /// by `benches/setup`.
    #[arg(long = "proxy", value_enum, value_name = "PROXY")]
    proxies: Vec<Proxy>,
    /// How often each is measured, in turns.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How many requests the client sends each time, 20 a second.
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u16).range(1..))]
    requests: u16,
    /// One round of 40 requests: it shows that everything works.
    #[arg(long, conflicts_with_all = ["rounds", "requests"])]
    pub(crate) quick: bool,
    /// Where the result goes: llm_client.json and .md. By default target/llm_client of the workspace.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) named: Named,
    /// What cargo tells each bench.
    #[arg(long = "bench", hide = true)]
    is_bench: bool,
}

impl Args {
    /// What is measured, each once: no proxy at all, which the others are set against, and then the proxies.
    pub(crate) fn proxies(&self) -> Vec<Proxy> {
        let asked = if self.proxies.is_empty() { &[Proxy::Sluice, Proxy::Envoy] } else { &*self.proxies };
        let mut proxies = vec![Proxy::Direct];
        for proxy in asked {
            if !proxies.contains(proxy) {
                proxies.push(*proxy);
            }
        }
        proxies
    }

    /// Where the result goes.
    pub(crate) fn out(&self) -> PathBuf {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        self.out.clone().unwrap_or_else(|| benches.with_file_name("target").join("llm_client"))
    }

    /// How often.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 1 } else { usize::from(self.rounds) }
    }

    /// What the client does each time.
    pub(crate) fn load(&self) -> Load {
        Load::of(if self.quick { 40 } else { u64::from(self.requests) })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Result<Args, String> {
        Args::try_parse_from([&["llm_client"], args].concat()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn direct_is_always_there_and_nothing_twice() {
        let proxies = |args| parse(args).unwrap().proxies();
        assert_eq!(proxies(&["--bench"]), [Proxy::Direct, Proxy::Sluice, Proxy::Envoy]);
        let twice = ["--proxy", "nginx", "--proxy", "direct", "--proxy", "nginx"];
        assert_eq!(proxies(&twice), [Proxy::Direct, Proxy::Nginx]);
    }

    #[test]
    fn a_quick_run_is_short() {
        let (quick, whole) = (parse(&["--quick"]).unwrap(), parse(&[]).unwrap());
        assert_eq!((quick.rounds(), whole.rounds()), (1, 5));
        assert!(quick.load().requests < whole.load().requests);
        assert!(parse(&["--quick", "--rounds", "2"]).is_err());
    }

    #[test]
    fn mistakes_are_told() {
        assert!(parse(&["--proxy", "x"]).unwrap_err().contains("sluice, envoy"));
        assert!(parse(&["--rounds", "0"]).is_err() && parse(&["--requests", "0"]).is_err());
    }
}
