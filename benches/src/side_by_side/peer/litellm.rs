//! LiteLLM's proxy, with a route that it passes through; `/v1` is its own. It listens on loopback and asks its clients for no key of their
//! own, which is less than it does elsewhere.

use std::io;

use serde_json::json;

use super::Launch;
use crate::side_by_side::job::{Job, KEY, LIMIT, PROVIDER};

pub(super) fn prepare(job: &Job) -> io::Result<Launch> {
    let target = format!("http://{}{}/chat/completions", job.provider, job.prefix);
    let passed = json!({ "path": "/r0/chat/completions", "target": target, "headers": { "Authorization": KEY, "Host": PROVIDER } });
    let settings = json!({
        "pass_through_endpoints": [passed],
        "disable_spend_logs": true,
        "dangerously_permit_weak_or_unset_master_key": true,
    });
    let config = json!({ "model_list": [], "general_settings": settings, "litellm_settings": { "telemetry": false } });
    let file = job.put("litellm.yaml", &config.to_string())?;
    Ok(Launch::new([
        &"--config",
        &file,
        &"--host",
        &job.listen.ip().to_string(),
        &"--port",
        &job.listen.port().to_string(),
        &"--num_workers",
        &job.workers.to_string(),
        &"--request_timeout",
        &LIMIT.as_secs().to_string(),
    ])
    // It would fetch a price list otherwise.
    .env("LITELLM_LOCAL_MODEL_COST_MAP", "True"))
}
