use serde_json::json;

use super::*;

/// A board that has seen every list, all of them empty.
struct Bench {
    board: Board,
    now: Instant,
}

fn gateway() -> Key {
    Key::new("ai", "gateway")
}

fn manifest(kind: ManifestKind, name: &str, spec: Value) -> Manifest {
    let key = Key::new("ai", name);
    let labels = naming::labels(&gateway(), "class");
    let metadata = json!({ "name": name, "namespace": "ai", "labels": labels });
    Manifest { kind, key, body: json!({ "metadata": metadata, "spec": spec }) }
}

fn account() -> Manifest {
    manifest(ManifestKind::ServiceAccount, "gateway-class", json!({}))
}

fn service(port: u16) -> Manifest {
    manifest(ManifestKind::Service, "gateway-class", json!({ "type": "ClusterIP", "port": port }))
}

/// The object as the API server has it afterwards.
fn applied(manifest: &Manifest) -> Found {
    let mut body = manifest.body.clone();
    body["metadata"]["uid"] = json!("u");
    body["spec"]["clusterIPs"] = json!(["10.0.0.1"]);
    Found::new(body)
}

impl Bench {
    fn new() -> Self {
        let mut board = Board::default();
        for kind in ManifestKind::ALL {
            board.stock.begin_list(*kind);
            board.stock.end_list(*kind);
        }
        Self { board, now: Instant::now() }
    }

    fn want(&mut self, desired: Desired) {
        self.board.want([(gateway(), desired)].into(), &["class".to_owned()].into());
    }

    /// What is done until there is nothing to do, each with this outcome.
    fn run(&mut self, outcome: impl Fn(&Action) -> Outcome) -> Vec<String> {
        let mut done = Vec::new();
        while let Next::Now(action) = self.board.next(self.now) {
            done.push(match &*action {
                Action::Apply { manifest, known, .. } => {
                    format!("apply {}{}", manifest.kind.name(), if *known { "" } else { " anew" })
                }
                Action::Delete { id, .. } => format!("delete {} {}", id.kind.name(), id.key.name),
                Action::Ask { id } => format!("ask {}", id.kind.name()),
                Action::Nodes => "nodes".to_owned(),
            });
            self.board.done(&action, outcome(&action), self.now);
        }
        done
    }

    fn run_well(&mut self) -> Vec<String> {
        self.run(|action| match action {
            Action::Apply { manifest, .. } => Outcome::Is(applied(manifest)),
            Action::Nodes => Outcome::Nodes(Vec::new()),
            Action::Delete { .. } | Action::Ask { .. } => Outcome::Gone,
        })
    }

    fn problems(&mut self) -> Vec<String> {
        self.board.observed().gateways[&gateway()].problems.clone()
    }
}

#[test]
fn objects_are_applied_in_order_and_once() {
    let mut bench = Bench::new();
    bench.want(Desired::Objects(vec![account(), service(80)]));
    assert_eq!(bench.run_well(), ["apply ServiceAccount anew", "apply Service anew"]);
    assert!(bench.run_well().is_empty());
    bench.want(Desired::Objects(vec![account(), service(81)]));
    assert_eq!(bench.run_well(), ["apply Service"]);
    let addresses: Vec<_> =
        bench.board.observed().gateways[&gateway()].addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.0.0.1"]);
}

#[test]
fn nothing_is_done_before_every_kind_was_listed() {
    let mut bench = Bench { board: Board::default(), now: Instant::now() };
    bench.want(Desired::Objects(vec![account()]));
    assert!(bench.run_well().is_empty());
}

#[test]
fn what_another_changed_is_changed_back_calmly() {
    let mut bench = Bench::new();
    bench.want(Desired::Objects(vec![service(80)]));
    bench.run_well();
    let id = id(&service(80));
    let mut changed = applied(&service(80));
    changed.body["spec"]["port"] = json!(99);
    bench.board.stock.see(id.clone(), changed);
    assert_eq!(bench.board.next(bench.now), Next::At(bench.now + CALM));
    bench.now += CALM;
    assert_eq!(bench.run_well(), ["apply Service"]);
    let mut more = applied(&service(80));
    more.body["status"] = json!({"x": 1});
    more.body["spec"]["nodePort"] = json!(1);
    bench.board.stock.see(id.clone(), more);
    assert!(bench.run_well().is_empty(), "what others add is theirs");
    bench.board.stock.gone(&id);
    bench.now += CALM;
    assert_eq!(bench.run_well(), ["apply Service anew"]);
}

