//! `RequestRedirect`.

use http::StatusCode;
use sluice_gateway::filter::redirect::Redirect;

use crate::api::HTTPRequestRedirect;
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};
use crate::translate::filter::rewrite;

/// Where clients are sent; `prefix` is what `ReplacePrefixMatch` replaces.
pub(crate) fn translate(given: &HTTPRequestRedirect, prefix: Option<&str>, place: &Place) -> Result<Redirect, Fault> {
    let HTTPRequestRedirect { scheme, hostname, path, port, status_code } = given;
    if let Some(scheme) = scheme.as_ref().filter(|s| !matches!(s.as_str(), "http" | "https")) {
        return Err(unsupported(
            place.at("scheme").error(format!("scheme {scheme:?} is not supported"), "use http or https"),
        ));
    }
    let hostname = hostname.as_ref().map(|text| rewrite::hostname(text, &place.at("hostname"))).transpose()?;
    let path = path.as_ref().map(|modifier| rewrite::path(modifier, prefix, &place.at("path"))).transpose()?;
    let status = status(status_code.unwrap_or(302), &place.at("statusCode"))?;
    Ok(Redirect { scheme: scheme.clone(), hostname, port: *port, path, status })
}

fn status(code: u16, place: &Place) -> Result<StatusCode, Fault> {
    StatusCode::from_u16(code).ok().filter(|_| matches!(code, 301 | 302 | 303 | 307 | 308)).ok_or_else(|| {
        unsupported(place.error(format!("a redirect cannot have status {code}"), "use 301, 302, 303, 307 or 308"))
    })
}

fn unsupported(fault: Fault) -> Fault {
    fault.fails(ConditionType::Accepted, Reason::UnsupportedValue)
}
