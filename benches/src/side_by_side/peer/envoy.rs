//! Envoy, by static bootstrap and a file of routes, which is the file-based form of xDS.
//!
//! As Envoy Gateway configures it, with its access log, to `/dev/null` as Sluice's; lighter than that where it can be: the
//! key is put in by the route and not by a filter, and there is no admin port. Statistics are as they come.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Launch;
use crate::side_by_side::case::Upstream;
use crate::side_by_side::job::{Job, KEY, LIMIT, PROVIDER};

const TYPE: &str = "type.googleapis.com/envoy.extensions";

/// Envoy Gateway's fields of a line, and the commands that fill them.
const LOGGED: [(&str, &str); 24] = [
    ("start_time", "START_TIME"),
    ("method", "REQ(:METHOD)"),
    ("x-envoy-origin-path", "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)"),
    ("protocol", "PROTOCOL"),
    ("response_code", "RESPONSE_CODE"),
    ("response_flags", "RESPONSE_FLAGS"),
    ("response_code_details", "RESPONSE_CODE_DETAILS"),
    ("connection_termination_details", "CONNECTION_TERMINATION_DETAILS"),
    ("upstream_transport_failure_reason", "UPSTREAM_TRANSPORT_FAILURE_REASON"),
    ("bytes_received", "BYTES_RECEIVED"),
    ("bytes_sent", "BYTES_SENT"),
    ("duration", "DURATION"),
    ("x-envoy-upstream-service-time", "RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)"),
    ("x-forwarded-for", "REQ(X-FORWARDED-FOR)"),
    ("user-agent", "REQ(USER-AGENT)"),
    ("x-request-id", "REQ(X-REQUEST-ID)"),
    (":authority", "REQ(:AUTHORITY)"),
    ("upstream_host", "UPSTREAM_HOST"),
    ("upstream_cluster", "UPSTREAM_CLUSTER"),
    ("upstream_local_address", "UPSTREAM_LOCAL_ADDRESS"),
    ("downstream_local_address", "DOWNSTREAM_LOCAL_ADDRESS"),
    ("downstream_remote_address", "DOWNSTREAM_REMOTE_ADDRESS"),
    ("requested_server_name", "REQUESTED_SERVER_NAME"),
    ("route_name", "ROUTE_NAME"),
];

pub(super) fn prepare(job: &Job) -> io::Result<Launch> {
    let routes = write_routes(job)?;
    // JSON is YAML, and Envoy reads it faster.
    let bootstrap = job.put("bootstrap.json", &bootstrap(job, &super::path(&routes)).to_string())?;
    Ok(Launch::new([
        &"--config-path",
        &bootstrap,
        &"--concurrency",
        &job.workers.to_string(),
        // Several run on one machine here; its shared memory is for replacing one.
        &"--disable-hot-restart",
        &"--log-level",
        &"warning",
    ]))
}

pub(super) fn write_routes(job: &Job) -> io::Result<PathBuf> {
    let routes: Vec<Value> = job.prefixes().iter().map(|prefix| route(prefix, job.prefix)).collect();
    let resource = json!({
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": "routes",
        "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": routes }],
    });
    job.put("routes.json", &json!({ "version_info": job.prefix, "resources": [resource] }).to_string())
}

fn route(prefix: &str, becomes: &str) -> Value {
    json!({
        "match": { "path_separated_prefix": prefix },
        "request_headers_to_add": [{
            "header": { "key": "authorization", "value": KEY },
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }],
        "route": {
            "cluster": "provider",
            "prefix_rewrite": becomes,
            "host_rewrite_literal": PROVIDER,
            "timeout": seconds(),
        },
    })
}

fn seconds() -> String {
    format!("{}s", LIMIT.as_secs())
}

fn bootstrap(job: &Job, routes: &str) -> Value {
    let source = json!({ "path_config_source": { "path": routes }, "resource_api_version": "V3" });
    let manager = json!({
        "@type": format!("{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "http",
        "rds": { "route_config_name": "routes", "config_source": source },
        "stream_idle_timeout": seconds(),
        "access_log": [access_log()],
        "http_filters": [{
            "name": "router",
            "typed_config": { "@type": format!("{TYPE}.filters.http.router.v3.Router") },
        }],
    });
    json!({
        // A file that is followed needs a name to ask with.
        "node": { "id": "bench", "cluster": "bench" },
        "static_resources": {
            "listeners": [{
                "name": "http",
                "address": address(job.listen),
                "filter_chains": [{ "filters": [{ "name": "http", "typed_config": manager }] }],
            }],
            "clusters": [cluster(job)],
        },
    })
}

fn access_log() -> Value {
    let fields: serde_json::Map<_, _> =
        LOGGED.iter().map(|(name, command)| ((*name).to_owned(), format!("%{command}%").into())).collect();
    json!({
        "name": "file",
        "typed_config": {
            "@type": format!("{TYPE}.access_loggers.file.v3.FileAccessLog"),
            "path": "/dev/null",
            "log_format": { "json_format": fields },
        },
    })
}

fn address(address: std::net::SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

fn cluster(job: &Job) -> Value {
    let protocol = if job.upstream == Upstream::TlsH2 { "http2_protocol_options" } else { "http_protocol_options" };
    // Its own limits of 1,024 would refuse requests before it is busy.
    let limits = json!({ "max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000 });
    let mut cluster = json!({
        "name": "provider",
        "type": "STATIC",
        "connect_timeout": "10s",
        "circuit_breakers": { "thresholds": [limits] },
        "load_assignment": {
            "cluster_name": "provider",
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address(job.provider) } }] }],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": format!("{TYPE}.upstreams.http.v3.HttpProtocolOptions"),
                "explicit_http_config": { protocol: {} },
            },
        },
    });
    if job.is_tls() {
        cluster["transport_socket"] = tls(job);
    }
    cluster
}

fn tls(job: &Job) -> Value {
    let alpn = if job.upstream == Upstream::TlsH2 { "h2" } else { "http/1.1" };
    json!({
        "name": "tls",
        "typed_config": {
            "@type": format!("{TYPE}.transport_sockets.tls.v3.UpstreamTlsContext"),
            "sni": PROVIDER,
            "common_tls_context": {
                "alpn_protocols": [alpn],
                "validation_context": {
                    "trusted_ca": { "filename": super::path(&job.authority) },
                    "match_typed_subject_alt_names": [{ "san_type": "DNS", "matcher": { "exact": PROVIDER } }],
                },
            },
        },
    })
}
