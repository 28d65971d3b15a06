//! Where the controllers keep their authority: one Secret, filled by the first of them. Installations make it, empty, so
//! that controllers need no right to create Secrets, which RBAC cannot restrict to one name.

use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

use super::authority::Authority;

/// Name of the Secret, in the controllers' own namespace.
pub const SECRET: &str = "sluice-controller-ca";

const TYPE: &str = "kubernetes.io/tls";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// Reads the authority, or makes and keeps one. Of several controllers that start at once one makes it, and the others
/// read that one.
///
/// # Errors
/// The API server cannot be asked, or the Secret holds no authority: it is never replaced.
pub async fn authority(client: Client, namespace: &str) -> io::Result<Authority> {
    let secrets = Api::<Secret>::namespaced(client, namespace);
    let kept = secrets.get_opt(SECRET).await.map_err(io::Error::other)?;
    if let Some(kept) = kept.as_ref().filter(|kept| !is_empty(kept)) {
        return read(kept, namespace);
    }
    let made = Authority::generate(SystemTime::now()).map_err(io::Error::other)?;
    let params = PostParams::default();
    let kept = match kept {
        // With the resource version that was read: of several that fill it, one succeeds.
        Some(empty) => secrets.replace(SECRET, &params, &Secret { data: Some(data(&made)), ..empty }).await,
        None => secrets.create(&params, &written(&made)).await,
    };
    match kept {
        Ok(_) => Ok(made),
        Err(kube::Error::Api(status)) if status.is_already_exists() || status.is_conflict() => {
            let kept = secrets.get(SECRET).await.map_err(io::Error::other)?;
            read(&kept, namespace)
        }
        Err(error) => Err(io::Error::other(error)),
    }
}

fn is_empty(secret: &Secret) -> bool {
    secret.data.as_ref().is_none_or(BTreeMap::is_empty)
}

fn read(secret: &Secret, namespace: &str) -> io::Result<Authority> {
    let field = |name: &str| secret.data.as_ref().and_then(|data| data.get(name)).map(|bytes| bytes.0.as_slice());
    let broken = |why: &str| {
        io::Error::other(format!(
            "Secret {namespace}/{SECRET} holds no certificate authority: {why}; mend it, or delete it and start the \
             controllers and data planes anew"
        ))
    };
    let certificate = field(CERTIFICATE).ok_or_else(|| broken("it has no tls.crt"))?;
    let key = field(KEY).ok_or_else(|| broken("it has no tls.key"))?;
    Authority::from_pem(certificate, key).map_err(|error| broken(&error.to_string()))
}

fn written(authority: &Authority) -> Secret {
    let labels = [("app.kubernetes.io/name", "sluice"), ("app.kubernetes.io/component", "controller")];
    Secret {
        metadata: ObjectMeta {
            name: Some(SECRET.to_owned()),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
            ..ObjectMeta::default()
        },
        type_: Some(TYPE.to_owned()),
        data: Some(data(authority)),
        ..Secret::default()
    }
}

fn data(authority: &Authority) -> BTreeMap<String, ByteString> {
    let field = |name: &str, text: &str| (name.to_owned(), ByteString(text.as_bytes().to_vec()));
    BTreeMap::from([field(CERTIFICATE, authority.certificate_pem()), field(KEY, authority.key_pem())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let made = Authority::generate(SystemTime::now()).unwrap();
        let kept = read(&written(&made), "sluice").unwrap();
        assert_eq!(kept.certificate_pem(), made.certificate_pem());
    }

    #[test]
    fn a_broken_secret_is_named_and_its_content_is_not() {
        let mut secret = written(&Authority::generate(SystemTime::now()).unwrap());
        secret.data.as_mut().unwrap().insert(KEY.to_owned(), ByteString(b"marker".to_vec()));
        let error = read(&secret, "sluice").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("sluice/sluice-controller-ca") && !error.contains("marker"), "{error}");
        secret.data = None;
        assert!(read(&secret, "sluice").map(|_| ()).unwrap_err().to_string().contains("no tls.crt"));
    }
}
