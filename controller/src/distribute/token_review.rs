//! Tokens, checked by the API server.

mod memory;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::authenticate::{Authenticator, Identity, Refused};
use super::protocol::AUDIENCE;
use memory::Memory;

/// Reviews at a time: strangers' tokens must not keep the API server busy.
const AT_A_TIME: usize = 8;
/// How long a review may take, with the wait for its turn.
const PATIENCE: Duration = Duration::from_secs(8);
/// What a ServiceAccount is called where users are named.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// Asks the API server (`TokenReview`), and remembers the answer for a minute.
pub struct TokenReviews {
    reviews: Api<TokenReview>,
    turns: Semaphore,
    memory: Memory,
}

impl TokenReviews {
    /// Asks through this client, which may create TokenReviews.
    pub fn new(client: Client) -> Self {
        Self { reviews: Api::all(client), turns: Semaphore::new(AT_A_TIME), memory: Memory::default() }
    }

    async fn review(&self, token: &str) -> Result<Identity, Refused> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await.map_err(|_| Refused::Unavailable)?;
        let spec = TokenReviewSpec { audiences: Some(vec![AUDIENCE.to_owned()]), token: Some(token.to_owned()) };
        let review = TokenReview { spec, ..TokenReview::default() };
        match self.reviews.create(&PostParams::default(), &review).await {
            Ok(answer) => identity(answer.status.as_ref(), claims(token)),
            Err(error) => {
                // Says what the API server answered, or why it could not be reached; neither holds the token.
                tracing::warn!(%error, "a token cannot be reviewed");
                Err(Refused::Unavailable)
            }
        }
    }
}

#[async_trait]
impl Authenticator for TokenReviews {
    async fn authenticate(&self, token: &str) -> Result<Identity, Refused> {
        let now = SystemTime::now();
        // Nothing is proved by this, but most of what is no token of ours never gets to the API server.
        if !claims(token).is_some_and(|claims| claims.may_be_ours(now)) {
            return Err(Refused::Invalid);
        }
        if let Some(known) = self.memory.recall(token, now) {
            return known;
        }
        let answer = timeout(PATIENCE, self.review(token)).await.unwrap_or(Err(Refused::Unavailable));
        if answer != Err(Refused::Unavailable) {
            self.memory.keep(token, answer.clone(), now);
        }
        answer
    }
}

/// What a token says of itself (RFC 7519); true only if the API server says so.
#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(default)]
    aud: Audience,
    exp: Option<u64>,
    #[serde(default)]
    sub: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Claims {
    fn may_be_ours(&self, now: SystemTime) -> bool {
        let is_for_us = match &self.aud {
            Audience::One(one) => one == AUDIENCE,
            Audience::Several(several) => several.iter().any(|one| one == AUDIENCE),
        };
        is_for_us && self.sub.starts_with(SERVICE_ACCOUNT) && self.expires().is_none_or(|end| end > now)
    }

    fn expires(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.exp?))
    }
}

fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else { return None };
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn identity(status: Option<&TokenReviewStatus>, claims: Option<Claims>) -> Result<Identity, Refused> {
    let status = status.filter(|status| status.authenticated == Some(true)).ok_or(Refused::Invalid)?;
    let is_for_us = status.audiences.iter().flatten().any(|audience| audience == AUDIENCE);
    let user = status.user.as_ref().and_then(|user| user.username.as_deref()).unwrap_or_default();
    let account = user.strip_prefix(SERVICE_ACCOUNT).and_then(|account| account.split_once(':'));
    match account {
        Some((namespace, name)) if is_for_us => Ok(Identity {
            namespace: namespace.to_owned(),
            service_account: name.to_owned(),
            expires: claims.and_then(|claims| claims.expires()),
        }),
        _ => Err(Refused::Invalid),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::authentication::v1::UserInfo;
    use serde_json::{Value, json};

    use super::*;

    fn token(payload: &Value) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload.to_string()))
    }

    fn payload() -> Value {
        json!({"aud": [AUDIENCE], "exp": 2_000_000_000, "sub": "system:serviceaccount:ai:gateway-sluice"})
    }

    #[test]
    fn what_cannot_be_a_token_of_ours_is_seen_at_once() {
        let now = UNIX_EPOCH + Duration::from_secs(1_900_000_000);
        let passes = |token: &str, now| claims(token).is_some_and(|claims| claims.may_be_ours(now));
        assert!(passes(&token(&payload()), now));
        assert!(!passes(&token(&payload()), now + Duration::from_secs(200_000_000)), "expired");
        for (field, value) in [("aud", json!(["other"])), ("aud", json!("other")), ("sub", json!("admin"))] {
            let mut changed = payload();
            changed[field] = value;
            assert!(!passes(&token(&changed), now), "{field}");
        }
        for text in ["", "a.b", "a.b.c.d", "a.!!.c"] {
            assert!(!passes(text, now), "{text}");
        }
    }

    #[test]
    fn the_api_server_decides() {
        let status = |authenticated, user: &str, audience: &str| TokenReviewStatus {
            authenticated: Some(authenticated),
            audiences: Some(vec![audience.to_owned()]),
            user: Some(UserInfo { username: Some(user.to_owned()), ..UserInfo::default() }),
            ..TokenReviewStatus::default()
        };
        let ask = |status: &TokenReviewStatus| identity(Some(status), claims(&token(&payload())));
        let user = "system:serviceaccount:ai:gateway-sluice";
        let known = ask(&status(true, user, AUDIENCE)).unwrap();
        assert_eq!((known.namespace.as_str(), known.service_account.as_str()), ("ai", "gateway-sluice"));
        assert_eq!(known.expires, UNIX_EPOCH.checked_add(Duration::from_secs(2_000_000_000)));
        for refused in [status(false, user, AUDIENCE), status(true, user, "other"), status(true, "admin", AUDIENCE)] {
            assert_eq!(ask(&refused), Err(Refused::Invalid));
        }
        assert_eq!(identity(None, None), Err(Refused::Invalid));
    }
}
