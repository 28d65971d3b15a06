//! A snapshot that was taken apart and put together again is the same snapshot, for every world of the golden cases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use sluice_controller::objects::{Kind, Objects};
use sluice_controller::translate::{Settings, translate};
use sluice_gateway::snapshot::Snapshot;
use sluice_gateway::wire::{Assembly, Change, ResourceSet, encode, encode_after};
use sluice_testkit::fleet;

/// Snapshots of all golden cases and of the walk-through, each with where it comes from.
fn snapshots() -> Vec<(String, Snapshot)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("tests/translate"), &mut files);
    let mut worlds: Vec<_> = files.iter().map(|file| (file.display().to_string(), vec![file.clone()])).collect();
    let mut walkthrough = Vec::new();
    collect(&root.join("../deploy/standalone/walkthrough"), &mut walkthrough);
    worlds.push(("walkthrough".to_owned(), walkthrough));
    let snapshots = worlds.iter().flat_map(|(name, files)| {
        let documents: Vec<_> = files.iter().flat_map(|file| documents(file)).collect();
        let translated = translate(&objects(&documents), &Settings::default()).snapshots;
        translated.into_values().map(|snapshot| (name.clone(), snapshot))
    });
    snapshots.collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}

fn documents(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    serde_yaml::Deserializer::from_str(&text).map(|document| Value::deserialize(document).unwrap()).collect()
}

/// The objects that fit their types; other cases are about those that do not.
fn objects(documents: &[Value]) -> Objects {
    let mut objects = Objects::default();
    for document in documents {
        let text = |field: &str| document[field].as_str().unwrap();
        if let Some(kind) = Kind::of(text("apiVersion"), text("kind")) {
            drop(objects.insert(kind, document.clone()));
        }
    }
    objects
}

/// What brings a holder of `held` to `target`.
fn change(held: &BTreeMap<String, Bytes>, target: &ResourceSet) -> Change {
    let differs = |name: &str, hash: &Bytes| held.get(name) != Some(hash);
    let upserts = target.iter().filter(|r| differs(&r.name, &r.hash)).map(|r| (**r).clone()).collect();
    let removals = held.keys().filter(|name| target.get(name).is_none()).cloned().collect();
    Change { upserts, removals }
}

fn held(assembly: &Assembly) -> BTreeMap<String, Bytes> {
    assembly.held().map(|(name, hash)| (name.to_owned(), hash.clone())).collect()
}

#[test]
fn every_golden_world_comes_back_as_it_was() {
    let snapshots = snapshots();
    assert!(snapshots.len() > 40, "the golden cases are found: {}", snapshots.len());
    let rules: usize =
        snapshots.iter().map(|(_, s)| s.listeners().iter().map(|l| l.routes.entries().len()).sum::<usize>()).sum();
    assert!(rules > 60, "there are rules in them: {rules}");
    for (name, snapshot) in &snapshots {
        let resources = encode(snapshot);
        let back = Assembly::default().apply(change(&BTreeMap::new(), &resources));
        assert_eq!(back.as_ref(), Ok(snapshot), "{name}");
        assert_eq!(encode(&back.unwrap()).version(), resources.version(), "{name}: the bytes differ");
    }
}

/// One replica that lives through all worlds, one after the other and back again.
#[test]
fn what_is_held_is_changed_into_anything_else() {
    let snapshots = snapshots();
    let mut assembly = Assembly::default();
    let mut before = (Snapshot::new(String::new(), Vec::new(), Vec::new()), ResourceSet::default());
    for (name, snapshot) in snapshots.iter().chain(snapshots.iter().rev()) {
        let after = encode_after(snapshot, (&before.0, &before.1));
        assert_eq!(after.version(), encode(snapshot).version(), "{name}: what was there before shows");
        before = (snapshot.clone(), after);
        let next = assembly.apply(change(&held(&assembly), &encode(snapshot)));
        assert_eq!(next.as_ref(), Ok(snapshot), "{name}");
    }
}

fn fleet_of(documents: &[Value]) -> Snapshot {
    translate(&objects(documents), &Settings::default()).snapshots.into_values().next().unwrap()
}

/// Names of the resources that differ.
fn difference(before: &[Value], after: &[Value]) -> (Vec<String>, usize) {
    let (before, after) = (encode(&fleet_of(before)), encode(&fleet_of(after)));
    let held = before.iter().map(|r| (r.name.clone(), r.hash.clone())).collect();
    let Change { upserts, removals } = change(&held, &after);
    assert!(removals.is_empty(), "{removals:?}");
    (upserts.iter().map(|r| r.name.clone()).collect(), upserts.iter().map(|r| r.content.len()).sum())
}

#[test]
fn what_many_routes_share_is_one_resource() {
    let before = fleet::objects(500);
    let replaced = |kind: &str, object: Value| -> Vec<Value> {
        let same = |other: &&Value| other["kind"] != kind || other["metadata"]["name"] != object["metadata"]["name"];
        before.iter().filter(same).cloned().chain([object.clone()]).collect()
    };
    for (kind, object, name) in [
        ("Secret", fleet::secret("Bearer another"), "credential/secret/ai/key"),
        ("Backend", fleet::backend("10.0.0.2:80".parse().unwrap()), "cluster/backend/ai/provider"),
        ("HTTPRoute", fleet::route(7, "/v2"), "route/httproute/ai/route-7"),
    ] {
        let (names, bytes) = difference(&before, &replaced(kind, object));
        assert_eq!(names, [name]);
        assert!(bytes < 500, "{name}: {bytes} bytes");
    }
}

/// A rule that did not change stays the same object, so that an update costs no more than what it changes.
#[test]
fn what_did_not_change_is_not_made_again() {
    let before = fleet::objects(20);
    let mut after = before.clone();
    *after.last_mut().unwrap() = fleet::route(19, "/v2");
    let mut assembly = Assembly::default();
    let first = assembly.apply(change(&BTreeMap::new(), &encode(&fleet_of(&before)))).unwrap();
    let second = assembly.apply(change(&held(&assembly), &encode(&fleet_of(&after)))).unwrap();
    let entries = |snapshot: &Snapshot| snapshot.listeners()[0].routes.entries().to_vec();
    let (first, second) = (entries(&first), entries(&second));
    let same = first.iter().zip(&second).filter(|(a, b)| std::sync::Arc::ptr_eq(&a.rule, &b.rule)).count();
    assert_eq!((first.len(), same), (20, 19));
}

#[test]
fn credentials_do_not_show() {
    let resources = encode(&fleet_of(&fleet::objects(1)));
    let carries =
        |r: &&std::sync::Arc<sluice_gateway::wire::Resource>| r.content.windows(16).any(|w| w == b"fleet-marker-key");
    assert_eq!(resources.iter().filter(carries).count(), 1, "the wire carries the credential");
    let shown: Vec<_> = resources.iter().map(|resource| format!("{resource:?}")).collect();
    assert!(!format!("{shown:?}{resources:?}").contains("marker"), "{shown:?}");
}
