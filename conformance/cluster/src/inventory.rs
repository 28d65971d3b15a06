//! All that a cluster holds, for telling what somebody has left behind.

use std::collections::BTreeSet;
use std::io;

use crate::command::kubectl;

/// Objects as `KIND NAMESPACE/NAME`.
pub type Inventory = BTreeSet<String>;

/// What comes and goes by itself: the API server's and the controller manager's own, and reports of the past.
const PASSING: &[&str] = &["events", "events.events.k8s.io", "componentstatuses"];

/// Takes stock of every kind that can be listed.
///
/// # Errors
/// kubectl fails.
pub async fn take() -> io::Result<Inventory> {
    let kinds = kubectl(&["api-resources", "--verbs=list", "-o", "name"]).await?;
    let kinds: Vec<&str> = kinds.lines().filter(|kind| !PASSING.contains(kind)).collect();
    let columns = "custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name";
    let rows = kubectl(&["get", &kinds.join(","), "--all-namespaces", "--no-headers", "-o", columns]).await?;
    Ok(rows.lines().filter_map(object).collect())
}

fn object(row: &str) -> Option<String> {
    let mut words = row.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(kind), Some(namespace), Some(name)) => Some(format!("{kind} {namespace}/{name}")),
        _ => None,
    }
}
