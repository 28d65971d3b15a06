//! The ServiceAccount tokens of a pod's projected volumes: asked for, and asked for again before they run out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ServiceAccount, ServiceAccountTokenProjection};
use kube::api::PostParams;
use kube::{Api, Client};

use crate::node::facts::Facts;
use crate::node::missing::Missing;

/// What a token is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    /// For whom; empty: the API server.
    pub(crate) audience: String,
    /// For how long.
    pub(crate) seconds: i64,
}

impl From<&ServiceAccountTokenProjection> for Claim {
    fn from(projection: &ServiceAccountTokenProjection) -> Self {
        let audience = projection.audience.clone().unwrap_or_default();
        Self { audience, seconds: projection.expiration_seconds.unwrap_or(3600) }
    }
}

/// The tokens that a pod has got.
#[derive(Clone, Default)]
pub(crate) struct Tokens(BTreeMap<Claim, String>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Tokens {
    /// The token of a claim.
    pub(crate) fn find(&self, claim: &Claim) -> Option<&str> {
        self.0.get(claim).map(String::as_str)
    }

    /// Keeps a token.
    pub(crate) fn insert(&mut self, claim: Claim, token: String) {
        self.0.insert(claim, token);
    }

    /// Asks for all tokens of a pod; how long until they should be asked for again (none: the pod has none).
    ///
    /// # Errors
    /// The API server gives none: there is no such ServiceAccount, say.
    pub(crate) async fn request(&mut self, client: &Client, facts: &Facts) -> Result<Option<Duration>, Missing> {
        let mut shortest = None;
        for claim in claims(facts) {
            let lifetime = self.one(client, facts, &claim).await?;
            shortest = Some(shortest.map_or(lifetime, |other: Duration| other.min(lifetime)));
        }
        // The kubelet's rule: at 80 % of its life, and after a day at the latest.
        Ok(shortest.map(|lifetime| (lifetime * 4 / 5).min(Duration::from_secs(24 * 3600))))
    }

    async fn one(&mut self, client: &Client, facts: &Facts, claim: &Claim) -> Result<Duration, Missing> {
        let account = facts.service_account();
        let missing = |cause: String| Missing::Token { account: account.to_owned(), cause };
        let api = Api::<ServiceAccount>::namespaced(client.clone(), facts.namespace());
        let answer = api.create_token_request(account, &PostParams::default(), &request(facts, claim)).await;
        let status = answer.map_err(|error| missing(error.to_string()))?.status;
        let status = status.ok_or_else(|| missing("the answer has none".to_owned()))?;
        self.insert(claim.clone(), status.token);
        Ok(Duration::from_secs(claim.seconds.unsigned_abs()))
    }
}

fn claims(facts: &Facts) -> BTreeSet<Claim> {
    let volumes = facts.spec().and_then(|spec| spec.volumes.as_deref()).unwrap_or_default();
    let projections = volumes.iter().filter_map(|volume| volume.projected.as_ref()?.sources.as_deref()).flatten();
    projections.filter_map(|source| source.service_account_token.as_ref()).map(Claim::from).collect()
}

/// Bound to the pod: it ends with it.
fn request(facts: &Facts, claim: &Claim) -> TokenRequest {
    let pod = BoundObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: Some(facts.name().to_owned()),
        uid: Some(facts.uid().to_owned()),
    };
    let audiences = Some(&claim.audience).filter(|audience| !audience.is_empty()).cloned().into_iter().collect();
    TokenRequest {
        spec: TokenRequestSpec { audiences, bound_object_ref: Some(pod), expiration_seconds: Some(claim.seconds) },
        ..TokenRequest::default()
    }
}
