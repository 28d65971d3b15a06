//! When the definition of a kind changes, what was read by the old one may lack fields: the API server leaves out what a
//! definition does not have, and for a moment its running watches still go by the old one. Such an object would stay as
//! it was read until its next edit. So the kind is read whole again.
//!
//! That a definition has changed is seen in the index of the OpenAPI documents, which names a hash of each group's
//! version and which every account may read.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Request;
use kube::{Client, Error};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::backoff::Spread;

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Between the hash and what it tells of: an API server computes the one and takes up the other apart from each other,
/// and one of several may be asked next.
const SETTLED: Duration = Duration::from_secs(2);

/// Hashes of definitions, by `GROUP/VERSION`.
pub(super) type Hashes = BTreeMap<String, String>;

/// What the API server answers to `/openapi/v3`.
#[derive(Deserialize)]
struct Index {
    paths: BTreeMap<String, Document>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "serverRelativeURL")]
    url: String,
}

/// Looks for ever. Who cannot be asked has changed nothing, and a group that is not there keeps its hash: an API server
/// that has just started does not know all of them yet.
pub(super) async fn look(client: Client, hashes: watch::Sender<Hashes>) {
    loop {
        match ask(&client).await {
            Ok(index) => drop(hashes.send_if_modified(|known| lay(index, known))),
            Err(error) => tracing::debug!(%error, "the API server does not tell its definitions"),
        }
        sleep(Spread::Half.of(LOOK_AGAIN)).await;
    }
}

async fn ask(client: &Client) -> Result<Index, Error> {
    let request = Request::get("/openapi/v3").body(Vec::new()).map_err(Error::HttpError)?;
    client.request(request).await
}

/// Lays what is there over what is known; says whether that changed something.
fn lay(index: Index, known: &mut Hashes) -> bool {
    let mut differs = false;
    for (path, Document { url }) in index.paths {
        let Some(version) = path.strip_prefix("apis/") else { continue };
        if let Some((_, hash)) = url.split_once("hash=") {
            differs |= known.insert(version.to_owned(), hash.to_owned()).is_none_or(|before| before != hash);
        }
    }
    differs
}

/// Returns when the hash of a version is another than when this was called, or than the first that is known later, and
/// time has passed for the new definition to be in force.
pub(super) async fn changed(hashes: &mut watch::Receiver<Hashes>, version: &str) {
    let first = hashes.wait_for(|now| now.contains_key(version)).await.map(|now| now.get(version).cloned());
    let Ok(before) = first else { return std::future::pending().await };
    if hashes.wait_for(|now| now.get(version) != before.as_ref()).await.is_err() {
        std::future::pending().await
    }
    sleep(SETTLED).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(paths: &[(&str, &str)]) -> Index {
        let document = |url: &str| Document { url: url.to_owned() };
        Index { paths: paths.iter().map(|(path, url)| ((*path).to_owned(), document(url))).collect() }
    }

    #[test]
    fn what_is_missing_keeps_its_hash() {
        let mut known = Hashes::new();
        let group = ("apis/x.y/v1", "/openapi/v3/apis/x.y/v1?hash=A");
        assert!(lay(index(&[("api/v1", "/openapi/v3/api/v1?hash=C"), group]), &mut known));
        assert_eq!(known, Hashes::from([("x.y/v1".to_owned(), "A".to_owned())]));
        assert!(!lay(index(&[]), &mut known));
        assert!(!lay(index(&[group]), &mut known));
        assert!(lay(index(&[(group.0, "/openapi/v3/apis/x.y/v1?hash=B")]), &mut known));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_hash_is_no_change() {
        let hashes = watch::Sender::new(Hashes::new());
        let mut seen = hashes.subscribe();
        let tell = |hash: &str| hashes.send_modify(|known| drop(known.insert("x/v1".to_owned(), hash.to_owned())));
        let soon = Duration::from_secs(1);
        let mut early = hashes.subscribe();
        let early = tokio::spawn(async move { changed(&mut early, "x/v1").await });
        tokio::task::yield_now().await;
        tell("A");
        assert!(tokio::time::timeout(soon, changed(&mut seen, "x/v1")).await.is_err());
        assert!(!early.is_finished());
        assert!(tokio::time::timeout(soon, changed(&mut seen, "other/v1")).await.is_err());
        let change = tokio::spawn(async move { changed(&mut seen, "x/v1").await });
        tokio::task::yield_now().await;
        tell("B");
        change.await.unwrap();
        early.await.unwrap();
    }
}
