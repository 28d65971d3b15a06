//! Small worlds of objects, as the YAML that a user would write.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Documents of one file.
pub fn documents(documents: &[String]) -> String {
    documents.join("---\n")
}

/// A Gateway `ai/NAME` with one HTTP listener `http`.
pub fn gateway(name: &str, port: u16) -> String {
    format!(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: {name}, namespace: ai}}
spec:
  gatewayClassName: ack-gateway
  listeners:
  - {{name: http, protocol: HTTP, port: {port}}}
"
    )
}

/// An HTTPRoute `ai/NAME` with rules as made by [`Rule`].
pub fn http_route(name: &str, gateway: &str, rules: &[Rule]) -> String {
    let rules: String = rules.iter().map(Rule::text).collect();
    format!(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}, namespace: ai}}
spec:
  parentRefs:
  - {{name: {gateway}}}
  rules:
{rules}"
    )
}

/// One rule of an HTTPRoute.
#[derive(Debug, Clone)]
pub struct Rule {
    prefix: String,
    backend: String,
    filters: Vec<String>,
    timeouts: Option<String>,
}

impl Rule {
    /// Sends what begins with `prefix` to a Backend.
    pub fn forward(prefix: &str, backend: &str) -> Self {
        Self { prefix: prefix.into(), backend: backend.into(), filters: Vec::new(), timeouts: None }
    }

    /// Rewrites prefix and host.
    #[must_use]
    pub fn rewrite(self, host: &str, prefix: &str) -> Self {
        self.filter(&format!(
            "{{type: URLRewrite, urlRewrite: {{hostname: {host}, path: {{type: ReplacePrefixMatch, replacePrefixMatch: {prefix}}}}}}}"
        ))
    }

    /// Refers to an HTTPRouteFilter.
    #[must_use]
    pub fn extension(self, filter: &str) -> Self {
        self.filter(&format!(
            "{{type: ExtensionRef, extensionRef: {{group: gateway.envoyproxy.io, kind: HTTPRouteFilter, name: {filter}}}}}"
        ))
    }

    /// Adds a header to the request that goes upstream.
    #[must_use]
    pub fn request_header(self, name: &str, value: &str) -> Self {
        self.filter(&format!(
            "{{type: RequestHeaderModifier, requestHeaderModifier: {{set: [{{name: {name}, value: {value:?}}}]}}}}"
        ))
    }

    /// Adds any filter, as YAML in flow style.
    #[must_use]
    pub fn filter(mut self, yaml: &str) -> Self {
        self.filters.push(yaml.to_owned());
        self
    }

    /// Sets both timeouts, in the form of the Gateway API (`10s`).
    #[must_use]
    pub fn timeouts(mut self, request: &str, backend_request: &str) -> Self {
        self.timeouts = Some(format!("{{request: {request}, backendRequest: {backend_request}}}"));
        self
    }

    fn text(&self) -> String {
        let Self { prefix, backend, filters, timeouts } = self;
        let filters: String = filters.iter().map(|filter| format!("    - {filter}\n")).collect();
        let filters = if filters.is_empty() { filters } else { format!("    filters:\n{filters}") };
        let timeouts = timeouts.as_ref().map_or_else(String::new, |t| format!("    timeouts: {t}\n"));
        format!(
            "  - matches:
    - path: {{type: PathPrefix, value: {prefix}}}
    backendRefs:
    - {{group: gateway.envoyproxy.io, kind: Backend, name: {backend}}}
{filters}{timeouts}"
        )
    }
}

/// A Backend `ai/NAME` at a fixed address.
pub fn backend(name: &str, address: SocketAddr) -> String {
    backend_of(name, &format!("{{ip: {{address: {:?}, port: {}}}}}", address.ip().to_string(), address.port()))
}

/// A Backend `ai/NAME` at a name.
pub fn fqdn_backend(name: &str, hostname: &str, port: u16) -> String {
    backend_of(name, &format!("{{fqdn: {{hostname: {hostname}, port: {port}}}}}"))
}

fn backend_of(name: &str, endpoint: &str) -> String {
    format!(
        "\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {{name: {name}, namespace: ai}}
spec:
  endpoints:
  - {endpoint}
"
    )
}

/// A BackendTLSPolicy `ai/NAME` for a Backend, its authority in a ConfigMap.
pub fn tls_policy(name: &str, backend: &str, hostname: &str, config_map: &str) -> String {
    format!(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: {name}, namespace: ai}}
spec:
  targetRefs:
  - {{group: gateway.envoyproxy.io, kind: Backend, name: {backend}}}
  validation:
    hostname: {hostname}
    caCertificateRefs:
    - {{group: '', kind: ConfigMap, name: {config_map}}}
"
    )
}

/// A ConfigMap `ai/NAME` with a certificate authority.
pub fn ca_config_map(name: &str, pem: &str) -> String {
    let pem: String = pem.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "\
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}, namespace: ai}}
data:
  ca.crt: |
{pem}"
    )
}

/// A Secret `ai/NAME` with a credential.
pub fn secret(name: &str, credential: &str) -> String {
    format!(
        "\
apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: ai}}
stringData:
  credential: {credential:?}
"
    )
}

/// An HTTPRouteFilter `ai/NAME` that injects a Secret's credential.
pub fn credential_filter(name: &str, secret: &str, overwrite: bool) -> String {
    format!(
        "\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: HTTPRouteFilter
metadata: {{name: {name}, namespace: ai}}
spec:
  credentialInjection:
    overwrite: {overwrite}
    credential:
      valueRef: {{name: {secret}}}
"
    )
}

/// Writes a file as careful editors do: whole, beside, and renamed into place.
pub fn replace(file: &Path, text: &str) {
    // No YAML by its name, so that the watched folder's reader does not see it half-written.
    let beside = file.with_extension("tmp");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, file).unwrap();
}

/// The folder of the walk-through's own objects.
pub fn walkthrough() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/standalone/walkthrough")
}
