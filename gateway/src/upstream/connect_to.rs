//! Where a connection really goes: curl's `--connect-to`, for tests and walk-throughs against a stand-in provider.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::cluster::Endpoint;

/// Sends connections that are meant for one place to another. SNI, the verified name and `Host` stay as they are.
///
/// Written `HOST:PORT:HOST2:PORT2`, IPv6 addresses in brackets. As in curl, an empty `HOST` or `PORT` stands for every
/// one, an empty `HOST2` or `PORT2` for the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectTo {
    host: Option<String>,
    port: Option<u16>,
    new_host: Option<String>,
    new_port: Option<u16>,
}

/// The text is no `HOST:PORT:HOST2:PORT2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidConnectTo(String);

impl ConnectTo {
    /// The place that stands in for `endpoint`; `None` when this one is not about it.
    pub fn apply(&self, endpoint: &Endpoint) -> Option<Endpoint> {
        let (host, port) = match endpoint {
            Endpoint::Fqdn { hostname, port } => (hostname.clone(), *port),
            Endpoint::Ip(address) => (address.ip().to_string(), address.port()),
        };
        let meant = self.host.as_ref().is_none_or(|h| *h == host) && self.port.is_none_or(|p| p == port);
        meant.then(|| {
            let hostname = self.new_host.clone().unwrap_or(host);
            let port = self.new_port.unwrap_or(port);
            match hostname.parse::<IpAddr>() {
                Ok(ip) => Endpoint::Ip(SocketAddr::new(ip, port)),
                Err(_) => Endpoint::Fqdn { hostname, port },
            }
        })
    }
}

impl FromStr for ConnectTo {
    type Err = InvalidConnectTo;

    fn from_str(text: &str) -> Result<Self, InvalidConnectTo> {
        let invalid = |why: &str| InvalidConnectTo(format!("{text:?} is not HOST:PORT:HOST2:PORT2: {why}"));
        let (host, rest) = split_host(text).map_err(invalid)?;
        let (port, rest) = rest.split_once(':').ok_or_else(|| invalid("PORT is not followed by ':'"))?;
        let (new_host, new_port) = split_host(rest).map_err(invalid)?;
        let number = |port: &str| match port {
            "" => Ok(None),
            digits => digits.parse().map(Some).map_err(|_| invalid("a port is a number from 0 to 65535")),
        };
        Ok(Self { host, port: number(port)?, new_host, new_port: number(new_port)? })
    }
}

/// Cuts a host and the colon behind it off the front.
fn split_host(text: &str) -> Result<(Option<String>, &str), &'static str> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => {
            let (host, rest) = inner.split_once("]:").ok_or("'[' has no matching ']:'")?;
            let ip: IpAddr = host.parse().map_err(|_| "what stands in brackets is no IP address")?;
            return Ok((Some(ip.to_string()), rest));
        }
        None => text.split_once(':').ok_or("a host is not followed by ':'")?,
    };
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    Ok(((!name.is_empty()).then_some(name), rest))
}

impl fmt::Display for InvalidConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidConnectTo {}

#[cfg(test)]
mod tests {
    use super::*;

    fn fqdn(hostname: &str, port: u16) -> Endpoint {
        Endpoint::Fqdn { hostname: hostname.to_owned(), port }
    }

    fn check(text: &str, endpoint: &Endpoint, expected: Option<&str>) {
        let found = text.parse::<ConnectTo>().unwrap().apply(endpoint);
        assert_eq!(found.map(|e| e.to_string()).as_deref(), expected, "{text} {endpoint}");
    }

    #[test]
    fn it_moves_what_it_names_and_nothing_else() {
        let api = fqdn("api.example.com", 443);
        check("api.example.com:443:127.0.0.1:8443", &api, Some("127.0.0.1:8443"));
        check("API.example.com.:443:stand-in:8443", &api, Some("stand-in:8443"));
        check("api.example.com:80:127.0.0.1:8443", &api, None);
        check("example.com:443:127.0.0.1:8443", &api, None);
        check(
            "[2001:DB8:0::1]:443:[::1]:8443",
            &Endpoint::Ip("[2001:db8::1]:443".parse().unwrap()),
            Some("[::1]:8443"),
        );
        check("10.0.0.1:80:b:81", &Endpoint::Ip("10.0.0.1:80".parse().unwrap()), Some("b:81"));
    }

    #[test]
    fn empty_parts_are_curls() {
        let api = fqdn("api.example.com", 443);
        check("::127.0.0.1:8443", &api, Some("127.0.0.1:8443"));
        check(":443::8443", &api, Some("api.example.com:8443"));
        check("api.example.com::b:", &api, Some("b:443"));
        check(":80:b:1", &api, None);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let wrong = |text: &str| text.parse::<ConnectTo>().unwrap_err().to_string();
        for text in ["", "a", "a:1", "a:1:b", "[::1:1:b:2", "[x]:1:b:2"] {
            assert!(wrong(text).contains("is not HOST:PORT:HOST2:PORT2"), "{text}");
        }
        assert!(wrong("a:x:b:1").contains("a port is a number"));
        assert!(wrong("a:1:b:70000").contains("a port is a number"));
    }
}
