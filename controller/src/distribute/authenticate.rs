//! Who calls.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::objects::key::Key;

/// The longest token that is looked at; those of Kubernetes have about 1,000 bytes.
const MAX_TOKEN: usize = 16 << 10;

/// A ServiceAccount that proved to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub service_account: String,
    /// When its proof ends; the stream ends with it.
    pub expires: Option<SystemTime>,
}

/// Why a token proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is no token of a ServiceAccount for this audience.
    Invalid,
    /// It cannot be checked at present.
    Unavailable,
}

/// Checks tokens.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Who the token belongs to.
    ///
    /// # Errors
    /// It is refused.
    async fn authenticate(&self, token: &str) -> Result<Identity, Refused>;
}

/// Which ServiceAccount the data plane of a Gateway runs as; `None` for a Gateway that has no data plane. Only that
/// account gets the Gateway's snapshot.
pub type AccountOf = Arc<dyn Fn(&Key) -> Option<String> + Send + Sync>;

/// The token that a request carries.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let token = value.to_str().ok()?.strip_prefix("Bearer ")?.trim();
    (!token.is_empty() && token.len() <= MAX_TOKEN).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bearer_token() {
        let found = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(found(&["Bearer abc"]).as_deref(), Some("abc"));
        for none in [&[][..], &["Bearer "], &["Basic abc"], &["abc"], &["Bearer a", "Bearer b"]] {
            assert_eq!(found(none), None, "{none:?}");
        }
        assert_eq!(found(&[&format!("Bearer {}", "a".repeat(MAX_TOKEN + 1))]), None);
    }
}
