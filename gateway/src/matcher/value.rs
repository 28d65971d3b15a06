//! Conditions on header and query values, and the regular expressions that all matchers share.

use http::HeaderMap;
use http::header::HeaderName;
use serde::Serialize;

/// A compiled expression that must match a whole value. Linear time, bounded size; equal when written the same.
#[derive(Debug, Clone)]
pub struct Pattern(regex::Regex);

/// A condition on one text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum ValueMatch {
    /// The whole value.
    Exact(String),
    /// An expression for the whole value.
    Regex(Pattern),
}

/// A condition on a header; several lines of one name count as joined by commas.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeaderMatch {
    /// Name, any case.
    #[serde(serialize_with = "name_text")]
    pub name: HeaderName,
    /// Condition on its value.
    pub value: ValueMatch,
}

/// A condition on a query parameter; the first of several of one name counts (Gateway API `HTTPQueryParamMatch`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueryMatch {
    /// Name, exact.
    pub name: String,
    /// Condition on its decoded value.
    pub value: ValueMatch,
}

impl Pattern {
    /// Compiles an expression as written by a user.
    ///
    /// # Errors
    /// The expression is malformed, or compiles to more than 1 MiB.
    pub fn new(text: &str) -> Result<Self, regex::Error> {
        regex::RegexBuilder::new(&format!("^(?:{text})$")).size_limit(1 << 20).build().map(Self)
    }

    /// True when the whole of `value` matches.
    pub fn holds(&self, value: &str) -> bool {
        self.0.is_match(value)
    }

    /// The expression as the user wrote it.
    pub fn as_str(&self) -> &str {
        let text = self.0.as_str();
        text.strip_prefix("^(?:").and_then(|t| t.strip_suffix(")$")).unwrap_or(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl ValueMatch {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => text == value,
            Self::Regex(pattern) => pattern.holds(value),
        }
    }
}

impl HeaderMatch {
    /// True when the headers carry the value asked for.
    pub fn holds(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(&self.name).iter().filter_map(|v| v.to_str().ok());
        let Some(first) = values.next() else { return false };
        match values.next() {
            None => self.value.holds(first),
            Some(second) => {
                let joined = [first, second].into_iter().chain(values).collect::<Vec<_>>().join(",");
                self.value.holds(&joined)
            }
        }
    }
}

impl QueryMatch {
    /// True when the query carries the value asked for.
    pub fn holds(&self, query: Option<&str>) -> bool {
        let pairs = query.unwrap_or("").split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let mut same_name = pairs.filter(|(name, _)| decode(name) == self.name);
        same_name.next().is_some_and(|(_, value)| self.value.holds(&decode(value)))
    }
}

/// Undoes percent escapes and `+`; what is no valid UTF-8 or escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = (*first == b'%').then(|| tail.get(..2)).flatten();
        let value = escape.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match value {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn name_text<S: serde::Serializer>(name: &HeaderName, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_match_whole_values() {
        let pattern = Pattern::new("a|b").unwrap();
        assert!(pattern.holds("a") && pattern.holds("b"));
        assert!(!pattern.holds("ab"));
        assert_eq!(pattern.as_str(), "a|b");
        assert!(Pattern::new("(").is_err());
    }

    #[test]
    fn queries_are_decoded_and_the_first_counts() {
        let asks = |value: &str| QueryMatch { name: "q".into(), value: ValueMatch::Exact(value.into()) };
        assert!(asks("a b").holds(Some("x=1&q=a%20b&q=c")));
        assert!(asks("a b").holds(Some("q=a+b")));
        assert!(!asks("c").holds(Some("q=a&q=c")));
        assert!(asks("%zz").holds(Some("q=%zz")));
        assert!(!asks("a").holds(None));
    }

    #[test]
    fn repeated_headers_count_as_joined() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", "1".parse().unwrap());
        let asks = |value: &str| HeaderMatch { name: "x-a".parse().unwrap(), value: ValueMatch::Exact(value.into()) };
        assert!(asks("1").holds(&headers));
        headers.append("x-a", "2".parse().unwrap());
        assert!(asks("1,2").holds(&headers));
        assert!(!asks("1").holds(&headers));
    }
}
