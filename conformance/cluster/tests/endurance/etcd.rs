//! The store behind the API server. In a real cluster the API servers have machines of their own; here one shares two
//! cores with everything else, and admitting a route costs it some milliseconds. A storm is therefore written where API
//! servers write. What watchers are sent is the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::{Client, Config};
use serde_json::{Value, json};

/// Where a bed's etcd listens.
const AT: &str = "http://127.0.0.1:2379";
const ROUTES: &str = "/registry/gateway.networking.k8s.io/httproutes";

/// The objects of one namespace.
#[derive(Clone)]
pub(crate) struct Etcd {
    client: Client,
    namespace: &'static str,
    /// As they were written last, to be changed without being read again.
    known: Arc<Mutex<HashMap<String, Stored>>>,
}

/// An object, and the revision at which it was written.
struct Stored {
    revision: String,
    object: Value,
}

impl Etcd {
    pub(crate) fn of(namespace: &'static str) -> Self {
        let client = Client::try_from(Config::new(AT.parse().unwrap())).unwrap();
        Self { client, namespace, known: Arc::default() }
    }

    /// Changes what a route says as the API server does it: the generation counts on, the status stays, and who wrote in
    /// between is not overwritten.
    pub(crate) async fn change_route(&self, name: &str, spec: &Value) {
        let key = STANDARD.encode(format!("{ROUTES}/{}/{name}", self.namespace));
        let known = self.known.lock().unwrap().remove(name);
        let mut stored = match known {
            Some(stored) => stored,
            None => Stored::first_of(&self.call("/v3/kv/range", &json!({ "key": key })).await),
        };
        let written = loop {
            match self.replace(&key, stored.changed(spec), &stored.revision).await {
                Ok(written) => break written,
                Err(newer) => stored = newer,
            }
        };
        self.known.lock().unwrap().insert(name.to_owned(), written);
    }

    /// The revision of the last change.
    pub(crate) fn last_revision(&self) -> u64 {
        self.known.lock().unwrap().values().map(|stored| stored.revision.parse().unwrap()).max().unwrap()
    }

    /// What is stored afterwards, or what somebody else has stored since that revision.
    async fn replace(&self, key: &str, object: Value, revision: &str) -> Result<Stored, Stored> {
        let value = STANDARD.encode(serde_json::to_vec(&object).unwrap());
        let unchanged = json!({"key": key, "target": "MOD", "result": "EQUAL", "mod_revision": revision});
        let put = json!({"request_put": {"key": key, "value": value}});
        let get = json!({"request_range": {"key": key}});
        let transaction = json!({"compare": [unchanged], "success": [put], "failure": [get]});
        let answer = self.call("/v3/kv/txn", &transaction).await;
        match answer["succeeded"].as_bool() {
            Some(true) => Ok(Stored { revision: text(&answer["header"], "revision"), object }),
            _ => Err(Stored::first_of(&answer["responses"][0]["response_range"])),
        }
    }

    async fn call(&self, path: &str, body: &Value) -> Value {
        let request = http::Request::post(path).header("content-type", "application/json");
        let request = request.body(serde_json::to_vec(body).unwrap()).unwrap();
        self.client.request(request).await.unwrap_or_else(|error| panic!("etcd: {path}: {error}"))
    }
}

impl Stored {
    fn first_of(range: &Value) -> Self {
        let entry = &range["kvs"][0];
        let object = serde_json::from_slice(&STANDARD.decode(text(entry, "value")).unwrap()).unwrap();
        Self { revision: text(entry, "mod_revision"), object }
    }

    fn changed(&self, spec: &Value) -> Value {
        let mut object = self.object.clone();
        object["spec"] = spec.clone();
        object["metadata"]["generation"] = json!(object["metadata"]["generation"].as_u64().unwrap() + 1);
        object
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}
