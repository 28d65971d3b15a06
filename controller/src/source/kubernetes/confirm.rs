//! Asking for objects by name: whether those that a list lacks are really gone.

use std::sync::Arc;

use kube::Api;
use kube::api::DynamicObject;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::backoff::Backoff;
use crate::objects::key::Key;

/// Questions on the way at once.
const AT_ONCE: usize = 16;

/// Asks for one object after the other, as often as it takes to get an answer, and tells each answer: the object, or
/// that there is none.
pub(super) async fn confirm(
    api: impl Fn(&Key) -> Api<DynamicObject>,
    doubts: Vec<Key>,
    mut tell: impl FnMut(Key, Option<DynamicObject>),
) {
    let limit = Arc::new(Semaphore::new(AT_ONCE));
    let mut questions = JoinSet::new();
    for key in doubts {
        let (api, limit) = (api(&key), Arc::clone(&limit));
        questions.spawn(async move {
            let _turn = limit.acquire().await;
            let answer = ask(&api, &key.name).await;
            (key, answer)
        });
    }
    while let Some(answered) = questions.join_next().await {
        if let Ok((key, answer)) = answered {
            tell(key, answer);
        }
    }
}

async fn ask(api: &Api<DynamicObject>, name: &str) -> Option<DynamicObject> {
    let mut backoff = Backoff::at_api_server();
    loop {
        match api.get_opt(name).await {
            Ok(answer) => return answer,
            Err(error) => {
                tracing::debug!(%error, name, "asking for an object has failed");
                backoff.wait().await;
            }
        }
    }
}
