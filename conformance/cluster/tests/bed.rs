//! What a bed is: a real control plane with the CRDs, RBAC, and an audit log. Runs inside one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sluice_cluster::audit::{Call, Request};
use sluice_cluster::bed::Bed;
use sluice_cluster::kubectl::Kubectl;
use sluice_testkit::wait::eventually;

/// For what controllers do on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn client_and_server_are_of_the_pinned_version() {
    let versions: Value = serde_json::from_str(&kubectl(&["version", "-o", "json"]).await).unwrap();
    let version = |of: &str| versions[of]["gitVersion"].as_str().unwrap().to_owned();
    let pinned = std::fs::read_to_string(here("go/k8s/go.mod")).unwrap();
    let pinned = pinned.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "));
    assert_eq!(
        [version("clientVersion"), version("serverVersion")],
        [pinned.unwrap().trim_end_matches(" // indirect"); 2]
    );
}

#[tokio::test]
async fn every_kind_of_deploy_crds_is_served() {
    let served = kubectl(&["api-resources", "--no-headers", "-o", "name"]).await;
    let served: Vec<&str> = served.lines().collect();
    let mut looked_for = 0;
    for file in std::fs::read_dir(here("../../deploy/crds")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        // GROUP_RESOURCE.yaml, as upstream names them.
        if let Some((group, resource)) = name.strip_suffix(".yaml").and_then(|name| name.split_once('_')) {
            assert!(served.contains(&format!("{resource}.{group}").as_str()), "{name} is not among {served:?}");
            looked_for += 1;
        }
    }
    assert!(looked_for > 5, "found {looked_for} CRDs");
}

#[tokio::test]
async fn the_walkthrough_is_accepted_unchanged() {
    apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kagent"}})).await;
    let mut files: Vec<_> = std::fs::read_dir(here("../../deploy/standalone/walkthrough")).unwrap().collect();
    files.sort_by_key(|file| file.as_ref().unwrap().file_name());
    for file in files {
        let path = file.unwrap().path();
        let said = kubectl(&["apply", "-f", path.to_str().unwrap()]).await;
        assert!(!said.is_empty() && said.lines().all(|line| line.ends_with(" created")), "{}: {said}", path.display());
    }
    let policy =
        kubectl(&["get", "backendtlspolicies.v1.gateway.networking.k8s.io", "-n", "kagent", "-o", "name"]).await;
    assert_eq!(policy.lines().count(), 1, "what was written as v1alpha3 is read as v1: {policy}");
}

#[tokio::test]
async fn rbac_denies_what_no_role_allows_and_the_audit_log_says_so() {
    kubectl(&["create", "namespace", "unbound"]).await;
    kubectl(&["create", "serviceaccount", "nobody", "-n", "unbound"]).await;
    let token = kubectl(&["create", "token", "nobody", "-n", "unbound"]).await;
    let nobody = Kubectl::with_token(token.trim());
    let said = nobody.run(&["get", "secrets", "-n", "unbound"]).await.unwrap_err().to_string();
    assert!(said.contains("Forbidden") && said.contains("system:serviceaccount:unbound:nobody"), "{said}");

    let user = "system:serviceaccount:unbound:nobody";
    let denied = |request: &Request| request.user.username == user && request.code() == 403;
    let log = Bed::from_env().unwrap().audit_log();
    eventually("the refusal in the audit log", LIMIT, async || log.requests().unwrap().iter().any(denied)).await;
    let call = Call { group: String::new(), resource: "secrets".to_owned(), verb: "list".to_owned() };
    assert!(log.calls_of(user).unwrap().contains(&call), "{:?}", log.calls_of(user));
}

#[tokio::test]
async fn a_token_review_knows_a_token_of_another_audience() {
    kubectl(&["create", "namespace", "reviewed"]).await;
    kubectl(&["create", "serviceaccount", "proxy", "-n", "reviewed"]).await;
    let token = kubectl(&["create", "token", "proxy", "-n", "reviewed", "--audience=sluice.dev/controller"]).await;
    let review = |audience: &str| {
        let spec = json!({"token": token.trim(), "audiences": [audience]});
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec});
        async move { Kubectl::new().create(&review).await.unwrap()["status"].clone() }
    };
    let ours = review("sluice.dev/controller").await;
    assert_eq!(ours["user"]["username"], "system:serviceaccount:reviewed:proxy");
    assert_eq!(review("https://kubernetes.default.svc").await["authenticated"], Value::Null);
}

#[tokio::test]
async fn controllers_make_pods_and_collect_what_has_no_owner() {
    kubectl(&["create", "namespace", "owned"]).await;
    let metadata = json!({"name": "owner", "namespace": "owned"});
    apply(&json!({"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "Backend", "metadata": metadata,
        "spec": {"endpoints": [{"fqdn": {"hostname": "a.example", "port": 443}}]}}))
    .await;
    let owner = kubectl(&["get", "backend", "owner", "-n", "owned", "-o", "jsonpath={.metadata.uid}"]).await;
    let owners =
        json!([{"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "Backend", "name": "owner", "uid": owner}]);
    let metadata = json!({"name": "made", "namespace": "owned", "ownerReferences": owners});
    let labels = json!({"app": "made"});
    let pod =
        json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "made", "image": "nowhere/made:1"}]}});
    apply(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}}))
    .await;
    let pods = async || kubectl(&["get", "pods", "-n", "owned", "-l", "app=made", "-o", "name"]).await.lines().count();
    eventually("two pods", LIMIT, async || pods().await == 2).await;
    kubectl(&["delete", "backend", "owner", "-n", "owned"]).await;
    eventually("no pod", LIMIT, async || pods().await == 0).await;
}

async fn kubectl(args: &[&str]) -> String {
    Kubectl::new().run(args).await.unwrap()
}

async fn apply(object: &Value) {
    Kubectl::new().apply(object).await.unwrap();
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
