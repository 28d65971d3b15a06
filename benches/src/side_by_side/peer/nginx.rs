//! nginx as a reverse proxy that does not buffer.

use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use super::Launch;
use crate::side_by_side::job::{Job, KEPT, KEY, LIMIT, PROVIDER};

pub(super) fn prepare(job: &Job) -> io::Result<Launch> {
    let file = write(job)?;
    Ok(Launch::new([&"-p", &job.folder, &"-c", &file]))
}

pub(super) fn write(job: &Job) -> io::Result<PathBuf> {
    job.put("nginx.conf", &text(job))
}

fn text(job: &Job) -> String {
    let Job { listen, provider, workers, .. } = job;
    let (limit, locations, tls) = (LIMIT.as_secs(), locations(job), tls(job));
    let folder = super::path(&job.folder);
    format!(
        "\
daemon off;
# Started by root, it would give its workers to a user who cannot read the folder; by anybody else it ignores this.
user root;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 8192; }}
http {{
    log_format line escape=json '{{\"time\":\"$time_iso8601\",\"method\":\"$request_method\",\"path\":\"$request_uri\",'
        '\"protocol\":\"$server_protocol\",\"code\":$status,\"received\":$request_length,\"sent\":$body_bytes_sent,'
        '\"duration\":$request_time,\"upstream_time\":\"$upstream_header_time\",\"for\":\"$http_x_forwarded_for\",'
        '\"agent\":\"$http_user_agent\",\"id\":\"$request_id\",\"authority\":\"$http_host\",'
        '\"upstream\":\"$upstream_addr\",\"client\":\"$remote_addr:$remote_port\"}}';
    access_log /dev/null line buffer=64k;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    client_body_timeout {limit}s;
    keepalive_timeout {limit}s;
    # Its own limit of 1,000 would close connections under load.
    keepalive_requests 1000000000;
    tcp_nodelay on;
    upstream provider {{
        server {provider};
        keepalive {KEPT};
        keepalive_requests 1000000000;
        keepalive_timeout {limit}s;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection \"\";
    proxy_set_header Host {PROVIDER};
    proxy_set_header Authorization \"{KEY}\";
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_read_timeout {limit}s;
    proxy_send_timeout {limit}s;
{tls}    server {{
        listen {listen} backlog=4096;
{locations}    }}
}}
"
    )
}

/// nginx looks prefixes up in a tree; the one that is written is what is replaced.
fn locations(job: &Job) -> String {
    let scheme = if job.is_tls() { "https" } else { "http" };
    job.prefixes().iter().fold(String::new(), |mut text, prefix| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "        location {prefix}/ {{ proxy_pass {scheme}://provider{}/; }}", job.prefix);
        text
    })
}

fn tls(job: &Job) -> String {
    if !job.is_tls() {
        return String::new();
    }
    let authority = super::path(&job.authority);
    format!(
        "    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate {authority};
    proxy_ssl_name {PROVIDER};
    proxy_ssl_server_name on;
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
"
    )
}
