//! `URLRewrite`, and the path modifiers that redirects share with it.

use sluice_gateway::filter::rewrite::{PathRewrite, UrlRewrite};
use sluice_gateway::matcher::host::is_dns_name;

use crate::api::{HTTPPathModifier, HTTPURLRewrite};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};

/// New host and path; `prefix` is what `ReplacePrefixMatch` replaces.
pub(crate) fn translate(given: &HTTPURLRewrite, prefix: Option<&str>, place: &Place) -> Result<UrlRewrite, Fault> {
    let HTTPURLRewrite { hostname: name, path: modifier } = given;
    Ok(UrlRewrite {
        hostname: name.as_ref().map(|text| hostname(text, &place.at("hostname"))).transpose()?,
        path: modifier.as_ref().map(|modifier| path(modifier, prefix, &place.at("path"))).transpose()?,
    })
}

/// A `PreciseHostname`: no wildcard, no port.
pub(crate) fn hostname(text: &str, place: &Place) -> Result<String, Fault> {
    if is_dns_name(text) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(unsupported(place.error(format!("{text:?} is no hostname"), "write one DNS name, without wildcard and port")))
}

/// A path modifier.
pub(crate) fn path(given: &HTTPPathModifier, prefix: Option<&str>, place: &Place) -> Result<PathRewrite, Fault> {
    let HTTPPathModifier { kind, replace_full_path, replace_prefix_match } = given;
    match (kind.as_str(), replace_full_path, replace_prefix_match) {
        ("ReplaceFullPath", Some(full), _) => {
            let full = rooted(full, &place.at("replaceFullPath"))?;
            Ok(PathRewrite::Full(if full.is_empty() { "/".to_owned() } else { full.to_owned() }))
        }
        ("ReplacePrefixMatch", _, Some(replacement)) => {
            let place = place.at("replacePrefixMatch");
            let prefix = prefix.ok_or_else(|| {
                unsupported(place.error(
                    "a prefix can be replaced only where the rule has exactly one match and that is a PathPrefix",
                    "split the rule, or use ReplaceFullPath",
                ))
            })?;
            Ok(PathRewrite::prefix(prefix, rooted(replacement, &place)?))
        }
        (other, ..) => {
            let message = format!("path modifier {other} is not known or lacks its value");
            Err(unsupported(place.error(message, "use ReplaceFullPath or ReplacePrefixMatch with its field")))
        }
    }
}

/// A path begins with `/`; an empty one is the root.
fn rooted<'a>(text: &'a str, place: &Place) -> Result<&'a str, Fault> {
    let well_formed = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#'));
    if (text.is_empty() || text.starts_with('/')) && well_formed {
        return Ok(text);
    }
    Err(unsupported(place.error(format!("{text:?} is no path"), "begin it with /, and leave out query and spaces")))
}

fn unsupported(fault: Fault) -> Fault {
    fault.fails(ConditionType::Accepted, Reason::UnsupportedValue)
}
