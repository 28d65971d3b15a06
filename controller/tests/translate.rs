//! Golden cases: a world of objects in, what is served and what each object is told out.
//!
//! `translate/**/<case>.in.yaml` is a complete world; its first line is one sentence saying what is expected. A case
//! that has settings of its own has a second line, `# settings: {…}`. With `runsOn: Kubernetes`, the objects that run each
//! Gateway are shown, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluice_controller::finding::{Finding, Severity};
use sluice_controller::infra::{self, Desired};
use sluice_controller::objects::key::{Key, ObjectRef};
use sluice_controller::objects::{Kind, Objects};
use sluice_controller::translate::{Infrastructure, Settings, Translation, translate};
use sluice_gateway::snapshot::Snapshot;

/// What a case shows.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    snapshots: BTreeMap<String, &'a Snapshot>,
    /// Of each Gateway that is ours: its objects, or that what runs is kept.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    infrastructure: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "is_empty")]
    statuses: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<String>,
}

#[test]
fn cases() {
    insta::glob!("translate", "**/*.in.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let (translation, expectation) = check(&text, path);
        assert_shown(&translation, expectation, path);
    });
}

#[test]
fn walkthrough() {
    let (text, path) = walkthrough_files();
    let (translation, expectation) = check(&text, &path);
    assert_shown(&translation, expectation, &path);
}

#[test]
fn walkthrough_as_kubernetes_has_it() {
    let (text, path) = walkthrough_files();
    let (translation, _) = check(&text, &path);
    let bound = ("kagent/model-gateway".to_owned(), "http-bailian".to_owned(), Ok("127.0.0.1:8080".parse().unwrap()));
    let settled = translation.statuses.settle(&[bound].into_iter().collect());
    let objects = Kind::ALL.iter().flat_map(|kind| {
        let names = ["model-gateway", "bailian-route", "bailian", "bailian-tls", "custom-proxy-config"];
        names.map(|name| ObjectRef { kind: kind.name(), key: Key::new("kagent", name) })
    });
    let shown: BTreeMap<_, _> = objects.filter_map(|o| Some((o.to_string(), settled.of(&o)?))).collect();
    assert_eq!(shown.len(), 5);
    in_folder_of(&path, "The statuses as Kubernetes has them, the listener bound.", || {
        insta::assert_yaml_snapshot!("walkthrough.kubernetes", shown);
    });
}

/// Validation comes before translation, but does not excuse a panic: each text of each case is made odd in turn.
#[test]
fn no_text_is_too_odd() {
    insta::glob!("translate", "**/*.in.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let documents = documents(&text, path);
        for (index, document) in documents.iter().enumerate() {
            for pointer in texts(document, String::new()) {
                for odd in ["", "\u{7f}é /", "*."] {
                    let mut documents = documents.clone();
                    *documents[index].pointer_mut(&pointer).unwrap() = odd.into();
                    translate(&readable(&documents), &Settings::default());
                }
            }
        }
    });
}

/// JSON pointers to all texts below `spec`.
fn texts(value: &Value, pointer: String) -> Vec<String> {
    match value {
        Value::String(_) if pointer.starts_with("/spec") => vec![pointer],
        Value::Array(list) => list.iter().enumerate().flat_map(|(i, v)| texts(v, format!("{pointer}/{i}"))).collect(),
        Value::Object(map) => map.iter().flat_map(|(k, v)| texts(v, format!("{pointer}/{}", escaped(k)))).collect(),
        _ => Vec::new(),
    }
}

/// A key as JSON pointers write it (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The objects that still fit their types.
fn readable(documents: &[Value]) -> Objects {
    let mut objects = Objects::default();
    for document in documents {
        let text = |field: &str| document[field].as_str().unwrap();
        let kind = Kind::of(text("apiVersion"), text("kind")).unwrap();
        drop(objects.insert(kind, document.clone()));
    }
    objects
}

/// The walk-through's own files, as one text.
fn walkthrough_files() -> (String, PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/standalone/walkthrough");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts: Vec<_> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let expectation =
        "# The walk-through's own files: all of them accepted, the route rewritten, keyed and over TLS.\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/translate/walkthrough/walkthrough.in.yaml");
    (format!("{expectation}{}", texts.join("\n---\n")), path)
}

