//! The proxies, one file each: how each is configured and started.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use rustix::process::Signal;

use super::job::Job;
use super::proxy::Proxy;

mod agentgateway;
mod envoy;
mod haproxy;
mod litellm;
mod nginx;
mod sluice;

/// How a proxy is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Launch {
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(&'static str, OsString)>,
}

/// How a proxy learns of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learns {
    /// It watches its files.
    ByItself,
    /// Its first process gets this signal.
    By(Signal),
}

impl Launch {
    fn new<const N: usize>(args: [&dyn AsRef<std::ffi::OsStr>; N]) -> Self {
        Self { args: args.iter().map(|arg| arg.as_ref().to_owned()).collect(), env: Vec::new() }
    }

    fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }
}

/// Writes a proxy's files and says how it is started with them.
pub(crate) fn prepare(proxy: Proxy, job: &Job) -> io::Result<Launch> {
    match proxy {
        Proxy::Sluice => sluice::prepare(job),
        Proxy::Envoy => envoy::prepare(job),
        Proxy::Nginx => nginx::prepare(job),
        Proxy::Haproxy => haproxy::prepare(job),
        Proxy::Agentgateway => agentgateway::prepare(job),
        Proxy::Litellm => litellm::prepare(job),
        Proxy::Floor | Proxy::Direct => Err(io::Error::other("it has no configuration")),
    }
}

/// Writes the files anew that an edit changes.
pub(crate) fn edit(proxy: Proxy, job: &Job) -> io::Result<Learns> {
    match proxy {
        Proxy::Sluice => sluice::write_routes(job).map(|()| Learns::ByItself),
        Proxy::Envoy => envoy::write_routes(job).map(|_| Learns::ByItself),
        Proxy::Agentgateway => agentgateway::write(job).map(|_| Learns::ByItself),
        Proxy::Nginx => nginx::write(job).map(|_| Learns::By(Signal::HUP)),
        Proxy::Haproxy => haproxy::write(job).map(|_| Learns::By(Signal::USR2)),
        Proxy::Litellm | Proxy::Floor | Proxy::Direct => Err(io::Error::other("it is started anew for an edit")),
    }
}

/// What a program is asked for its version.
pub(crate) fn version_flag(proxy: Proxy) -> &'static str {
    match proxy {
        Proxy::Nginx | Proxy::Haproxy => "-v",
        _ => "--version",
    }
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side_by_side::case::{Routes, Upstream};
    use crate::side_by_side::job::{EDITED, KEY, PREFIX, PROVIDER};

    const PEERS: [Proxy; 5] = [Proxy::Sluice, Proxy::Envoy, Proxy::Nginx, Proxy::Haproxy, Proxy::Agentgateway];

    fn job(folder: &Path, upstream: Upstream, routes: Routes) -> Job {
        let authority = folder.join("ca.crt");
        std::fs::write(&authority, "PEM of the authority\n").unwrap();
        Job {
            folder: folder.to_owned(),
            listen: ([127, 0, 0, 1], 4000).into(),
            provider: ([127, 0, 0, 1], 5000).into(),
            upstream,
            authority,
            routes,
            prefix: PREFIX,
            workers: 1,
        }
    }

    /// All that was written, without the authority itself.
    fn written(folder: &Path) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => text.push_str(&written(&entry.path())),
                false if entry.file_name() == "ca.crt" => {}
                false => text.push_str(&std::fs::read_to_string(entry.path()).unwrap()),
            }
        }
        text
    }

    #[test]
    fn each_is_told_the_whole_task() {
        for proxy in PEERS {
            for upstream in [Upstream::Plain, Upstream::TlsH1, Upstream::TlsH2] {
                let folder = tempfile::tempdir().unwrap();
                prepare(proxy, &job(folder.path(), upstream, Routes::One)).unwrap();
                let text = written(folder.path());
                let parts = ["/v1", PREFIX, PROVIDER, KEY, "600s", "5000"];
                assert!(parts.iter().all(|part| text.contains(part)), "{proxy:?}, {upstream:?}: {text}");
                let verifies = text.contains("ca.crt") || text.contains("PEM of the authority");
                assert_eq!(verifies, upstream != Upstream::Plain, "{proxy:?}, {upstream:?}: {text}");
            }
        }
    }

    #[test]
    fn each_is_told_all_routes() {
        for proxy in PEERS {
            let folder = tempfile::tempdir().unwrap();
            prepare(proxy, &job(folder.path(), Upstream::Plain, Routes::Numbered(40))).unwrap();
            let text = written(folder.path());
            for route in [0, 15, 16, 39] {
                assert!(text.contains(&format!("/r{route}")), "{proxy:?}, {route}: {text}");
            }
            assert!(!text.contains("/r40"), "{proxy:?}: {text}");
        }
    }

    #[test]
    fn an_edit_is_the_prefix_and_nothing_else() {
        for proxy in PEERS {
            let folder = tempfile::tempdir().unwrap();
            let mut job = job(folder.path(), Upstream::Plain, Routes::One);
            prepare(proxy, &job).unwrap();
            let before = written(folder.path());
            job.prefix = EDITED;
            edit(proxy, &job).unwrap();
            assert_eq!(written(folder.path()), before.replace(PREFIX, EDITED), "{proxy:?}");
        }
    }
}
