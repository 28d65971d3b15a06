//! `HTTPRouteFilter.spec.directResponse`.

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;
use sluice_gateway::filter::headers::HeaderModifier;
use sluice_gateway::route::{AnswerBody, DirectResponse};

use crate::api::{self, DirectResponseBody, LocalObjectReference};
use crate::objects::key::Key;
use crate::objects::{Kind, Objects};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};
use crate::translate::filter::headers;

/// The key that is looked for first in a ConfigMap (Envoy Gateway `ResponseBodyConfigMapKey`).
const CONFIG_MAP_KEY: &str = "response.body";

/// The answer, for the HTTPRouteFilter `filter`, and the headers it is given.
pub(crate) fn translate(
    objects: &Objects,
    filter: &Key,
    given: &api::DirectResponse,
) -> Result<(DirectResponse, Option<HeaderModifier>), Fault> {
    let api::DirectResponse { content_type: kind, status_code, body: body_source, header } = given;
    let place = Place::of(Kind::HTTPRouteFilter, filter).at("spec.directResponse");
    let answer = || {
        let status = status(status_code.unwrap_or(200), &place.at("statusCode"))?;
        let content_type = kind.as_ref().map(|text| content_type(text, &place.at("contentType"))).transpose()?;
        let body = body_source.as_ref().map(|source| body(objects, filter, source, &place.at("body"))).transpose()?;
        let body = AnswerBody::Fixed { content_type, body: body.unwrap_or_default() };
        let headers = header.as_ref().map(|h| headers::for_response(h, &place.at("header"))).transpose()?;
        Ok((DirectResponse { status, body }, headers))
    };
    answer().map_err(|fault: Fault| fault.fails(ConditionType::Accepted, Reason::UnsupportedValue))
}

fn status(code: u16, place: &Place) -> Result<StatusCode, Fault> {
    StatusCode::from_u16(code)
        .ok()
        .filter(|_| (200..600).contains(&code))
        .ok_or_else(|| place.error(format!("an answer cannot have status {code}"), "use one of 200 to 599"))
}

fn content_type(text: &str, place: &Place) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(text).map_err(|_| place.error(format!("{text:?} is no content type"), "correct it"))
}

fn body(objects: &Objects, filter: &Key, source: &DirectResponseBody, place: &Place) -> Result<Bytes, Fault> {
    let DirectResponseBody { kind, inline, value_ref } = source;
    match (kind.as_str(), inline, value_ref) {
        ("Inline", Some(text), _) => Ok(Bytes::from(text.clone())),
        ("ValueRef", _, Some(reference)) => from_config_map(objects, filter, reference, &place.at("valueRef")),
        (other, ..) => {
            let message = format!("body of type {other} is not known or lacks its value");
            Err(place.error(message, "use Inline with inline, or ValueRef with valueRef"))
        }
    }
}

fn from_config_map(
    objects: &Objects,
    filter: &Key,
    reference: &LocalObjectReference,
    place: &Place,
) -> Result<Bytes, Fault> {
    let LocalObjectReference { group, kind, name } = reference;
    if (group.as_str(), kind.as_str()) != (Kind::ConfigMap.group(), Kind::ConfigMap.name()) {
        let message = format!("bodies of kind {kind} in group {group:?} are not supported");
        return Err(place.at("kind").error(message, "refer to a ConfigMap"));
    }
    let key = Key::new(filter.namespace.as_str(), name.as_str());
    let object = objects
        .config_maps
        .get(&key)
        .ok_or_else(|| place.at("name").error(format!("ConfigMap {key} does not exist"), "create it"))?;
    let data = &object.spec.data;
    let value = data.get(CONFIG_MAP_KEY).or_else(|| data.values().next());
    value.map(|bytes| Bytes::from(bytes.clone())).ok_or_else(|| {
        let remedy = format!("store the body under {CONFIG_MAP_KEY}");
        place.at("name").error(format!("ConfigMap {key} is empty"), remedy)
    })
}
