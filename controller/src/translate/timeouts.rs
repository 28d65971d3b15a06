//! `HTTPRoute.spec.rules[].timeouts`.

use std::time::Duration;

use sluice_gateway::route::{DEFAULT_IDLE, Timeouts};

use crate::api::HTTPRouteTimeouts;
use crate::duration;
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};

/// What Envoy Gateway lets a route with a timeout be silent for at least.
const LEAST_IDLE: Duration = Duration::from_secs(3600);

/// The limits of a rule. Without any, only silence is limited: no wall clock cuts a live stream.
pub(crate) fn translate(given: Option<&HTTPRouteTimeouts>, place: &Place) -> Result<Timeouts, Fault> {
    let Some(HTTPRouteTimeouts { request, backend_request }) = given else { return Ok(Timeouts::default()) };
    let request = parse(request.as_deref(), &place.at("request"))?;
    let backend_request = parse(backend_request.as_deref(), &place.at("backendRequest"))?;
    // As Envoy Gateway has it, the timeout of the backend request stands for the route's own in this.
    let idle = match backend_request.or(request) {
        None => Some(DEFAULT_IDLE),
        Some(Duration::ZERO) => None,
        Some(timeout) => Some(timeout.max(LEAST_IDLE)),
    };
    // Zero switches a limit off.
    let limit = |timeout: Option<Duration>| timeout.filter(|t| !t.is_zero());
    Ok(Timeouts { request: limit(request), backend_request: limit(backend_request), idle })
}

fn parse(text: Option<&str>, place: &Place) -> Result<Option<Duration>, Fault> {
    let Some(text) = text else { return Ok(None) };
    duration::parse(text).map(Some).ok_or_else(|| {
        place
            .error(format!("{text:?} is no duration"), "write one such as 10m, 1h30m or 500ms")
            .fails(ConditionType::Accepted, Reason::UnsupportedValue)
    })
}