/// Translates the documents in both orders: the result must be the same, and must hold no value of a Secret. Then
/// without each of them in turn: whatever is missing, translation comes to an end.
fn check<'a>(text: &'a str, path: &Path) -> (Translation, &'a str) {
    let expectation = text.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a first line `# …`");
    assert!(expectation.ends_with('.'), "{}: the first line is one sentence", path.display());
    let settings = settings(text);
    let mut documents = documents(text, path);
    let forward = translate(&objects(&documents, path), &settings);
    documents.reverse();
    let backward = translate(&objects(&documents, path), &settings);
    assert_eq!(forward, backward, "{}: the order of documents matters", path.display());
    assert_tells_no_secret(&forward, &documents, path);
    for missing in 0..documents.len() {
        let others: Vec<_> =
            documents.iter().enumerate().filter(|(i, _)| *i != missing).map(|(_, d)| d.clone()).collect();
        translate(&objects(&others, path), &settings);
    }
    (forward, expectation)
}

fn documents(text: &str, path: &Path) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .collect()
}

fn assert_tells_no_secret(translation: &Translation, documents: &[Value], path: &Path) {
    let told = format!("{translation:?}{}", translation.statuses.terse());
    let secrets = documents.iter().filter(|document| document["kind"] == "Secret");
    for (_, value) in secrets.flat_map(|secret| secret["stringData"].as_object().unwrap()) {
        for word in value.as_str().unwrap().split_whitespace().filter(|word| word.contains("marker")) {
            assert!(!told.contains(word), "{}: a Secret is told", path.display());
        }
    }
}

fn settings(text: &str) -> Settings {
    let mut settings = Settings::default();
    if let Some(given) = text.lines().nth(1).and_then(|line| line.strip_prefix("# settings: ")) {
        let given: BTreeMap<String, Option<String>> = serde_yaml::from_str(given).unwrap();
        for (name, value) in given {
            match name.as_str() {
                "controllerName" => settings.controller_name = value.unwrap(),
                "implicitClass" => settings.implicit_class = value,
                "runsOn" => settings.infrastructure = runs_on(&value.unwrap()),
                other => panic!("setting {other} is not known"),
            }
        }
    }
    settings
}

fn runs_on(infrastructure: &str) -> Infrastructure {
    assert_eq!(infrastructure, "Kubernetes");
    let ca_pem = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_owned();
    let image = "registry.example:5000/sluice:1.2.3".to_owned();
    let image_pull_policy = Some("IfNotPresent".to_owned());
    let image_pull_secrets = vec!["usual-registry".to_owned()];
    let settings =
        infra::Settings { ca_pem, image, image_pull_policy, image_pull_secrets, ..infra::Settings::rehearsal() };
    Infrastructure::Kubernetes(settings)
}

fn objects(documents: &[Value], path: &Path) -> Objects {
    let mut objects = Objects::default();
    for document in documents {
        let text = |field: &str| document[field].as_str().unwrap_or_else(|| panic!("{}: no {field}", path.display()));
        let kind =
            Kind::of(text("apiVersion"), text("kind")).unwrap_or_else(|| panic!("{}: {document}", path.display()));
        let inserted = objects.insert(kind, document.clone());
        inserted.unwrap_or_else(|malformed| panic!("{}: {malformed:?}", path.display()));
    }
    objects
}

fn assert_shown(translation: &Translation, expectation: &str, path: &Path) {
    let objects = translation.infrastructure.iter().filter(|_| shows_infrastructure(path));
    let shown = Shown {
        infrastructure: objects.map(|(key, desired)| (key.to_string(), shown(desired))).collect(),
        snapshots: translation.snapshots.iter().map(|(key, snapshot)| (key.to_string(), snapshot)).collect(),
        statuses: translation.statuses.terse(),
        findings: translation.findings.iter().map(line).collect(),
    };
    let stem = path.file_name().unwrap().to_str().unwrap().trim_end_matches(".in.yaml");
    in_folder_of(path, expectation, || insta::assert_yaml_snapshot!(format!("{stem}.out"), shown));
}

fn shows_infrastructure(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| settings(&text).infrastructure != Infrastructure::Process)
}

fn shown(desired: &Desired) -> Value {
    match desired {
        Desired::Keep => "kept as it is".into(),
        Desired::Nothing => "nothing".into(),
        Desired::Objects(objects) => serde_json::to_value(objects).unwrap(),
    }
}

/// Snapshots stand beside their case.
fn in_folder_of(path: &Path, description: &str, assert: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(path.parent().unwrap());
    settings.remove_snapshot_suffix();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(description);
    settings.remove_input_file();
    settings.bind(assert);
}

fn line(finding: &Finding) -> String {
    let Finding { subject, field, severity, message, remedy } = finding;
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!("{severity}: {subject} {field}: {message} ({remedy})")
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}
