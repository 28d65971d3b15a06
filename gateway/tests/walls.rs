//! The walls of this crate: who may name whom, each rule with its reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;

use sluice_testkit::walls::Sources;

/// The pure model. Everything else is shell.
const PURE: [&str; 9] = ["ai", "cluster", "filter", "head", "listener", "matcher", "route", "snapshot", "wire"];

fn sources() -> Sources {
    Sources::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn the_pure_model_knows_no_engine_and_no_clock() {
    let reason = "what a configuration means must not depend on who runs it or when: the clock and the connection are \
                  arguments";
    let engine = [
        "Session",
        "pingora_core",
        "pingora_http",
        "pingora_timeout",
        "tokio",
        "hyper",
        "std::time::Instant",
        "Instant",
        "SystemTime",
        "std::fs",
        "std::env",
        "std::thread",
        "TcpStream",
        "TcpListener",
        "tracing",
    ];
    sources().within(&PURE).name_none_of(&engine, reason);
}

#[test]
fn the_pure_model_knows_no_shell() {
    let reason = "the shell runs the model; a model that reaches back can no longer be tested without sockets";
    sources().within(&PURE).import_only_of_this_crate(&PURE, reason);
}

#[test]
fn children_do_not_import_their_parents() {
    let reason = "what two children share is a third child; an arrow upwards makes a knot that grows";
    sources().import_no_parent(reason);
}

#[test]
fn the_data_plane_knows_no_kubernetes_and_no_yaml() {
    let reason = "a Snapshot is all it is told: whatever says it otherwise is the controller's business";
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let dependencies = manifest.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    for crate_name in dependencies {
        let foreign = ["kube", "k8s-openapi", "serde_yaml", "saphyr-parser", "sluice-controller"].contains(&crate_name);
        assert!(!foreign, "{crate_name}: {reason}");
    }
}
