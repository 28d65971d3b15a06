//! The walls of this crate: who may name whom, each rule with its reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;

use sluice_testkit::walls::Sources;

/// The pure core. Everything else is shell.
const PURE: [&str; 17] = [
    "api",
    "duration",
    "finding",
    "infra::defaults",
    "infra::manifest",
    "infra::naming",
    "infra::parameters",
    "infra::patch",
    "infra::plan",
    "infra::problem",
    "infra::quantity",
    "infra::render",
    "infra::settings",
    "infra::shape",
    "objects",
    "status",
    "translate",
];

/// Where Kubernetes' own types are known: what an EnvoyProxy says in their words is held against them.
const KUBERNETES_TYPES: [&str; 2] = ["infra::patch", "infra::render"];

fn sources() -> Sources {
    Sources::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn the_pure_core_touches_nothing_outside() {
    let reason = "same objects, same result: translation can be tested, repeated and trusted only if nothing but its \
                  arguments reaches it";
    let outside = [
        "std::fs",
        "std::env",
        "std::io",
        "std::process",
        "std::thread",
        "std::path",
        "Instant",
        "SystemTime",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "tokio",
        "hyper",
        "hyper_util",
        "notify",
        "kube",
        "rustls",
        "tracing",
        "clap",
        "pingora_core",
        "pingora_proxy",
    ];
    sources().within(&PURE).name_none_of(&outside, reason);
}

#[test]
fn the_pure_core_knows_no_shell() {
    let reason = "objects come to the core and results leave it; it does not ask where from or where to";
    sources().within(&PURE).import_only_of_this_crate(&PURE, reason);
}

#[test]
fn the_core_uses_the_model_and_not_the_engine() {
    let reason = "what a Snapshot is made of is pure; the server that runs it is the shell's business";
    let shell =
        ["sluice_gateway::server", "sluice_gateway::proxy", "sluice_gateway::upstream", "sluice_gateway::telemetry"];
    sources().within(&PURE).name_none_of(&shell, reason);
}

#[test]
fn children_do_not_import_their_parents() {
    let reason = "what two children share is a third child; an arrow upwards makes a knot that grows";
    sources().import_no_parent(reason);
}

#[test]
fn conditions_are_spelt_in_one_file() {
    let reason = "a reason that is spelt twice is spelt differently one day";
    sources().except("status::condition").name_none_of(
        &["\"Accepted\"", "\"ResolvedRefs\"", "\"Programmed\"", "\"UnsupportedValue\"", "\"BackendNotFound\""],
        reason,
    );
}

#[test]
fn yaml_is_read_in_one_file() {
    let reason = "serde_yaml is no longer maintained: whoever replaces it should have one file to change";
    assert_eq!(sources().naming("serde_yaml"), ["source::file::yaml"], "{reason}");
}

#[test]
fn kubernetes_types_are_known_where_objects_are_made() {
    let reason = "translation knows what objects mean; how Kubernetes writes them is for those who make them";
    let known = |module: &&str| KUBERNETES_TYPES.iter().any(|floor| module.starts_with(floor));
    let naming = sources().within(&PURE);
    assert!(naming.naming("k8s_openapi").iter().all(known), "{reason}");
}
