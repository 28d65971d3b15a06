//! The client: AIPerf, started as its users start it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::outcome::Outcome;
use crate::side_by_side::child::{Family, bound};
use crate::side_by_side::processors::LOAD;
use crate::side_by_side::program::Program;
use crate::side_by_side::site::tail;
use crate::side_by_side::wire::{EVENTS, PROMPT_TOKENS};

/// As `benches/setup` knows it.
pub(crate) const NAME: &str = "aiperf";
/// Made by `benches/setup`, and laid where the client keeps what it has fetched.
const TOKENIZER: &str = "sluice/bytes";
/// Where it writes its report, in its folder.
const EXPORT: &str = "profile_export_aiperf.json";
/// Beyond the load itself: it starts eight processes, each of which imports for seconds.
const SLACK: Duration = Duration::from_secs(180);

/// What it does each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Load {
    /// How many are measured.
    pub(crate) requests: u64,
    /// How many come before.
    pub(crate) warm_up: u64,
    /// At moments of chance (Poisson) that are the same each time.
    pub(crate) per_second: u64,
    /// Of each answer.
    pub(crate) tokens: u64,
    /// From a request to its first token, as the provider takes it.
    pub(crate) wait_ms: u64,
    /// From one token to the next.
    pub(crate) pause_ms: u64,
}

impl Load {
    /// So many requests, of some 22 streams at a time.
    pub(crate) fn of(requests: u64) -> Self {
        Self { requests, warm_up: 10, per_second: 20, tokens: 50, wait_ms: 100, pause_ms: 20 }
    }

    fn lasts(&self) -> Duration {
        let sending = (self.warm_up + self.requests) * 1000 / self.per_second;
        Duration::from_millis(sending + 2 * (self.wait_ms + self.tokens * self.pause_ms))
    }
}

/// Runs it once against `http://ADDRESS` with this path, and reads its report.
pub(crate) async fn run(program: &Program, base: &str, path: &str, load: &Load) -> io::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let (log, export) = (folder.path().join("log"), folder.path().join(EXPORT));
    let output = File::create(&log)?;
    let mut command = bound(LOAD, &program.path);
    command.args(args(folder.path(), base, path, load)).envs(env(&home(&program.path), folder.path()));
    command.stdout(Stdio::from(output.try_clone()?)).stderr(output);
    let mut family = Family::start(&mut command)?;
    let ended = timeout(SLACK + load.lasts(), family.ended()).await;
    let reason = match ended {
        Ok(status) => match std::fs::read(&export) {
            Ok(report) => return Outcome::read(&report),
            Err(_) => format!("it has ended with {} and without a report", status?),
        },
        Err(_) => "it did not end in time".to_owned(),
    };
    let log = std::fs::read(&log).unwrap_or_default();
    Err(io::Error::other(format!("{NAME}: {reason}; its output ends with: {}", tail(&String::from_utf8_lossy(&log)))))
}

fn args(folder: &Path, base: &str, path: &str, load: &Load) -> Vec<OsString> {
    let Load { requests, warm_up, per_second, tokens, wait_ms, pause_ms } = load;
    let asks = format!("{EVENTS}: chat {tokens} {wait_ms} {pause_ms}");
    let values = [
        ("--model", "bench-1".to_owned()),
        ("--url", base.to_owned()),
        ("--custom-endpoint", path.to_owned()),
        ("--endpoint-type", "chat".to_owned()),
        ("--api-key", "placeholder".to_owned()),
        ("--header", asks),
        ("--tokenizer", TOKENIZER.to_owned()),
        ("--isl", PROMPT_TOKENS.to_string()),
        ("--osl", tokens.to_string()),
        // By concurrency alone it would spin between requests, on the processor of the provider.
        ("--request-rate", per_second.to_string()),
        ("--arrival-pattern", "poisson".to_owned()),
        ("--random-seed", "1".to_owned()),
        ("--request-count", requests.to_string()),
        ("--warmup-request-count", warm_up.to_string()),
        ("--workers-max", "1".to_owned()),
        ("--record-processors", "1".to_owned()),
        ("--ui", "none".to_owned()),
    ];
    let mut args: Vec<OsString> = vec!["profile".into(), "--streaming".into()];
    args.extend(["--no-gpu-telemetry".into(), "--no-server-metrics".into()]);
    args.extend(values.into_iter().flat_map(|(name, value)| [OsString::from(name), value.into()]));
    args.extend(["--output-artifact-dir".into(), folder.into()]);
    args
}

/// Nothing is fetched, and what it writes beside its report goes with the folder.
fn env(home: &Path, folder: &Path) -> [(&'static str, OsString); 4] {
    [
        ("HF_HOME", home.into()),
        ("HF_HUB_OFFLINE", "1".into()),
        ("TRANSFORMERS_OFFLINE", "1".into()),
        ("TMPDIR", folder.into()),
    ]
}

/// Where `benches/setup` has laid the tokenizer, beside the folder of the program.
fn home(program: &Path) -> PathBuf {
    program.ancestors().nth(2).unwrap_or(program).join("home")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_the_whole_load() {
        let args = args(Path::new("/there"), "http://127.0.0.1:1", "/v1/chat/completions", &Load::of(40));
        let args: Vec<_> = args.iter().map(|arg| arg.to_str().unwrap()).collect();
        let value = |name| args[args.iter().position(|arg| *arg == name).unwrap() + 1];
        assert_eq!(value("--header"), "x-events: chat 50 100 20");
        assert_eq!((value("--request-count"), value("--request-rate"), value("--osl")), ("40", "20", "50"));
        assert_eq!((value("--custom-endpoint"), value("--output-artifact-dir")), ("/v1/chat/completions", "/there"));
    }

    #[test]
    fn its_tokenizer_lies_beside_it() {
        assert_eq!(home(Path::new("/cache/aiperf/bin/aiperf")), Path::new("/cache/aiperf/home"));
    }

    #[test]
    fn a_load_lasts_as_long_as_its_requests_and_their_answers() {
        assert_eq!(Load::of(390).lasts(), Duration::from_millis(20_000 + 2 * 1100));
    }
}
