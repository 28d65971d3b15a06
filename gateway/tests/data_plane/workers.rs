//! Connections and the threads that serve them.

use sluice_gateway::server::Options;
use sluice_testkit::client::raw::Raw;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;

use crate::plane::{Plane, cluster, forward, options};

const CLIENTS: usize = 6;

/// Which upstream connections the requests of each client went over, when all clients ask in turns.
async fn upstream_connections(workers: usize) -> Vec<Vec<u64>> {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane =
        Plane::with(Options { workers, ..options() }, vec![forward("/", cluster("only", provider.address()))]).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Raw::connect(plane.address).await);
    }
    for _ in 0..3 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(format!("GET /{number} HTTP/1.1\r\nHost: gateway.test\r\n\r\n")).await;
            assert_eq!(client.reply().await.status(), 200);
        }
    }
    let seen = provider.requests();
    let of = |number| seen.iter().filter(move |seen| seen.target == format!("/{number}"));
    (0..CLIENTS).map(|number| of(number).map(|seen| seen.connection).collect()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_stays_with_its_worker() {
    for workers in [1, 2, 3] {
        let used = upstream_connections(workers).await;
        let mut shares = std::collections::BTreeMap::<u64, usize>::new();
        for connections in used {
            assert!(connections.iter().all(|one| *one == connections[0]), "{connections:?}: another worker's");
            *shares.entry(connections[0]).or_default() += 1;
        }
        let shares: Vec<_> = shares.into_values().collect();
        assert_eq!(shares, vec![CLIENTS / workers; workers], "clients of each worker");
    }
}
