//! Sluice, by its own program and the objects that a user would write.
//!
//! Its access log cannot be turned off: it writes a line for each request, to nowhere here. Those of the others are off.

use std::fmt::Write;
use std::io;

use super::Launch;
use crate::side_by_side::case::Upstream;
use crate::side_by_side::job::{Job, KEY, LIMIT, PROVIDER};

/// The port of the Gateway's listener, which is served on another one.
const PORT: u16 = 8080;
/// Rules of an HTTPRoute, at most (Gateway API).
const RULES: usize = 16;

pub(super) fn prepare(job: &Job) -> io::Result<Launch> {
    std::fs::create_dir_all(job.file("objects"))?;
    job.put("objects/gateway.yaml", &fixed(job)?)?;
    write_routes(job)?;
    let port = format!("{PORT}={}", job.listen.port());
    Ok(Launch::new([
        &"run",
        &job.file("objects"),
        &"--admin",
        &"127.0.0.1:0",
        &"--port",
        &port,
        &"--workers",
        &job.workers.to_string(),
    ]))
}

pub(super) fn write_routes(job: &Job) -> io::Result<()> {
    let prefixes = job.prefixes();
    let routes = prefixes.chunks(RULES).enumerate().map(|(number, prefixes)| route(number, prefixes, job.prefix));
    job.put("objects/routes.yaml", &routes.collect::<Vec<_>>().join("---\n")).map(drop)
}

fn route(number: usize, prefixes: &[String], becomes: &str) -> String {
    let limit = LIMIT.as_secs();
    let mut text = format!(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: route-{number}, namespace: ai}}
spec:
  parentRefs:
  - {{name: gateway}}
  rules:
"
    );
    for prefix in prefixes {
        let rule = format!(
            "  - matches:
    - path: {{type: PathPrefix, value: {prefix}}}
    backendRefs:
    - {{group: gateway.envoyproxy.io, kind: Backend, name: provider}}
    filters:
    - type: URLRewrite
      urlRewrite: {{hostname: {PROVIDER}, path: {{type: ReplacePrefixMatch, replacePrefixMatch: {becomes}}}}}
    - type: ExtensionRef
      extensionRef: {{group: gateway.envoyproxy.io, kind: HTTPRouteFilter, name: key}}
    timeouts: {{request: {limit}s, backendRequest: {limit}s}}
"
        );
        text.push_str(&rule);
    }
    text
}

fn fixed(job: &Job) -> io::Result<String> {
    let (address, port) = (job.provider.ip(), job.provider.port());
    let mut text = format!(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: gateway, namespace: ai}}
spec:
  gatewayClassName: ack-gateway
  listeners:
  - {{name: http, protocol: HTTP, port: {PORT}}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {{name: provider, namespace: ai}}
spec:
  endpoints:
  - ip: {{address: {address}, port: {port}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: key, namespace: ai}}
stringData:
  credential: {KEY}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: HTTPRouteFilter
metadata: {{name: key, namespace: ai}}
spec:
  credentialInjection:
    overwrite: true
    credential:
      valueRef: {{name: key}}
"
    );
    if job.upstream != Upstream::Plain {
        text.push_str(&tls(&std::fs::read_to_string(&job.authority)?));
    }
    Ok(text)
}

/// HTTP/1.1 or HTTP/2 is what the provider chooses.
fn tls(authority: &str) -> String {
    let mut text = format!(
        "\
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: provider, namespace: ai}}
spec:
  targetRefs:
  - {{group: gateway.envoyproxy.io, kind: Backend, name: provider}}
  validation:
    hostname: {PROVIDER}
    caCertificateRefs:
    - {{group: '', kind: ConfigMap, name: authority}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: authority, namespace: ai}}
data:
  ca.crt: |
"
    );
    for line in authority.lines() {
        // Writing to a String does not fail.
        let _ = writeln!(text, "    {line}");
    }
    text
}
