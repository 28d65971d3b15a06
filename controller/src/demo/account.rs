//! An account of what the gateway did with the demo's request: told by its own access log, by the provider where that
//! is ours, and by the objects.

use std::fmt;
use std::net::SocketAddr;

use http::Version;
use serde::Serialize;
use serde_json::Value;

use super::authority;
use super::client::PLACEHOLDER;
use super::provider::Seen;
use super::scene::Scene;

/// What happened to one request. What is not known is left out.
#[derive(Debug, Serialize)]
pub(super) struct Account {
    /// Where the client connected.
    listening: SocketAddr,
    gateway: String,
    listener: String,
    /// The rule that took the request.
    route: String,
    path: Rewrite,
    host: Rewrite,
    credential: Credential,
    upstream: Upstream,
    tokens: Tokens,
}

/// What the client sent, and what the provider got.
#[derive(Debug, Serialize)]
struct Rewrite {
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

#[derive(Debug, Serialize)]
struct Credential {
    /// What the client sent. The demo's own client is meant, whose key is none.
    from_client: &'static str,
    /// The Secret that replaced it.
    secret: String,
    /// How many such headers the provider got.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Upstream {
    address: String,
    protocol: String,
    tls: String,
    /// The name in the handshake and in the certificate.
    verified_name: String,
    /// Who vouches for the certificate.
    authority: String,
}

#[derive(Debug, Serialize)]
struct Tokens {
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_to_first_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_per_token_ms: Option<f64>,
    ending: String,
}

impl Account {
    /// Puts together what the parties say. `line` is the request's line of the access log; `seen` what the provider
    /// saw, `None` when it is not ours to ask.
    pub(super) fn of(listening: SocketAddr, line: &Value, scene: &Scene, seen: Option<Seen>) -> Self {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let milliseconds = |name: &str| line[name].as_f64().map(|seconds| (seconds * 10_000.0).round() / 10.0);
        let (path, host) = (Rewrite::new(text("path")), Rewrite::new(text("authority")));
        let mut account = Self {
            listening,
            gateway: text("gateway"),
            listener: text("listener"),
            route: text("route_name"),
            path,
            host,
            credential: Credential { from_client: PLACEHOLDER, secret: scene.secret.clone(), headers: None },
            upstream: Upstream {
                address: text("upstream_host"),
                protocol: protocol(&text("upstream_alpn")).to_owned(),
                tls: text("upstream_tls"),
                verified_name: scene.verified_name.clone(),
                authority: "the system's roots".to_owned(),
            },
            tokens: Tokens {
                input: line["gen_ai.usage.input_tokens"].as_u64(),
                output: line["gen_ai.usage.output_tokens"].as_u64(),
                time_to_first_ms: milliseconds("gen_ai.server.time_to_first_token"),
                time_per_token_ms: milliseconds("gen_ai.server.time_per_output_token"),
                ending: text("gen_ai.response.ending"),
            },
        };
        if let Some(seen) = seen {
            account.add(seen);
        }
        account
    }

    fn add(&mut self, seen: Seen) {
        let Seen { sni, version, tls, host, target, credentials } = seen;
        self.path.to = Some(target);
        self.host.to = Some(host);
        self.credential.headers = Some(credentials);
        self.upstream.verified_name = sni;
        self.upstream.authority = authority::NAME.to_owned();
        self.upstream.tls = tls.to_owned();
        self.upstream.protocol = protocol(if version == Version::HTTP_2 { "h2" } else { "http/1.1" }).to_owned();
    }
}

impl Rewrite {
    fn new(from: String) -> Self {
        Self { from, to: None }
    }
}

fn protocol(alpn: &str) -> &'static str {
    if alpn == "h2" { "HTTP/2" } else { "HTTP/1.1" }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listening, gateway, listener, route, path, host, credential, upstream, tokens } = self;
        let mut line = |label: &str, text: fmt::Arguments<'_>| writeln!(f, "  {label:<12} {text}");
        line("listener", format_args!("{listener} of Gateway {gateway}, at {listening}"))?;
        line("route", format_args!("{route}"))?;
        line("path", format_args!("{path}"))?;
        line("host", format_args!("{host}"))?;
        line("credential", format_args!("{credential}"))?;
        let Upstream { address, protocol, tls, verified_name, authority } = upstream;
        line("provider", format_args!("{address}, {protocol} over {tls}"))?;
        line("certificate", format_args!("verified: is for {verified_name}, signed by {authority}"))?;
        line("tokens", format_args!("{tokens}"))
    }
}

impl fmt::Display for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            Some(to) => write!(f, "{} → {to}", self.from),
            None => write!(f, "{}, rewritten", self.from),
        }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" → the one in Secret {}", self.from_client, self.secret)?;
        match self.headers {
            Some(1) => write!(f, "; the provider got that and no other"),
            Some(headers) => write!(f, "; the provider got {headers} headers"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
        write!(f, "{} in, {} out", count(self.input), count(self.output))?;
        if let Some(first) = self.time_to_first_ms {
            write!(f, "; the first after {first} ms")?;
        }
        if let Some(pace) = self.time_per_token_ms {
            write!(f, ", then one every {pace} ms")?;
        }
        write!(f, "; the stream ended: {}", self.ending)
    }
}
