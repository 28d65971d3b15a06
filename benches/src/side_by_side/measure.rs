//! One measurement: a proxy is started, loaded, looked at, and ended.

use std::io;
use std::time::Duration;

use super::case::Case;
use super::child::Part;
use super::editing;
use super::job::{EDITED, GATEWAY, KEY, PLACEHOLDER, PREFIX, PROVIDER};
use super::processors::{LOAD, proxies};
use super::program::Program;
use super::proxy::Proxy;
use super::sample::{Edits, Memory, Sample};
use super::site::{Provider, Site, seen};
use super::tree::{Cpu, Tree};
use super::work::{Measured, Said, Work};

/// Beyond what is measured, for connections to come and go.
const SLACK: Duration = Duration::from_secs(60);

/// How long is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) warm_up: Duration,
    pub(crate) measure: Duration,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn<'a> {
    pub(crate) round: usize,
    pub(crate) case: &'a Case,
    pub(crate) proxy: Proxy,
    pub(crate) times: Times,
}

/// Measures a proxy in a case.
pub(crate) async fn measure(turn: &Turn<'_>, program: &Program, provider: Provider<'_>) -> io::Result<Sample> {
    let Turn { round, case, proxy, times } = *turn;
    let mut site = Site::open(proxy, case, program, provider, proxies(case.workers)).await?;
    let at_rest = site.memory_at_rest().await?;
    let work = work(&site, case, times);
    let loaded = load(&mut site, case, times, &work).await?;
    let memory = at_rest.zip(loaded.memory).map(|(at_rest, loaded)| Memory { at_rest, loaded });
    let Loaded { measured, cpu, edits, memory: _ } = loaded;
    Ok(Sample { case: case.name.into(), round, proxy, connections: case.connections, measured, cpu, memory, edits })
}

fn work(site: &Site, case: &Case, times: Times) -> Work {
    let (host, authorization) = match site.proxy.leaves_requests_alone() {
        true => (PROVIDER, KEY),
        false => (GATEWAY, PLACEHOLDER),
    };
    let expected = if case.edits > 0 { vec![seen(PREFIX), seen(EDITED)] } else { vec![seen(PREFIX)] };
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Work {
        target: site.address,
        host: host.to_owned(),
        path: case.path(site.proxy),
        authorization: authorization.to_owned(),
        expected,
        connections: case.connections,
        warm_up_ms: millis(times.warm_up),
        measure_ms: millis(measured_for(case, times)),
        kind: case.kind,
    }
}

/// As long as edits take.
fn measured_for(case: &Case, times: Times) -> Duration {
    times.measure.max(editing::length(case.edits))
}

struct Loaded {
    measured: Measured,
    cpu: Option<Cpu>,
    memory: Option<u64>,
    edits: Option<Edits>,
}

async fn load(site: &mut Site, case: &Case, times: Times, work: &Work) -> io::Result<Loaded> {
    let argument = serde_json::to_string(work)?;
    let mut role = Part::start(LOAD, &["load".as_ref(), argument.as_ref()])?;
    let Said::Begins = role.says(times.warm_up + SLACK).await? else {
        return Err(io::Error::other("the load ended before it began"));
    };
    let tree = site.tree()?;
    let before = tree.as_ref().map(Tree::cpu);
    let edits = match case.edits {
        0 => None,
        edits => Some(editing::edit(site, case, edits).await?),
    };
    let Said::Ended(measured) = role.says(measured_for(case, times) + SLACK).await? else {
        return Err(io::Error::other("the load began twice"));
    };
    // First: memory takes the kernel longer.
    let after = tree.as_ref().map(Tree::cpu);
    // Workers may be others by now.
    let memory = site.tree()?.as_ref().map(Tree::memory).transpose()?;
    let cpu = after.zip(before).map(|(after, before)| after.since(&before));
    Ok(Loaded { measured, cpu: cpu.filter(|_| case.edits == 0), memory, edits })
}
