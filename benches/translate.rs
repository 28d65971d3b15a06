//! How long it takes to make a whole world of objects into what data planes serve and statuses say.
//!
//! Measured against itself at other sizes in the same run: what a route costs must not grow with their number. Times
//! are of the processor and not of the clock (`/proc/thread-self/schedstat`), so that what else the machine does counts
//! little. The kernel counts it by its ticks of some milliseconds, so that the mean over the rounds is reported.
//!
//! `cargo bench -p sluice-benches --bench translate [-- --quick]`

// A measurement that cannot be made ends at once, and its result goes to standard output.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::hint::black_box;

use serde_json::{Value, json};
use sluice_controller::objects::{Kind, Objects};
use sluice_controller::translate::{Settings, Translation, translate};
use sluice_gateway::route::table::RouteTable;

/// Over how many Gateways the routes of the second world are spread.
const GATEWAYS: usize = 20;
const STEPS: [&str; 5] = ["read", "translate", "compare", "index", "drop"];

/// A world of so many routes, as an API server would hand it over.
struct World {
    name: &'static str,
    routes: usize,
    make: fn(usize) -> Vec<(Kind, Value)>,
}

/// Milliseconds of each step, the mean over the rounds.
struct Measured {
    world: World,
    steps: [f64; STEPS.len()],
}

fn main() {
    let (rounds, sizes) = match std::env::args().any(|arg| arg == "--quick") {
        true => (3, vec![250, 1_000]),
        false => (15, vec![1_250, 5_000, 10_000]),
    };
    let mut results = Vec::new();
    for routes in sizes {
        results.push(measure(World { name: "one backend", routes, make: one_backend }, rounds));
        results.push(measure(World { name: "a service each", routes, make: a_service_each }, rounds));
    }
    print_table(&results);
    println!("{}", as_json(rounds, &results));
}

fn measure(world: World, rounds: usize) -> Measured {
    let values = (world.make)(world.routes);
    let mut last = turn(&values).0;
    let mut times: [Vec<f64>; STEPS.len()] = Default::default();
    for _ in 0..rounds {
        let (translation, read, translated) = turn(&values);
        let (equal, compared) = timed(|| translation == last);
        assert!(equal, "the same objects gave another result");
        let (_, indexed) = timed(|| translation.snapshots.values().for_each(index));
        let ((), dropped) = timed(|| drop(std::mem::replace(&mut last, translation)));
        let all = [read, translated, compared, indexed, dropped];
        times.iter_mut().zip(all).for_each(|(list, time)| list.push(time));
    }
    assert_eq!(served(&last), world.routes, "not all routes are served");
    Measured { world, steps: times.map(|list| list.iter().sum::<f64>() / list.len() as f64) }
}

/// Reads and translates, and says how long each took.
fn turn(values: &[(Kind, Value)]) -> (Translation, f64, f64) {
    let values = values.to_vec();
    let (objects, read) = timed(|| objects(values));
    let (translation, translated) = timed(|| translate(&objects, &Settings::default()));
    (translation, read, translated)
}

fn objects(values: Vec<(Kind, Value)>) -> Objects {
    let mut objects = Objects::default();
    for (kind, value) in values {
        objects.insert(kind, value).unwrap();
    }
    objects
}

fn index(snapshot: &sluice_gateway::snapshot::Snapshot) {
    for listener in snapshot.listeners() {
        black_box(RouteTable::new(listener.routes.entries().to_vec()));
    }
}

fn served(translation: &Translation) -> usize {
    let listeners = translation.snapshots.values().flat_map(|snapshot| snapshot.listeners());
    listeners.map(|listener| listener.routes.entries().len()).sum()
}

/// Milliseconds that the thread spent running.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = nanoseconds_run();
    let made = work();
    (made, (nanoseconds_run() - before) / 1e6)
}

fn nanoseconds_run() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a Linux kernel that counts");
    text.split(' ').next().and_then(|first| first.parse().ok()).expect("nanoseconds come first")
}

