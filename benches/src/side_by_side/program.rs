//! The programs of the proxies: where they are, or why they are not.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::output::say;
use super::peer::version_flag;
use super::proxy::Proxy;

/// What is known of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

/// A proxy as the result names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Presence {
    /// Its version, in its own words.
    Version(String),
    /// Why it was not measured.
    Missing(String),
}

/// Programs that the command line names.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
pub(crate) struct Named {
    /// The program under test. By default cargo builds it, in its release profile.
    #[arg(long, value_name = "PATH")]
    pub(crate) sluice: Option<PathBuf>,
    /// The program of agentgateway, to be measured, too.
    #[arg(long, value_name = "PATH")]
    pub(crate) agentgateway: Option<PathBuf>,
}

/// The programs that are there, and of all proxies what is known.
pub(crate) fn find_all(proxies: &[Proxy], named: &Named) -> (BTreeMap<Proxy, Program>, BTreeMap<Proxy, Presence>) {
    let (mut programs, mut presences) = (BTreeMap::new(), BTreeMap::new());
    for proxy in proxies {
        let found = find(*proxy, named);
        presences.insert(*proxy, Presence::of(proxy.name(), &found));
        programs.extend(found.ok().map(|program| (*proxy, program)));
    }
    (programs, presences)
}

impl Presence {
    /// Of a program that was looked for, which is told.
    pub(crate) fn of(name: &str, found: &io::Result<Program>) -> Self {
        match found {
            Ok(program) => {
                say(&format!("{name}: {}", program.version));
                Self::Version(program.version.clone())
            }
            Err(error) => {
                say(&format!("{name}: missing: {error}"));
                Self::Missing(error.to_string())
            }
        }
    }
}

/// A program that `benches/setup` knows, fetched if need be.
pub(crate) fn fetched(name: &str) -> io::Result<Program> {
    let path = set_up(name)?;
    let version = version(&path, "--version")?;
    Ok(Program { path, version })
}

/// Finds a proxy's program; a peer's is fetched first if need be.
fn find(proxy: Proxy, named: &Named) -> io::Result<Program> {
    let path = match proxy {
        Proxy::Sluice => named.sluice.clone().map_or_else(built, Ok)?,
        Proxy::Agentgateway => {
            named.agentgateway.clone().ok_or_else(|| io::Error::other("name it by --agentgateway PATH"))?
        }
        Proxy::Envoy | Proxy::Nginx | Proxy::Haproxy | Proxy::Litellm => set_up(&proxy.name().to_lowercase())?,
        Proxy::Floor | Proxy::Direct => std::env::current_exe()?,
    };
    let version = match proxy {
        Proxy::Floor | Proxy::Direct => "this bench's own".to_owned(),
        // Which is not of the commit that the result names.
        Proxy::Sluice if named.sluice.is_some() => format!("{}, by --sluice", version(&path, "--version")?),
        _ => version(&path, version_flag(proxy))?,
    };
    Ok(Program { path, version })
}

/// In the profile of this bench, by cargo, which says it if it does not build.
fn built() -> io::Result<PathBuf> {
    Ok(sluice_testkit::sluice::program())
}

/// Fetches a peer. The script's words are progress; the last of them are the reason if it fails.
fn set_up(name: &str) -> io::Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("setup");
    let mut command = Command::new("bash");
    command.arg(script).arg(name).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut reason = "benches/setup failed".to_owned();
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines()) {
        reason = line?;
        say(&reason);
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(reason));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    printed.lines().last().map(PathBuf::from).ok_or_else(|| io::Error::other("benches/setup says no path"))
}

/// The first line that it says of itself, without the path that some begin with.
fn version(program: &Path, flag: &str) -> io::Result<String> {
    let output = Command::new(program).arg(flag).stdin(Stdio::null()).output();
    let output = output.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", program.display())))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("unknown");
    Ok(line.trim_start_matches(&*program.to_string_lossy()).trim().to_owned())
}
