//! `RequestHeadModifier` and `ResponseHeadModifier` (Gateway API `HTTPHeaderFilter`).

use http::header::{HeaderMap, HeaderName, HeaderValue};
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

impl HeaderModifier {
    /// Changes the headers of a head.
    ///
    /// # Errors
    /// It takes no more of them.
    pub fn apply(&self, headers: &mut HeaderMap) -> Result<(), EditFailed> {
        for (name, value) in &self.set {
            headers.try_insert(name.clone(), value.clone()).map_err(|_| EditFailed("header cannot be set"))?;
        }
        for (name, value) in &self.add {
            headers.try_append(name.clone(), value.clone()).map_err(|_| EditFailed("header cannot be added"))?;
        }
        for name in &self.remove {
            headers.remove(name);
        }
        Ok(())
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
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-a", "1"), ("x-a", "2"), ("x-b", "1"), ("x-c", "1")] {
            headers.append(name, value.parse().unwrap());
        }
        let pair = |name: &str, value: &str| (name.parse().unwrap(), value.parse().unwrap());
        let modifier = HeaderModifier {
            set: vec![pair("x-a", "3")],
            add: vec![pair("x-b", "2")],
            remove: vec!["x-c".parse().unwrap()],
        };
        modifier.apply(&mut headers).unwrap();
        let all = |name: &str| headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
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