/// Each route has a hostname and a path of its own; Backend, policy, filter and Secret are shared by all.
fn one_backend(routes: usize) -> Vec<(Kind, Value)> {
    let mut world = vec![
        gateway("gateway", 0),
        object(
            Kind::Backend,
            "llm",
            0,
            &json!({"endpoints": [{"fqdn": {"hostname": "llm.example.com", "port": 443}}]}),
        ),
        object(
            Kind::BackendTLSPolicy,
            "llm",
            0,
            &json!({
                "targetRefs": [{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "llm"}],
                "validation": {"hostname": "llm.example.com", "wellKnownCACertificates": "System"},
            }),
        ),
        object(
            Kind::HTTPRouteFilter,
            "key",
            0,
            &json!({
                "credentialInjection": {"overwrite": true, "credential": {"valueRef": {"name": "key"}}},
            }),
        ),
        (Kind::Secret, json!({"metadata": metadata("key", 0), "stringData": {"credential": "Bearer benchmark"}})),
    ];
    let backend = json!({"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "llm"});
    let extension = json!({"group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": "key"});
    let key = json!([{"type": "ExtensionRef", "extensionRef": extension}]);
    world.extend((0..routes).map(|i| route(i, "gateway", &backend, key.clone())));
    world
}

/// Each route has a Service with three endpoints of its own; the routes are spread over several Gateways.
fn a_service_each(routes: usize) -> Vec<(Kind, Value)> {
    let mut world: Vec<_> = (0..GATEWAYS).map(|i| gateway(&format!("gateway-{i}"), 0)).collect();
    for i in 0..routes {
        let name = format!("model-{i}");
        let (high, low) = (i / 250, i % 250);
        let endpoint = |pod: usize| {
            json!({
                "addresses": [format!("10.{pod}.{high}.{low}")],
                "conditions": {"ready": true, "serving": true, "terminating": false},
                "nodeName": "node", "targetRef": {"kind": "Pod", "name": format!("{name}-{pod}"), "namespace": "bench"},
            })
        };
        let mut slice_metadata = metadata(&format!("{name}-x7f2k"), i);
        slice_metadata["labels"] = json!({"kubernetes.io/service-name": name});
        world.push(object(
            Kind::Service,
            &name,
            i,
            &json!({"ports": [{"name": "http", "port": 80, "targetPort": 8000}]}),
        ));
        world.push((
            Kind::EndpointSlice,
            json!({
                "metadata": slice_metadata,
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": 8000, "protocol": "TCP"}],
                "endpoints": [endpoint(1), endpoint(2), endpoint(3)],
            }),
        ));
        world.push(route(i, &format!("gateway-{}", i % GATEWAYS), &json!({"name": name, "port": 80}), json!([])));
    }
    world
}

fn gateway(name: &str, generation: usize) -> (Kind, Value) {
    let spec = json!({
        "gatewayClassName": "ack-gateway",
        "listeners": [{"name": "http", "protocol": "HTTP", "port": 8080}],
    });
    object(Kind::Gateway, name, generation, &spec)
}

/// A rewriting route; the filters given come after the rewrite.
fn route(index: usize, gateway: &str, backend: &Value, filters: Value) -> (Kind, Value) {
    let mut all = vec![json!({"type": "URLRewrite", "urlRewrite": {
        "hostname": "llm.example.com",
        "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/compatible-mode/v1"},
    }})];
    all.extend(filters.as_array().cloned().unwrap_or_default());
    let spec = json!({
        "parentRefs": [{"name": gateway}],
        "hostnames": [format!("model-{index}.example.com")],
        "rules": [{
            "matches": [{"path": {"type": "PathPrefix", "value": format!("/v{index}")}}],
            "filters": all,
            "backendRefs": [backend],
            "timeouts": {"request": "10m"},
        }],
    });
    object(Kind::HTTPRoute, &format!("route-{index}"), index, &spec)
}

fn object(kind: Kind, name: &str, index: usize, spec: &Value) -> (Kind, Value) {
    (kind, json!({"metadata": metadata(name, index), "spec": spec}))
}

fn metadata(name: &str, index: usize) -> Value {
    let (hour, minute) = (index / 60 % 24, index % 60);
    json!({
        "name": name, "namespace": "bench", "generation": 1, "uid": "11111111-2222-3333-4444-555555555555",
        "creationTimestamp": format!("2026-11-24T{hour:02}:{minute:02}:00Z"),
        "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:rules": {}}}}],
    })
}

fn print_table(results: &[Measured]) {
    println!("| world | routes | {} |\n|---|---|{}", STEPS.join(" ms | ") + " ms", "---|".repeat(STEPS.len()));
    for Measured { world: World { name, routes, .. }, steps } in results {
        let steps = steps.map(|ms| format!("{ms:.2}")).join(" | ");
        println!("| {name} | {routes} | {steps} |");
    }
}

fn as_json(rounds: usize, results: &[Measured]) -> Value {
    let result = |Measured { world: World { name, routes, .. }, steps }: &Measured| {
        let mut value = json!({ "world": name, "routes": routes });
        STEPS.iter().zip(steps).for_each(|(step, ms)| value[format!("{step}_ms")] = json!(ms));
        value
    };
    json!({ "bench": "translate", "rounds": rounds, "results": results.iter().map(result).collect::<Vec<_>>() })
}
