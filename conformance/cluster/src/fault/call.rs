//! What a request to the API server is for.

use hyper::{Method, Uri};

/// A request, as far as faults tell one from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call<'a> {
    /// Of a resource, such as `httproutes`.
    List(&'a str),
    /// A stream of events; with `from`, of those after a version that the client knows.
    Watch { from: bool },
    /// Of one object, writes, discovery.
    Other,
}

impl<'a> Call<'a> {
    pub(super) fn of(method: &Method, uri: &'a Uri) -> Self {
        let query = |name: &str| {
            let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next_back()
        };
        let Some(resource) = collection(uri.path()).filter(|_| method == Method::GET) else { return Self::Other };
        match query("watch") {
            Some("true" | "1") => Self::Watch { from: !matches!(query("resourceVersion"), None | Some("" | "0")) },
            _ => Self::List(resource),
        }
    }
}

/// The resource of a path that ends with it: `/api/v1/…` or `/apis/GROUP/VERSION/…`, with or without a namespace.
fn collection(path: &str) -> Option<&str> {
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    let (["api", _, rest @ ..] | ["apis", _, _, rest @ ..]) = parts.as_slice() else { return None };
    match rest {
        [resource] | ["namespaces", _, resource] => Some(resource),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart() {
        let call = |uri: &str, expected: Call<'_>| assert_eq!(Call::of(&Method::GET, &uri.parse().unwrap()), expected);
        call("/api/v1/services?limit=500", Call::List("services"));
        call("/apis/gateway.networking.k8s.io/v1/httproutes", Call::List("httproutes"));
        call("/apis/apps/v1/namespaces/ai/deployments", Call::List("deployments"));
        call("/api/v1/namespaces", Call::List("namespaces"));
        call("/api/v1/secrets?watch=true&resourceVersion=7", Call::Watch { from: true });
        call("/api/v1/secrets?resourceVersion=0&watch=1", Call::Watch { from: false });
        call("/api/v1/namespaces/ai", Call::Other);
        call("/api/v1/namespaces/ai/secrets/key", Call::Other);
        call("/apis/gateway.networking.k8s.io/v1", Call::Other);
        call("/version", Call::Other);
        let uri = "/api/v1/services".parse().unwrap();
        assert_eq!(Call::of(&Method::POST, &uri), Call::Other);
    }
}
