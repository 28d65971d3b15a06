//! `ExtensionRef`: Envoy Gateway's HTTPRouteFilter.

use std::collections::BTreeMap;

use sluice_gateway::filter::credential::CredentialInjection;
use sluice_gateway::filter::headers::HeaderModifier;
use sluice_gateway::route::DirectResponse;

use crate::api::{HTTPRouteFilter, HTTPRouteFilterRewrite, LocalObjectReference};
use crate::objects::key::Key;
use crate::objects::{Kind, Objects};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};
use crate::translate::filter::{credential, direct_response};

/// All HTTPRouteFilters, by namespace and name: each is translated once, however many rules refer to it.
pub(crate) struct Extensions<'a>(BTreeMap<(&'a str, &'a str), Result<Extension, Fault>>);

/// What an HTTPRouteFilter makes.
#[derive(Clone)]
pub(crate) struct Extension {
    pub(crate) credential: Option<CredentialInjection>,
    pub(crate) answer: Option<DirectResponse>,
    /// Headers of that answer.
    pub(crate) response_headers: Option<HeaderModifier>,
}

/// Translates all HTTPRouteFilters. What is wrong with one is told by the rules that refer to it.
pub(crate) fn judge(objects: &Objects) -> Extensions<'_> {
    let each = objects.http_route_filters.iter();
    let each = each.map(|(key, o)| ((key.namespace.as_str(), key.name.as_str()), inside(objects, key, &o.spec)));
    Extensions(each.collect())
}

impl Extensions<'_> {
    /// Follows a reference; it always stays within the route's namespace.
    pub(crate) fn follow(
        &self,
        namespace: &str,
        reference: &LocalObjectReference,
        place: &Place,
    ) -> Result<Extension, Fault> {
        let LocalObjectReference { group, kind, name } = reference;
        if (group.as_str(), kind.as_str()) != (Kind::HTTPRouteFilter.group(), Kind::HTTPRouteFilter.name()) {
            let message = format!("extensions of kind {kind} in group {group:?} are not supported");
            let remedy = "refer to an HTTPRouteFilter of gateway.envoyproxy.io";
            return Err(unresolved(place.at("kind").error(message, remedy)));
        }
        self.0.get(&(namespace, name.as_str())).cloned().unwrap_or_else(|| {
            let message = format!("HTTPRouteFilter {namespace}/{name} does not exist");
            Err(unresolved(place.at("name").error(message, format!("create it in namespace {namespace}"))))
        })
    }
}

fn inside(objects: &Objects, key: &Key, spec: &HTTPRouteFilter) -> Result<Extension, Fault> {
    let HTTPRouteFilter { url_rewrite, direct_response, credential_injection, matches } = spec;
    let place = Place::of(Kind::HTTPRouteFilter, key).at("spec");
    if let Some(HTTPRouteFilterRewrite { .. }) = url_rewrite {
        let fault = place
            .at("urlRewrite")
            .error("urlRewrite of an HTTPRouteFilter is not supported", "use a URLRewrite filter");
        return Err(fault.fails(ConditionType::Accepted, Reason::UnsupportedValue));
    }
    if !matches.is_empty() {
        let fault =
            place.at("matches").error("matches of an HTTPRouteFilter are not supported", "match in the HTTPRoute");
        return Err(fault.fails(ConditionType::Accepted, Reason::UnsupportedValue));
    }
    let credential = credential_injection.as_ref();
    let credential = credential.map(|given| credential::translate(objects, key, given)).transpose()?;
    let answer = direct_response.as_ref();
    let answer = answer.map(|given| direct_response::translate(objects, key, given)).transpose()?;
    let (answer, response_headers) = answer.map_or((None, None), |(answer, headers)| (Some(answer), headers));
    Ok(Extension { credential, answer, response_headers })
}

fn unresolved(fault: Fault) -> Fault {
    fault.fails(ConditionType::ResolvedRefs, Reason::UnsupportedValue)
}
