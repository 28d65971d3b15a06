//! agentgateway as a plain HTTP proxy, without its processing of prompts.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Launch;
use crate::side_by_side::job::{Job, KEY, LIMIT, PROVIDER};

pub(super) fn prepare(job: &Job) -> io::Result<Launch> {
    let file = write(job)?;
    Ok(Launch::new([&"-f", &file]).env("RUST_LOG", "off").env("WORKER_THREADS", job.workers.to_string()))
}

/// JSON is YAML.
pub(super) fn write(job: &Job) -> io::Result<PathBuf> {
    let routes: Vec<Value> = job.prefixes().iter().map(|prefix| route(job, prefix)).collect();
    let bind = json!({ "port": job.listen.port(), "listeners": [{ "protocol": "HTTP", "routes": routes }] });
    let config = json!({ "adminAddr": "127.0.0.1:0", "statsAddr": "127.0.0.1:0", "readinessAddr": "127.0.0.1:0" });
    job.put("agentgateway.yaml", &json!({ "config": config, "binds": [bind] }).to_string())
}

fn route(job: &Job, prefix: &str) -> Value {
    let limit = format!("{}s", LIMIT.as_secs());
    let mut policies = json!({
        "urlRewrite": { "authority": { "full": PROVIDER }, "path": { "prefix": job.prefix } },
        "requestHeaderModifier": { "set": { "authorization": KEY } },
        "timeout": { "requestTimeout": limit, "backendRequestTimeout": limit },
    });
    if job.is_tls() {
        policies["backendTLS"] = json!({ "root": super::path(&job.authority), "hostname": PROVIDER });
    }
    json!({
        "matches": [{ "path": { "pathPrefix": prefix } }],
        "policies": policies,
        "backends": [{ "host": job.provider.to_string() }],
    })
}
