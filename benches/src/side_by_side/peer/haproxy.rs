//! HAProxy, in the form in which distributions start it: a first process that starts the one that works.

use std::io;
use std::path::PathBuf;

use super::Launch;
use crate::side_by_side::case::{Routes, Upstream};
use crate::side_by_side::job::{Job, KEPT, KEY, LIMIT, PROVIDER};

pub(super) fn prepare(job: &Job) -> io::Result<Launch> {
    let file = write(job)?;
    Ok(Launch::new([&"-W", &"-f", &file]))
}

pub(super) fn write(job: &Job) -> io::Result<PathBuf> {
    if let Routes::Numbered(_) = job.routes {
        let lines: String = job.prefixes().iter().map(|prefix| format!("{prefix}/ 1\n")).collect();
        job.put("routes.map", &lines)?;
    }
    job.put("haproxy.cfg", &text(job))
}

fn text(job: &Job) -> String {
    let Job { listen, workers, .. } = job;
    let (limit, rewrite, server) = (LIMIT.as_secs(), rewrite(job), server(job));
    format!(
        "\
global
    nbthread {workers}
    maxconn 4096
defaults
    mode http
    no log
    timeout connect 10s
    timeout client {limit}s
    timeout server {limit}s
    timeout http-request {limit}s
    timeout http-keep-alive {limit}s
    option http-keep-alive
    option http-no-delay
    http-reuse always
frontend clients
    bind {listen} backlog 4096
{rewrite}    http-request set-header Host {PROVIDER}
    http-request set-header Authorization \"{KEY}\"
    default_backend provider
backend provider
{server}
"
    )
}

/// A single prefix is compared, many are looked up in a tree.
fn rewrite(job: &Job) -> String {
    let (becomes, map) = (job.prefix, super::path(&job.file("routes.map")));
    let condition = match job.routes {
        Routes::One => "{ path_beg /v1/ }".to_owned(),
        Routes::Numbered(_) => format!("{{ path,map_beg({map}) -m found }}"),
    };
    format!(
        "    acl routed path_beg {becomes}/ # what the rule below has made of it
    http-request set-path {becomes}/%[path,field(3,/,0)] if {condition}
    http-request deny deny_status 404 if !routed
"
    )
}

fn server(job: &Job) -> String {
    let provider = job.provider;
    let alpn = match job.upstream {
        Upstream::Plain => return format!("    server provider {provider} pool-max-conn {KEPT}"),
        Upstream::TlsH1 => "http/1.1",
        Upstream::TlsH2 => "h2",
    };
    let authority = super::path(&job.authority);
    format!(
        "    server provider {provider} pool-max-conn {KEPT} ssl verify required ca-file {authority} verifyhost {PROVIDER} sni str({PROVIDER}) alpn {alpn}"
    )
}
