//! `RequestHeaderModifier` and `ResponseHeaderModifier`.

use std::collections::BTreeSet;

use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use sluice_gateway::filter::headers::HeaderModifier;

use crate::api::{HTTPHeader, HTTPHeaderFilter};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};

/// Changes to the head that goes upstream; `Host` is a rewrite's business (as in Envoy Gateway).
pub(crate) fn for_request(given: &HTTPHeaderFilter, place: &Place) -> Result<HeaderModifier, Fault> {
    let made = for_response(given, place)?;
    let mut names = made.set.iter().chain(&made.add).map(|(name, _)| name).chain(&made.remove);
    if names.any(|name| *name == HOST) {
        let fault = place.error("the Host header cannot be modified here", "use a URLRewrite filter with hostname");
        return Err(unsupported(fault));
    }
    Ok(made)
}

/// Changes to the head that goes to the client.
pub(crate) fn for_response(given: &HTTPHeaderFilter, place: &Place) -> Result<HeaderModifier, Fault> {
    let HTTPHeaderFilter { set, add, remove } = given;
    let remove = remove.iter().enumerate().map(|(index, text)| name(text, &place.at("remove").index(index)));
    Ok(HeaderModifier {
        set: pairs(set, &place.at("set"))?,
        add: pairs(add, &place.at("add"))?,
        remove: remove.collect::<Result<_, _>>()?,
    })
}

/// A header that may be written or removed. Those that say where a body ends are the engine's alone: one that lies
/// makes the next request out of a body's rest.
pub(crate) fn name(text: &str, place: &Place) -> Result<HeaderName, Fault> {
    let invalid = || unsupported(place.error(format!("{text:?} is no header name"), "correct it"));
    let name = HeaderName::try_from(text).map_err(|_| invalid())?;
    if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
        let message = format!("the header {name} cannot be modified");
        return Err(unsupported(place.error(message, "remove it: the length of a body is told by itself")));
    }
    Ok(name)
}

/// Of several entries of one name, the first counts (`HTTPHeader.name`).
fn pairs(headers: &[HTTPHeader], place: &Place) -> Result<Vec<(HeaderName, HeaderValue)>, Fault> {
    let mut seen = BTreeSet::new();
    let first_of_name = headers.iter().enumerate().filter(|(_, h)| seen.insert(h.name.to_ascii_lowercase()));
    let each = first_of_name.map(|(index, header)| {
        let place = place.index(index);
        let value = HeaderValue::from_str(&header.value).map_err(|_| {
            unsupported(place.at("value").error("the value holds characters that no header can carry", "remove them"))
        })?;
        Ok((name(&header.name, &place.at("name"))?, value))
    });
    each.collect()
}

fn unsupported(fault: Fault) -> Fault {
    fault.fails(ConditionType::Accepted, Reason::UnsupportedValue)
}
