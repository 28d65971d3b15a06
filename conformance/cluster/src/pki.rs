//! The keys and certificates of one bed, made anew for each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

use crate::folder::Folder;

/// Where the API server listens for the bed's own processes.
pub const API_SERVER: &str = "https://127.0.0.1:6443";
/// The address that the node simulator gives its node; the API server is there for pods.
pub const NODE_ADDRESS: [u8; 4] = [10, 244, 0, 1];
/// The ClusterIP of Service `kubernetes`: the first of the range.
const API_SERVICE: [u8; 4] = [10, 96, 0, 1];
/// Who may do anything.
const MASTERS: &str = "system:masters";

/// A certificate and its key, as files.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// PEM.
    pub certificate: PathBuf,
    /// PEM (PKCS#8).
    pub key: PathBuf,
}

/// All of a bed's keys.
#[derive(Debug, Clone)]
pub struct Pki {
    /// The certificate that signed all others, PEM.
    pub ca: PathBuf,
    /// The API server's own.
    pub api_server: Leaf,
    /// What the API server shows to the kubelet when it asks for logs.
    pub kubelet_client: Leaf,
    /// What the kubelet's endpoint shows.
    pub kubelet: Leaf,
    /// Signs ServiceAccounts' tokens: the key is private, the "certificate" the public key.
    pub service_accounts: Leaf,
    /// The administrator's kubeconfig.
    pub admin: PathBuf,
    /// kube-controller-manager's kubeconfig.
    pub controller_manager: PathBuf,
    /// The node's kubeconfig.
    pub node: PathBuf,
}

impl Pki {
    /// Makes them in the bed's folder.
    pub fn make(folder: &Folder) -> io::Result<Self> {
        let place = folder.pki();
        fs::create_dir_all(&place)?;
        let authority = Authority::make(&place).map_err(io::Error::other)?;
        let kubeconfig = |user: &str, path: PathBuf| {
            let file_name = user.replace(':', "-");
            let leaf = authority.leaf(&place, &file_name, Subject::client(user)?)?;
            fs::write(&path, kubeconfig_text(&authority.certificate, &leaf))?;
            Ok::<_, io::Error>(path)
        };
        Ok(Self {
            api_server: authority.leaf(&place, "apiserver", Subject::api_server()?)?,
            kubelet_client: authority.leaf(
                &place,
                "kubelet-client",
                Subject::client("kube-apiserver-kubelet-client")?,
            )?,
            kubelet: authority.leaf(&place, "kubelet", Subject::kubelet())?,
            service_accounts: signing_key(&place)?,
            admin: kubeconfig("admin", folder.kubeconfig())?,
            controller_manager: kubeconfig(
                "system:kube-controller-manager",
                place.join("controller-manager.kubeconfig"),
            )?,
            node: kubeconfig("system:node:bed", place.join("node.kubeconfig"))?,
            ca: authority.certificate,
        })
    }
}

struct Authority {
    certificate: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

struct Subject {
    name: String,
    group: Option<&'static str>,
    usage: ExtendedKeyUsagePurpose,
    alternatives: Vec<SanType>,
}

impl Authority {
    fn make(place: &Path) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "bed-ca");
        let key = KeyPair::generate()?;
        let certificate = place.join("ca.crt");
        fs::write(&certificate, params.self_signed(&key)?.pem())?;
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    fn leaf(&self, place: &Path, file_name: &str, subject: Subject) -> io::Result<Leaf> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, subject.name);
        if let Some(group) = subject.group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.extended_key_usages = vec![subject.usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = subject.alternatives;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        write_pair(place, file_name, &certificate.pem(), &key.serialize_pem())
    }
}

impl Subject {
    fn client(user: &str) -> io::Result<Self> {
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        Ok(Self { name: user.to_owned(), group: Some(MASTERS), usage, alternatives: Vec::new() })
    }

    fn api_server() -> io::Result<Self> {
        let names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let names = names.into_iter().map(|name| Ia5String::try_from(name).map(SanType::DnsName));
        let mut alternatives = names.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
        let addresses = [[127, 0, 0, 1], API_SERVICE, NODE_ADDRESS];
        alternatives.extend(addresses.map(|address| SanType::IpAddress(address.into())));
        let usage = ExtendedKeyUsagePurpose::ServerAuth;
        Ok(Self { name: "kube-apiserver".to_owned(), group: None, usage, alternatives })
    }

    fn kubelet() -> Self {
        let alternatives = vec![SanType::IpAddress(NODE_ADDRESS.into())];
        Self { name: "kubelet".to_owned(), group: None, usage: ExtendedKeyUsagePurpose::ServerAuth, alternatives }
    }
}

fn signing_key(place: &Path) -> io::Result<Leaf> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    write_pair(place, "service-accounts", &key.public_key_pem(), &key.serialize_pem())
}

fn write_pair(place: &Path, name: &str, certificate: &str, key: &str) -> io::Result<Leaf> {
    let leaf = Leaf { certificate: place.join(format!("{name}.crt")), key: place.join(format!("{name}.key")) };
    fs::write(&leaf.certificate, certificate)?;
    fs::write(&leaf.key, key)?;
    Ok(leaf)
}

fn kubeconfig_text(ca: &Path, leaf: &Leaf) -> String {
    let (ca, certificate, key) = (ca.display(), leaf.certificate.display(), leaf.key.display());
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: bed
  cluster: {{server: \"{API_SERVER}\", certificate-authority: \"{ca}\"}}
users:
- name: bed
  user: {{client-certificate: \"{certificate}\", client-key: \"{key}\"}}
contexts:
- name: bed
  context: {{cluster: bed, user: bed}}
current-context: bed
"
    )
}
