//! Knocking at the controller's stream, as a replica does or as a stranger.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use sluice_testkit::wait::within;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The one method.
pub(crate) const FOLLOW: &str = "/sluice.stream.v1.Stream/Follow";
/// gRPC's codes.
pub(crate) const PERMISSION_DENIED: &str = "7";
pub(crate) const UNAUTHENTICATED: &str = "16";

/// What came of it: gRPC's code if the call ended, and the first bytes of the answer if there were any.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: Option<String>,
    pub(crate) has_data: bool,
}

/// The controller's port, and the authority that its certificate is checked by.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) authority_pem: String,
}

impl Door {
    /// Calls a method and says hello for a Gateway; waits for the end or for the first bytes.
    pub(crate) async fn call(&self, path: &str, token: Option<&str>, gateway: &str) -> Answer {
        let tcp = within("a connection", TcpStream::connect(self.address)).await.unwrap();
        let name = ServerName::try_from("sluice-controller.sluice-system.svc").unwrap();
        let tls = within("TLS", TlsConnector::from(self.config()).connect(name, tcp)).await.unwrap();
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::post(format!("https://sluice-controller.sluice-system.svc:18000{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::<Bytes>::from(hello(gateway))).unwrap();
        let response = within("an answer", sender.send_request(request)).await.unwrap();
        let answer = read(response).await;
        connection.abort();
        answer
    }

    fn config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Arc::new(config)
    }
}

async fn read(response: http::Response<hyper::body::Incoming>) -> Answer {
    let code = |headers: &HeaderMap| headers.get("grpc-status").map(|value| value.to_str().unwrap().to_owned());
    if let Some(code) = code(response.headers()) {
        let rest = within("the end", response.into_body().collect()).await.unwrap().to_bytes();
        return Answer { code: Some(code), has_data: !rest.is_empty() };
    }
    let mut body = response.into_body();
    while let Some(frame) = within("the first bytes", body.frame()).await {
        match frame.unwrap().into_data() {
            Ok(data) if !data.is_empty() => return Answer { code: None, has_data: true },
            Ok(_) => {}
            Err(frame) => return Answer { code: frame.trailers_ref().and_then(code), has_data: false },
        }
    }
    Answer { code: None, has_data: false }
}

/// `FromReplica { hello: Hello { gateway, replica: "stranger" } }`, framed; every length is below 128.
fn hello(gateway: &str) -> Vec<u8> {
    let field = |tag: u8, bytes: &[u8]| [&[tag << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let hello = [field(1, gateway.as_bytes()), field(2, b"stranger")].concat();
    let message = field(1, &hello);
    [&[0, 0, 0, 0, u8::try_from(message.len()).unwrap()], message.as_slice()].concat()
}
