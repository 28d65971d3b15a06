//! Where the controllers keep their authority: one Secret, made by the first of them.

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
    if let Some(kept) = secrets.get_opt(SECRET).await.map_err(io::Error::other)? {
        return read(&kept, namespace);
    }
    let made = Authority::generate(SystemTime::now()).map_err(io::Error::other)?;
    match secrets.create(&PostParams::default(), &written(&made)).await {
        Ok(_) => Ok(made),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {
            let kept = secrets.get(SECRET).await.map_err(io::Error::other)?;
            read(&kept, namespace)
        }
        Err(error) => Err(io::Error::other(error)),
    }
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
    let field = |name: &str, text: &str| (name.to_owned(), ByteString(text.as_bytes().to_vec()));
    let labels = [("app.kubernetes.io/name", "sluice"), ("app.kubernetes.io/component", "controller")];
    Secret {
        metadata: ObjectMeta {
            name: Some(SECRET.to_owned()),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
            ..ObjectMeta::default()
        },
        type_: Some(TYPE.to_owned()),
        data: Some(BTreeMap::from([field(CERTIFICATE, authority.certificate_pem()), field(KEY, authority.key_pem())])),
        ..Secret::default()
    }
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
