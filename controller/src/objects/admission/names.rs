//! Forms of names: what may stand in a field that names something.

use std::net::IpAddr;

/// A text that has not the form it should have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;
const LONGEST_HEADER_NAME: usize = 256;
const LONGEST_HEADER_VALUE: usize = 4096;

/// RFC 1123 label: namespaces.
pub(super) fn label(text: &str) -> Result<(), Broken> {
    let remedy = "use at most 63 lower-case letters, digits and '-', with a letter or digit at both ends";
    ensure(is_label(text) && text.len() <= LONGEST_LABEL, || format!("{text:?} is no RFC 1123 label"), remedy)
}

/// RFC 1123 subdomain: names of objects, listeners, rules and ports.
pub(super) fn subdomain(text: &str) -> Result<(), Broken> {
    let remedy = "use lower-case letters, digits, '-' and '.', with a letter or digit at both ends of each part";
    ensure(is_subdomain(text), || format!("{text:?} is no RFC 1123 subdomain"), remedy)
}

/// The name of an object that is referred to: not empty, not too long.
pub(super) fn reference(text: &str) -> Result<(), Broken> {
    let message = || "is empty or longer than 253 characters".to_owned();
    ensure(!text.is_empty() && text.len() <= LONGEST_NAME, message, "write the name of the object")
}

/// An API group; empty for the core.
pub(super) fn group(text: &str) -> Result<(), Broken> {
    let remedy = "write the group without its version, such as gateway.envoyproxy.io; \"\" is the core group";
    ensure(text.is_empty() || is_subdomain(text), || format!("{text:?} is no API group"), remedy)
}

/// A kind.
pub(super) fn kind(text: &str) -> Result<(), Broken> {
    let form = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let remedy = "write the kind as objects do, such as Backend";
    ensure(form && text.len() <= LONGEST_LABEL, || format!("{text:?} is no kind"), remedy)
}

/// A hostname that may begin with `*.`, as listeners and routes have it.
pub(super) fn hostname(text: &str) -> Result<(), Broken> {
    precise_hostname(text.strip_prefix("*.").unwrap_or(text)).map_err(|_| bad_hostname(text))
}

/// A hostname without a wildcard. An address is none (Gateway API `Hostname`: "IPs are not allowed").
pub(super) fn precise_hostname(text: &str) -> Result<(), Broken> {
    if is_subdomain(text) && text.parse::<IpAddr>().is_err() { Ok(()) } else { Err(bad_hostname(text)) }
}

/// A name to look up. One that looks like an address is translation's to judge (Envoy Gateway `Backend`).
pub(super) fn lookup_name(text: &str) -> Result<(), Broken> {
    if is_subdomain(text.strip_suffix('.').unwrap_or(text)) { Ok(()) } else { Err(bad_hostname(text)) }
}

fn bad_hostname(text: &str) -> Broken {
    let message = format!("{text:?} is no hostname");
    let remedy = match text {
        text if text.contains("://") => "leave the scheme and the path out, write the name only",
        text if text.contains('*') => {
            "a wildcard is allowed where many hosts are meant only, and as the whole first part"
        }
        text if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() => {
            "write a name; an address is not allowed here"
        }
        text if text.contains(':') => "leave the port out",
        text if text.ends_with('.') => "leave the dot at the end out",
        text if text.chars().any(|c| c.is_ascii_uppercase()) => "write it in lower case",
        _ => "use lower-case letters, digits, '-' and '.'",
    };
    Broken { message, remedy }
}

/// RFC 9110 field name.
pub(super) fn header(text: &str) -> Result<(), Broken> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let form = !text.is_empty() && text.len() <= LONGEST_HEADER_NAME && text.chars().all(is_token);
    ensure(form, || format!("{text:?} is no header name"), "use letters, digits and '-'; no ':' and no space")
}

/// A field value. It may be a credential, so that the message does not show it.
pub(super) fn header_value(text: &str) -> Result<(), Broken> {
    let blank = |c: char| c == ' ' || c == '\t';
    let visible = text.chars().all(|c| c.is_ascii_graphic() || blank(c));
    let spaced = !text.starts_with(blank) && !text.ends_with(blank) && !text.contains("  ");
    let form = !text.is_empty() && text.len() <= LONGEST_HEADER_VALUE && visible && spaced;
    let remedy = "use 1 to 4096 visible ASCII characters, single spaces between them and none at the ends";
    ensure(form, || "is no header value".to_owned(), remedy)
}

/// A port that something can listen on.
pub(super) fn port(port: u16) -> Result<(), Broken> {
    ensure(port != 0, || "is 0".to_owned(), "write a port from 1 to 65535")
}

fn ensure(holds: bool, message: impl Fn() -> String, remedy: &'static str) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { message: message(), remedy }) }
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= LONGEST_NAME && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_forms() {
        let check = |result: fn(&str) -> Result<(), Broken>, good: &[&str], bad: &[&str]| {
            good.iter().for_each(|text| assert_eq!(result(text), Ok(()), "{text}"));
            bad.iter().for_each(|text| assert!(result(text).is_err(), "{text}"));
        };
        check(label, &["a", "a-1"], &["", "-a", "a-", "A", "a.b"]);
        check(subdomain, &["a", "a.b-c"], &["", "a..b", "a_b", ".a"]);
        check(group, &["", "gateway.envoyproxy.io"], &["gateway.envoyproxy.io/v1alpha1"]);
        check(kind, &["HTTPRoute"], &["", "1a", "a-"]);
        check(hostname, &["a", "*.a.b", "a.b"], &["*", "a.*.b", "1.2.3.4", "A.b", "a.b:80", "https://a.b", "a.b."]);
        check(precise_hostname, &["a.b"], &["*.a.b", "::1"]);
        check(header, &["X-Y_z", "a"], &["", "a:", "a b", "é"]);
        check(header_value, &["Bearer x", "a\tb"], &["", " a", "a ", "a  b", "a\nb", "é"]);
    }

    #[test]
    fn a_bad_hostname_has_its_own_remedy() {
        let remedy = |text| hostname(text).unwrap_err().remedy;
        assert_eq!(remedy("https://a.b/c"), "leave the scheme and the path out, write the name only");
        assert_eq!(remedy("a.b:443"), "leave the port out");
        assert_eq!(remedy("10.0.0.1"), "write a name; an address is not allowed here");
    }
}