#[test]
fn what_is_no_longer_wanted_goes_last() {
    let mut bench = Bench::new();
    bench.want(Desired::Objects(vec![account(), service(80)]));
    bench.run_well();
    let renamed = manifest(ManifestKind::Service, "other", json!({}));
    bench.want(Desired::Objects(vec![account(), renamed]));
    assert_eq!(bench.run_well(), ["apply Service anew", "delete Service gateway-class"]);
    bench.want(Desired::Nothing);
    assert_eq!(bench.run_well(), ["delete ServiceAccount gateway-class", "delete Service other"]);
}

#[test]
fn what_is_kept_is_left_alone() {
    let mut bench = Bench::new();
    bench.want(Desired::Objects(vec![account(), service(80)]));
    bench.run_well();
    bench.want(Desired::Keep);
    assert!(bench.run_well().is_empty());
    assert_eq!(bench.board.observed().gateways[&gateway()].addresses.len(), 1);
    bench.board.want(BTreeMap::new(), &["class".to_owned()].into());
    assert!(bench.run_well().is_empty(), "a Gateway that is gone is the garbage collector's");
}

#[test]
fn objects_of_a_class_that_is_not_ours_are_left_alone() {
    let mut bench = Bench::new();
    bench.want(Desired::Objects(vec![service(80)]));
    bench.run_well();
    bench.board.want([(gateway(), Desired::Nothing)].into(), &["another".to_owned()].into());
    assert!(bench.run_well().is_empty());
}

#[test]
fn a_failure_is_told_and_holds_back_what_follows() {
    let mut bench = Bench::new();
    bench.want(Desired::Objects(vec![account(), service(80)]));
    assert_eq!(bench.run(|_| Outcome::Foreign), ["apply ServiceAccount anew"]);
    let expected = "ServiceAccount ai/gateway-class: is there, and not of this Gateway: delete it, or use another name";
    assert_eq!(bench.problems(), [expected]);
    let Next::At(later) = bench.board.next(bench.now) else { panic!("it is tried again") };
    bench.now = later;
    assert_eq!(bench.run_well(), ["apply ServiceAccount anew", "apply Service anew"]);
    assert!(bench.problems().is_empty());
}

#[test]
fn what_is_wanted_otherwise_is_tried_at_once() {
    let mut bench = Bench::new();
    bench.want(Desired::Objects(vec![service(80)]));
    bench.run(|_| Outcome::Failed("no".to_owned()));
    assert_eq!(bench.problems(), ["Service ai/gateway-class: no"]);
    bench.want(Desired::Objects(vec![service(81)]));
    assert!(bench.problems().is_empty());
    assert_eq!(bench.run_well(), ["apply Service anew"]);
}

#[test]
fn what_a_list_lacks_is_asked_for() {
    let mut bench = Bench::new();
    bench.want(Desired::Objects(vec![service(80)]));
    bench.run_well();
    bench.board.stock.begin_list(ManifestKind::Service);
    bench.board.stock.end_list(ManifestKind::Service);
    assert_eq!(bench.run(|_| Outcome::Is(applied(&service(80)))), ["ask Service"]);
    assert!(bench.run_well().is_empty());
}

#[test]
fn an_object_that_is_going_is_waited_for() {
    let mut bench = Bench::new();
    bench.want(Desired::Objects(vec![service(80)]));
    bench.run_well();
    let mut going = applied(&service(80));
    going.body["spec"]["port"] = json!(1);
    going.body["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    bench.board.stock.see(id(&service(80)), going);
    bench.now += CALM;
    assert!(bench.run_well().is_empty());
    bench.board.stock.gone(&id(&service(80)));
    assert_eq!(bench.run_well(), ["apply Service anew"]);
}

#[test]
fn nodes_are_asked_for_where_a_service_needs_them() {
    let mut bench = Bench::new();
    bench.want(Desired::Objects(vec![manifest(ManifestKind::Service, "s", json!({ "type": "NodePort" }))]));
    let node = || Outcome::Nodes(vec!["192.0.2.1".parse().unwrap()]);
    let done = bench.run(|action| match action {
        Action::Apply { manifest, .. } => Outcome::Is(applied(manifest)),
        _ => node(),
    });
    assert_eq!(done, ["apply Service anew", "nodes"]);
    assert_eq!(bench.board.observed().gateways[&gateway()].addresses.len(), 1);
    assert_eq!(bench.board.next(bench.now), Next::At(bench.now + NODES_FOR));
}
