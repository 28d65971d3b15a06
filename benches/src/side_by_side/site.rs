//! A proxy that runs and is ready, or the mock itself.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::time::sleep;

use super::ask::until_ready;
use super::case::{Case, Upstream};
use super::child::{Family, Part, bound};
use super::job::{Job, KEY, PREFIX, PROVIDER};
use super::mock::Addresses;
use super::peer::{self, Learns};
use super::program::Program;
use super::proxy::Proxy;
use super::tree::Tree;
use super::work::{Path as Asked, Seen};

/// Longest wait for a proxy to be ready; with many routes some read for seconds, and LiteLLM does at any time.
const START: Duration = Duration::from_secs(60);
/// How often the memory of a proxy is looked at until it is at rest.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
const LOOKS: usize = 40;

/// Where the provider is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider<'a> {
    pub(crate) addresses: Addresses,
    /// The file with the authority that has signed its certificate.
    pub(crate) authority: &'a Path,
}

/// What requests are sent to.
pub(crate) struct Site {
    pub(crate) proxy: Proxy,
    pub(crate) address: SocketAddr,
    running: Running,
}

enum Running {
    /// The mock itself.
    Nothing,
    Floor(Part),
    Proxy {
        family: Family,
        job: Job,
        _folder: TempDir,
    },
}

#[derive(Deserialize)]
struct Listening {
    listening: SocketAddr,
}

impl Site {
    /// Starts a proxy on these processors and waits until it answers.
    pub(crate) async fn open(
        proxy: Proxy,
        case: &Case,
        program: &Program,
        provider: Provider<'_>,
        processors: &str,
    ) -> io::Result<Self> {
        match proxy {
            Proxy::Direct => Ok(Self { proxy, address: provider.addresses.plain, running: Running::Nothing }),
            Proxy::Floor => Self::floor(provider.addresses.plain, processors).await,
            _ => Self::proxy(proxy, case, program, provider, processors).await,
        }
    }

    async fn floor(provider: SocketAddr, processors: &str) -> io::Result<Self> {
        let mut role = Part::start(processors, &["floor".as_ref(), provider.to_string().as_ref()])?;
        let Listening { listening } = role.says(START).await?;
        Ok(Self { proxy: Proxy::Floor, address: listening, running: Running::Floor(role) })
    }

    async fn proxy(
        proxy: Proxy,
        case: &Case,
        program: &Program,
        provider: Provider<'_>,
        processors: &str,
    ) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let job = job(case, provider, folder.path())?;
        let launch = peer::prepare(proxy, &job)?;
        let log = File::create(job.file("log"))?;
        let mut command = bound(processors, &program.path);
        command.args(launch.args).envs(launch.env).stdout(Stdio::null()).stderr(log);
        let mut family = Family::start(&mut command)?;
        let (path, expected) = (first(&case.path(proxy)), seen(PREFIX));
        let ready = tokio::select! {
            ready = until_ready(job.listen, &path, &expected, START) => ready,
            ended = family.ended() => Err(io::Error::other(format!("it has ended with {}", ended?))),
        };
        ready.map_err(|error| {
            let log = std::fs::read_to_string(job.file("log")).unwrap_or_default();
            io::Error::other(format!("{error}; its log ends with: {}", tail(&log)))
        })?;
        Ok(Self { proxy, address: job.listen, running: Running::Proxy { family, job, _folder: folder } })
    }

    /// Its processes; `None` where there is no proxy.
    pub(crate) fn tree(&self) -> io::Result<Option<Tree>> {
        match &self.running {
            Running::Nothing => Ok(None),
            Running::Floor(role) => role.pid().map(|pid| Some(Tree::of(pid))),
            Running::Proxy { family, .. } => family.tree().map(Some),
        }
    }

    /// Its memory in kB once that stays as it is.
    pub(crate) async fn memory_at_rest(&self) -> io::Result<Option<u64>> {
        let Some(tree) = self.tree()? else { return Ok(None) };
        let mut before = tree.memory()?;
        for _ in 0..LOOKS {
            sleep(BETWEEN_LOOKS).await;
            let now = tree.memory()?;
            if now.abs_diff(before) * 200 <= before {
                return Ok(Some(now));
            }
            before = now;
        }
        Ok(Some(before))
    }

    /// Changes what the prefix becomes, as a user would.
    pub(crate) fn edit(&mut self, prefix: &'static str) -> io::Result<()> {
        let Running::Proxy { family, job, .. } = &mut self.running else {
            return Err(io::Error::other("it has no configuration"));
        };
        job.prefix = prefix;
        match peer::edit(self.proxy, job)? {
            Learns::ByItself => Ok(()),
            Learns::By(signal) => family.signal(signal),
        }
    }
}

fn job(case: &Case, provider: Provider<'_>, folder: &Path) -> io::Result<Job> {
    let Addresses { plain, tls_h1, tls_h2 } = provider.addresses;
    let address = match case.upstream {
        Upstream::Plain => plain,
        Upstream::TlsH1 => tls_h1,
        Upstream::TlsH2 => tls_h2,
    };
    Ok(Job {
        folder: folder.to_owned(),
        listen: free()?,
        provider: address,
        upstream: case.upstream,
        authority: provider.authority.to_owned(),
        routes: case.routes,
        prefix: PREFIX,
        workers: case.workers,
    })
}

/// An address that nobody has right now.
fn free() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

/// The first path that is asked for.
pub(crate) fn first(path: &Asked) -> String {
    match path {
        Asked::One(path) => path.clone(),
        Asked::Numbered(_) => "/r0/chat/completions".to_owned(),
    }
}

/// What has to reach the provider.
pub(crate) fn seen(prefix: &str) -> Seen {
    Seen { path: format!("{prefix}/chat/completions"), host: PROVIDER.to_owned(), authorization: KEY.to_owned() }
}

/// The last things that a log says.
pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let end = lines[lines.len().saturating_sub(3)..].join(" / ");
    end.chars().take(400).collect()
}
