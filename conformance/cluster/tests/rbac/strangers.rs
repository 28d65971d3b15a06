//! What those get who have no business here.

use std::collections::BTreeSet;

use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::config::Config;
use kube::discovery::{Discovery, verbs};
use kube::{Api, Client};
use sluice_cluster::command::kubectl;
use sluice_cluster::installation::NAMESPACE;
use sluice_testkit::client::raw::Raw;

use crate::door::{Answer, Door, FOLLOW, PERMISSION_DENIED, UNAUTHENTICATED};
use crate::pods::{Pod, labelled};

/// What a pod of a data plane is called by.
const OF: &str = "gateway.networking.k8s.io/gateway-name";
const TOKEN: &str = "/var/run/secrets/sluice/token";
const CA: &str = "/var/run/sluice/ca/ca.crt";
const API_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The controllers' pods, and those of two Gateways.
pub(crate) struct Cast {
    pub(crate) controllers: Vec<Pod>,
    pub(crate) one: Pod,
    pub(crate) other: Pod,
}

impl Cast {
    pub(crate) async fn of(one: (&str, &str), other: (&str, &str)) -> Self {
        let first = async |(namespace, gateway): (&str, &str)| {
            labelled(namespace, &format!("{OF}={gateway}")).await.into_iter().next().unwrap()
        };
        let controllers = labelled(NAMESPACE, "app.kubernetes.io/component=controller").await;
        Self { controllers, one: first(one).await, other: first(other).await }
    }
}

/// The stream gives a replica its own Gateway's snapshot, and nobody anything else.
pub(crate) async fn get_nothing_from_the_stream(cast: &Cast, leader: &Pod, gateway: &str) {
    let (own, others) = (cast.one.read(TOKEN).await.unwrap(), cast.other.read(TOKEN).await.unwrap());
    let door = Door { address: leader.at(18000), authority_pem: cast.one.read(CA).await.unwrap() };
    let refused = |code: &str| Answer { code: Some(code.to_owned()), has_data: false };
    assert_eq!(door.call(FOLLOW, Some(&own), gateway).await, Answer { code: None, has_data: true }, "its own");
    assert_eq!(door.call(FOLLOW, Some(&others), gateway).await, refused(PERMISSION_DENIED), "another Gateway's");
    let for_the_api = kubectl(&["create", "token", "default", "-n", "default"]).await.unwrap();
    for token in [None, Some("nonsense"), Some(for_the_api.trim())] {
        for method in [FOLLOW, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/x"] {
            assert_eq!(door.call(method, token, gateway).await, refused(UNAUTHENTICATED), "{method} with {token:?}");
        }
    }
    // Any ServiceAccount can have a token for the audience: it is the account that counts.
    let stranger = ["create", "token", "default", "-n", "kagent", "--audience", "sluice.dev/controller"];
    let stranger = kubectl(&stranger).await.unwrap();
    assert_eq!(
        door.call(FOLLOW, Some(stranger.trim()), gateway).await,
        refused(PERMISSION_DENIED),
        "another account's"
    );
}

/// No port but the documented ones, and on those nothing but health and metrics.
pub(crate) async fn get_nothing_from_any_port(cast: &Cast) {
    for controller in &cast.controllers {
        assert_eq!(controller.open_ports().await, BTreeSet::from([18000, 19000]), "{controller:?}");
        only_health(controller, 19000).await;
    }
    for replica in [&cast.one, &cast.other] {
        assert_eq!(replica.open_ports().await, BTreeSet::from([8080, 19001]), "{replica:?}");
        only_health(replica, 19001).await;
        let nothing = Raw::once(replica.at(8080), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert_eq!(nothing.head.status, 404, "no route is for it");
    }
}

async fn only_health(pod: &Pod, port: u16) {
    let ask = async |method: &str, path: &str| {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        Raw::once(pod.at(port), &request).await.head.status
    };
    for health in ["/livez", "/ready", "/metrics"] {
        assert_eq!(ask("GET", health).await, 200, "{health} of {}", pod.name);
    }
    for other in ["/", "/config_dump", "/statuses", "/listeners", "/debug/pprof", "/../etc/passwd"] {
        assert!(matches!(ask("GET", other).await, 403 | 404), "{other} of {}", pod.name);
    }
    assert_eq!(ask("POST", "/ready").await, 405);
}

/// A replica has one token, which the API server does not take; and its account may do nothing there anyway.
pub(crate) async fn get_nothing_from_the_cluster(replica: &Pod, account: &str) {
    assert_eq!(replica.read(API_TOKEN).await, None, "a token for the API server");
    let admin = Config::infer().await.unwrap();
    let mut by_token = Config::new(admin.cluster_url.clone());
    by_token.root_cert.clone_from(&admin.root_cert);
    by_token.auth_info.token = Some(replica.read(TOKEN).await.unwrap().into());
    let mut as_account = admin.clone();
    as_account.auth_info.impersonate = Some(account.to_owned());
    let kinds = kinds(&Client::try_from(admin).unwrap()).await;
    assert!(kinds.len() > 50, "{kinds:?}");
    for (config, code) in [(by_token, 401), (as_account, 403)] {
        let client = Client::try_from(config).unwrap();
        for kind in &kinds {
            let refused = Api::<DynamicObject>::all_with(client.clone(), kind).list(&ListParams::default()).await;
            assert!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == code), "{kind:?}: {refused:?}");
        }
    }
}

/// Every kind that can be listed.
async fn kinds(admin: &Client) -> Vec<ApiResource> {
    let discovery = Discovery::new(admin.clone()).run().await.unwrap();
    let all = discovery.groups().flat_map(|group| group.recommended_resources());
    all.filter(|(_, can)| can.supports_operation(verbs::LIST)).map(|(resource, _)| resource).collect()
}
