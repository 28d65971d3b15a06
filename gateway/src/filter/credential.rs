//! Credential injection (Envoy Gateway `HTTPRouteFilter.spec.credentialInjection`).

use std::fmt;
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use serde::Serialize;

use super::edit_failed::EditFailed;
use crate::head::RequestHead;

const REDACTED: &str = "<redacted>";

/// A header value that must never be seen. `Debug` and `Serialize` say `<redacted>`; there is no `Display`, and the
/// only ways out are [`CredentialInjection::apply`] and the wire to a replica. Marked sensitive, so that HTTP/2 never indexes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The object that it came from; what many rules share travels to a replica once, under this name.
    source: Arc<str>,
    value: HeaderValue,
}

/// Puts a credential into the head that goes upstream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CredentialInjection {
    /// The header that carries it; `Authorization` by default.
    #[serde(serialize_with = "name_text")]
    pub header: HeaderName,
    /// What stands in the header, whole (`Bearer …` included).
    pub credential: Credential,
    /// Whether a header that the client sent is replaced. When `false` it goes up unchanged and nothing is injected.
    pub overwrite: bool,
}

/// The bytes of a Secret make no header value; the text says why and never what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidCredential(pub &'static str);

impl Credential {
    /// Takes the bytes of a Secret; line ends at the end are cut, since `echo key | base64` leaves one.
    ///
    /// # Errors
    /// Nothing is left, or a control character is inside.
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidCredential> {
        let end = bytes.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |last| last + 1);
        if end == 0 {
            return Err(InvalidCredential("is empty"));
        }
        let mut value = HeaderValue::from_bytes(&bytes[..end])
            .map_err(|_| InvalidCredential("contains control characters, which no header can carry"))?;
        value.set_sensitive(true);
        Ok(Self { source: Arc::default(), value })
    }

    /// Says where it came from: kind, namespace and name, such as `secret/ai/key`.
    #[must_use]
    pub fn from_source(self, source: impl Into<Arc<str>>) -> Self {
        Self { source: source.into(), ..self }
    }

    /// Where it came from; empty where nobody said so.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// For the wire alone, which brings it to the data plane that applies it.
    pub(crate) fn reveal(&self) -> &[u8] {
        self.value.as_bytes()
    }

    /// Feeds the value to a hash, for keys that must differ when credentials differ.
    pub fn hash_into(&self, state: &mut impl std::hash::Hasher) {
        std::hash::Hash::hash(self.value.as_bytes(), state);
    }
}

impl CredentialInjection {
    /// Leaves exactly one such header in the head: the injected one, or the client's where `overwrite` is `false`.
    ///
    /// # Errors
    /// The head takes no more headers.
    pub fn apply(&self, head: &mut RequestHead) -> Result<(), EditFailed> {
        if !self.overwrite && head.headers.contains_key(&self.header) {
            return Ok(());
        }
        let injected = head.headers.try_insert(self.header.clone(), self.credential.value.clone());
        injected.map(drop).map_err(|_| EditFailed("the credential cannot be injected"))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Credential {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(REDACTED)
    }
}

fn name_text<S: serde::Serializer>(name: &HeaderName, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(name.as_str())
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use super::*;
    use crate::head;

    fn injection(overwrite: bool) -> CredentialInjection {
        let credential = Credential::new(b"Bearer secret\r\n").unwrap();
        CredentialInjection { header: http::header::AUTHORIZATION, credential, overwrite }
    }

    fn after(overwrite: bool, sent: &[&str]) -> Vec<String> {
        let mut head = head::request(Method::GET, Uri::from_static("/"));
        for value in sent {
            head.headers.append("authorization", value.parse().unwrap());
        }
        injection(overwrite).apply(&mut head).unwrap();
        head.headers.get_all("authorization").iter().map(|v| v.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn overwrite_leaves_exactly_ours() {
        assert_eq!(after(true, &[]), ["Bearer secret"]);
        assert_eq!(after(true, &["a", "b"]), ["Bearer secret"]);
    }

    #[test]
    fn without_overwrite_the_clients_own_goes_up() {
        assert_eq!(after(false, &["mine"]), ["mine"]);
        assert_eq!(after(false, &[]), ["Bearer secret"]);
    }

    #[test]
    fn it_cannot_be_seen() {
        let injection = injection(true);
        let mut head = head::request(Method::GET, Uri::from_static("/"));
        injection.apply(&mut head).unwrap();
        for text in [format!("{injection:?}"), serde_json::to_string(&injection).unwrap(), format!("{head:?}")] {
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn unusable_bytes_are_refused_without_being_shown() {
        assert_eq!(Credential::new(b"\n").unwrap_err().0, "is empty");
        assert!(Credential::new(b"a\nb").unwrap_err().0.contains("control characters"));
    }
}
