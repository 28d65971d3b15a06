//! `RequestHeaderModifier` and `ResponseHeaderModifier` (Gateway API `HTTPHeaderFilter`).

use http::header::{HeaderName, HeaderValue};
use pingora_http::{RequestHeader, ResponseHeader};
use serde::Serialize;

use super::edit_failed::EditFailed;

/// Headers to set (replace), add (append) and remove, in that order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeaderModifier {
    /// Replaces all lines of the name.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Adds a line.
    pub add: Vec<(HeaderName, HeaderValue)>,
    /// Removes all lines of the name.
    pub remove: Vec<HeaderName>,
}

// pingora keeps a case map beside the header map, hence its own insert, append and remove on both kinds of head.
macro_rules! apply {
    ($modifier:expr, $head:expr) => {{
        for (name, value) in &$modifier.set {
            $head.insert_header(name.clone(), value.clone()).map_err(|_| EditFailed("header cannot be set"))?;
        }
        for (name, value) in &$modifier.add {
            $head.append_header(name.clone(), value.clone()).map_err(|_| EditFailed("header cannot be added"))?;
        }
        for name in &$modifier.remove {
            $head.remove_header(name);
        }
        Ok(())
    }};
}

impl HeaderModifier {
    /// Changes the head that goes upstream.
    ///
    /// # Errors
    /// The head takes no more headers.
    pub fn apply_to_request(&self, head: &mut RequestHeader) -> Result<(), EditFailed> {
        apply!(self, head)
    }

    /// Changes the head that goes to the client.
    ///
    /// # Errors
    /// The head takes no more headers.
    pub fn apply_to_response(&self, head: &mut ResponseHeader) -> Result<(), EditFailed> {
        apply!(self, head)
    }
}

impl Serialize for HeaderModifier {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let pairs = |list: &[(HeaderName, HeaderValue)]| list.iter().map(|(n, v)| line(n, v)).collect::<Vec<_>>();
        let removed = self.remove.iter().map(|n| n.as_str().to_owned()).collect();
        let parts = [("set", pairs(&self.set)), ("add", pairs(&self.add)), ("remove", removed)];
        s.collect_map(parts.into_iter().filter(|(_, list)| !list.is_empty()))
    }
}

/// Headers that carry credentials: who writes one into a route in clear shall at least not find it in a dump.
const CREDENTIALS: [&str; 6] =
    ["authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"];

fn line(name: &HeaderName, value: &HeaderValue) -> String {
    match CREDENTIALS.contains(&name.as_str()) || value.is_sensitive() {
        true => format!("{name}: <redacted>"),
        false => format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_replaces_add_appends_remove_removes() {
        let mut head = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in [("x-a", "1"), ("x-a", "2"), ("x-b", "1"), ("x-c", "1")] {
            head.append_header(name, value).unwrap();
        }
        let pair = |name: &str, value: &str| (name.parse().unwrap(), value.parse().unwrap());
        let modifier = HeaderModifier {
            set: vec![pair("x-a", "3")],
            add: vec![pair("x-b", "2")],
            remove: vec!["x-c".parse().unwrap()],
        };
        modifier.apply_to_request(&mut head).unwrap();
        let all = |name: &str| head.headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all("x-a"), ["3"]);
        assert_eq!(all("x-b"), ["1", "2"]);
        assert!(all("x-c").is_empty());
    }

    #[test]
    fn dumps_show_no_credential() {
        let pair = |name: &str, value: &str| (name.parse().unwrap(), value.parse().unwrap());
        let set = vec![pair("authorization", "Bearer secret"), pair("x-a", "shown")];
        let text = serde_json::to_string(&HeaderModifier { set, ..HeaderModifier::default() }).unwrap();
        assert!(!text.contains("secret") && text.contains("shown"), "{text}");
    }
}
